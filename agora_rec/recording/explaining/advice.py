"""What several rules advise, word for word."""

from typing import Final

MAKE_ANOTHER: Final = "make a new token for this cname and this uid, then acquire and start anew"
STORAGE: Final = (
    "compare vendor, region, bucket and keys with the vendor's console, and that the keys may write there; "
    "then start anew"
)
SEE_PAGE: Final = "open the page in a browser of your own, as the service would; then start anew"
WAIT_FOR_FILES: Final = "wait_finished() waits for the news; names follow rules meanwhile (agora_rec.files)"

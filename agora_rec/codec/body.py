"""The bytes of a request: used by the transport, shown to nobody."""

import hmac

from attrs import field, frozen

from agora_rec.secret import Secret


@frozen
class Body:
    """A request's JSON as bytes. It holds keys and tokens: its repr tells only its size."""

    _content: bytes = field(repr=False)

    def reveal(self) -> bytes:
        """Give the bytes, for the wire."""
        return self._content

    def digest(self, key: Secret) -> str:
        """A keyed digest: recognises these bytes, and gives nothing away."""
        return hmac.digest(key.reveal().encode(), self._content, "sha256").hex()

    def __len__(self) -> int:
        return len(self._content)

    def __repr__(self) -> str:
        return f"<Body of {len(self)} bytes>"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Body can't be pickled: it holds secrets")

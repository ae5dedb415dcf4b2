"""How a mixed picture is put together: four layouts, each with the same choices of background.

The same values serve at the start (`Transcoding.layout`) and during the recording (`update_layout`). A new
layout replaces the old one whole: what is None there goes back to the service's default, not to what the
start said. Every layout shows at most 17 users.
"""

from typing import ClassVar

from attrs import field, frozen

from agora_rec.model.choices import MixedVideoLayout, RenderMode
from agora_rec.model.converters import fraction, layout_regions, one_uid, optional_backgrounds, optional_uid


@frozen(kw_only=True)
class LayoutRegion:
    """One user's place on the canvas, in parts of its width and height.

    Positions and sizes are numbers from 0 to 1 and are rounded to the six decimals that the service knows;
    a region must not leave the canvas.

    Attributes:
        x_axis: left edge; 0 is the canvas' left.
        y_axis: top edge; 0 is the canvas' top.
        width: width.
        height: height.
        uid: whose picture; None: users are given regions in the order in which they join.
        alpha: from 0, transparent, to 1, the service's default.
        render_mode: crop (the service's default) or fit.
    """

    x_axis: float = field(converter=fraction)
    y_axis: float = field(converter=fraction)
    width: float = field(converter=fraction)
    height: float = field(converter=fraction)
    uid: int | str | None = field(default=None, converter=optional_uid)
    alpha: float | None = None
    render_mode: RenderMode | None = None


@frozen(kw_only=True)
class UserBackground:
    """The picture that stands for a user without video, after 3.5 s and once it is downloaded.

    Attributes:
        uid: the user.
        image_url: URL of a JPG or BMP of at most 6 MB. The current documents ask for HTTPS; older ones
            and the official Go client know HTTP too, so both are let through.
        render_mode: crop (the service's default) or fit.
    """

    uid: int | str = field(converter=one_uid)
    image_url: str
    render_mode: RenderMode | None = None


@frozen(kw_only=True)
class Background:
    """What all layouts have in common: what is seen where nobody is.

    Attributes:
        background_color: `#` and six hex digits; the service's default is black.
        background_image: URL of a picture, cropped to fill the canvas.
        default_user_background_image: URL of a picture for each user without video for more than 3.5 s.
        backgrounds: such pictures for single users; they win over the default one.
    """

    background_color: str | None = None
    background_image: str | None = None
    default_user_background_image: str | None = None
    backgrounds: tuple[UserBackground, ...] | None = field(default=None, converter=optional_backgrounds)


@frozen(kw_only=True)
class Floating(Background):
    """The first user fills the canvas, the others float above in small windows. The service's default."""

    mixed_video_layout: ClassVar[MixedVideoLayout] = MixedVideoLayout.FLOATING


@frozen(kw_only=True)
class BestFit(Background):
    """Equal regions, as many as there are users."""

    mixed_video_layout: ClassVar[MixedVideoLayout] = MixedVideoLayout.BEST_FIT


@frozen(kw_only=True)
class Vertical(Background):
    """One large picture at the left, the others in a column beside it.

    Attributes:
        max_resolution_uid: the user of the large picture. While that user is absent, the background
            is seen there.
    """

    mixed_video_layout: ClassVar[MixedVideoLayout] = MixedVideoLayout.VERTICAL
    max_resolution_uid: int | str = field(converter=one_uid)


@frozen(kw_only=True)
class Custom(Background):
    """Regions of your own.

    Attributes:
        regions: 1 to 17 regions.
    """

    mixed_video_layout: ClassVar[MixedVideoLayout] = MixedVideoLayout.CUSTOM
    regions: tuple[LayoutRegion, ...] = field(converter=layout_regions)


Layout = Floating | BestFit | Vertical | Custom
"""Every layout."""

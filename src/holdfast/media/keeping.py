"""A picture as a file for good: in its own quality, saying when it was taken and by whom, and its thumbnail.

Any thread. Not here: packing (still), what is written in it (exif), where it goes (library.still_files).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from holdfast.media.exif import Taken, exif, in_jpeg, in_webp
from holdfast.media.still import Form, Shot, Still, packed

MOST_THUMBNAIL_BYTES = 50_000  # specified (C094)
THUMBNAIL_QUALITY = 85  # specified (C016)
_POORER = 15  # chosen: a thumbnail that is too large is one of noise, where three steps halve it


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How stills of a camera look.

    Attributes:
        width: Pixels across at most; None is the true size.
        form: JPEG or WebP.
        quality: 1 to 100.
        thumbnail: Width and height into which thumbnails are fitted; None for none.
        zone: IANA name of the site's time zone.
    """

    width: int | None = None
    form: Form = Form.JPEG
    quality: int = 85
    thumbnail: tuple[int, int] | None = (498, 280)
    zone: str = "UTC"

    @property
    def ending(self) -> str:
        """End of a file's name."""
        return ".jpg" if self.form is Form.JPEG else ".webp"


def finished(shot: Shot, camera: str, style: Style) -> Still:
    """Return a picture as its file's bytes.

    Raises:
        BadInput: It cannot be packed.
        MissingDependency: This build of libav has no encoder for it.
    """
    still = packed(shot, width=style.width, form=style.form, quality=style.quality)
    about = exif(
        Taken(camera=camera, at_us=still.at_us, width=still.width, height=still.height, zone=style.zone)
    )  # fmt: skip
    if style.form is Form.JPEG:
        return replace(still, body=in_jpeg(still.body, about))
    return replace(still, body=in_webp(still.body, about, (still.width, still.height)))


def thumbnail(shot: Shot, size: tuple[int, int]) -> bytes:
    """Return a small JPEG of at most `MOST_THUMBNAIL_BYTES`.

    Raises:
        BadInput: It cannot be packed.
    """
    return small_enough(
        lambda quality: packed(shot, width=size[0], height=size[1], quality=quality).body, MOST_THUMBNAIL_BYTES
    )


def small_enough(pack: Callable[[int], bytes], most_bytes: int) -> bytes:
    """Pack as well as fits into a number of bytes; what does not fit at the worst quality stays as large as it is."""
    quality = THUMBNAIL_QUALITY
    while len(body := pack(quality)) > most_bytes and quality > _POORER:
        quality -= _POORER
    return body

"""Pictures compressed anew before they are sent, what their file says about them kept (C154).

Not here: which pictures (work.prepare), taking them (still, keeping). Any thread.
"""

from pathlib import Path
from typing import Any

import av
import av.error

from holdfast.core.errors import BadInput
from holdfast.media.exif import in_jpeg, in_webp
from holdfast.media.still import Form, Shot, packed
from holdfast.storage.errors import storage_errors

_QUALITY = 75  # chosen: half of the bytes of a still as it is taken, and nobody sees a difference on a screen
_START, _EXIF = b"\xff\xd8", b"Exif\x00\x00"
_APP1, _SCAN = 0xE1, 0xDA


def recompress(source: Path, into: Path, form: str, quality: int | None) -> None:
    """Write a picture in another form or quality.

    Args:
        source: A JPEG or WebP.
        into: What is written.
        form: `jpeg`, `webp`, or empty for its own.
        quality: 1 to 100; None is 75.

    Raises:
        BadInput: It is no picture.
        StorageError: It cannot be read or written.
        MissingDependency: This build of libav has no encoder for it.
    """
    with storage_errors("reading", source):
        body = source.read_bytes()
    wanted = Form(form) if form else (Form.JPEG if body.startswith(_START) else Form.WEBP)
    still = packed(_shot(source), form=wanted, quality=_QUALITY if quality is None else quality)
    about = _exif(body)
    packed_body = still.body
    if about and wanted is Form.JPEG:
        packed_body = in_jpeg(packed_body, about)
    elif about:
        packed_body = in_webp(packed_body, about, (still.width, still.height))
    with storage_errors("writing", into):
        into.write_bytes(packed_body)


def _shot(source: Path) -> Shot:
    try:
        with av.open(str(source)) as file:
            frame: Any = next(iter(file.decode(video=0)))
    except (av.error.FFmpegError, ValueError, StopIteration, IndexError) as error:
        raise BadInput(f"{source} is no picture that can be read: {error}") from error
    return Shot(frame, 0, frame.width, frame.height)


def _exif(body: bytes) -> bytes:
    """Return what a JPEG says about itself; empty where it says nothing."""
    at = len(_START)
    while body.startswith(_START) and at + 4 <= len(body) and body[at] == 0xFF and body[at + 1] != _SCAN:  # noqa: PLR2004 - what every marker begins with
        length = int.from_bytes(body[at + 2 : at + 4], "big")
        if body[at + 1] == _APP1 and body[at + 4 : at + 4 + len(_EXIF)] == _EXIF:
            return body[at + 4 + len(_EXIF) : at + 2 + length]
        at += 2 + length
    return b""

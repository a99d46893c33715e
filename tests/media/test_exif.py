"""What a still's file says of itself, read by other programs."""

import json
import subprocess
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import av
import numpy as np
import pytest

from holdfast.core.errors import BadInput
from holdfast.core.timing import parse_instant
from holdfast.media.exif import Taken, exif, in_jpeg, in_webp
from holdfast.media.still import Form, Shot, packed

AT_US = parse_instant("2026-05-01T18:00:00.040", ZoneInfo("UTC"))
TAKEN = Taken(camera="gate", at_us=AT_US, width=320, height=180, zone="America/St_Johns")


def body(form: Form) -> bytes:
    """Pack a grey picture of 320x180."""
    frame = av.VideoFrame.from_ndarray(np.full((180, 320), 90, np.uint8), format="gray")
    return packed(Shot(frame, AT_US, 320, 180), form=form).body


def probed(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what ffprobe says of a picture: the frame, and its tags."""
    argv = ["ffprobe", "-v", "error", "-show_frames", "-of", "json", str(path)]
    frame = json.loads(subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout)["frames"][0]
    return frame, {key: value.strip() for key, value in frame.get("tags", {}).items()}


@pytest.mark.needs("ffprobe")
def test_a_jpeg_says_when_by_whom_and_how_large(tmp_path: Path) -> None:
    """Camera, local time with its offset and part of a second, and the true size are read by ffprobe (C015)."""
    path = tmp_path / "a.jpg"
    path.write_bytes(in_jpeg(body(Form.JPEG), exif(TAKEN)))
    frame, tags = probed(path)
    assert (frame["width"], frame["height"]) == (320, 180)
    assert tags["DateTimeOriginal"] == tags["DateTime"] == "2026:05:01 15:30:00"
    assert (tags["SubSecTimeOriginal"], tags["ImageDescription"], tags["Software"]) == ("040", "gate", "Holdfast")
    assert (int(tags["PixelXDimension"]), int(tags["PixelYDimension"])) == (320, 180)
    offset = tags.get("OffsetTimeOriginal") or tags["0x9011"]  # older versions do not know its name
    assert offset == "-02:30"


@pytest.mark.needs("ffprobe")
def test_a_webp_says_the_same(tmp_path: Path) -> None:
    """The extended WebP is whole: the picture is decoded, and its chunks add up to the file (C015)."""
    path = tmp_path / "a.webp"
    about = exif(TAKEN)
    whole = in_webp(body(Form.WEBP), about, (320, 180))
    path.write_bytes(whole)
    frame, tags = probed(path)
    assert (frame["width"], frame["height"], tags["DateTimeOriginal"]) == (320, 180, "2026:05:01 15:30:00")
    assert int.from_bytes(whole[4:8], "little") == len(whole) - 8
    chunks, at = {}, 12
    while at < len(whole):
        size = int.from_bytes(whole[at + 4 : at + 8], "little")
        chunks[whole[at : at + 4]] = whole[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(whole)
    assert list(chunks) == [b"VP8X", b"VP8 ", b"EXIF"]
    assert chunks[b"EXIF"] == about


def test_offsets_east_and_utc() -> None:
    """An offset is written with its sign, two digits each."""
    for zone, words in (("Asia/Kathmandu", b"+05:45\0"), ("UTC", b"+00:00\0")):
        assert exif(Taken(camera="gate", at_us=AT_US, width=2, height=2, zone=zone)).count(words) == 2


def test_what_is_no_picture_is_refused() -> None:
    """Garbage is not dressed up as a picture."""
    with pytest.raises(BadInput):
        in_jpeg(b"garbage", b"")
    with pytest.raises(BadInput):
        in_webp(b"RIFF\0\0\0\0WAVE", b"", (2, 2))

"""Stills as files for good: true size, quality, thumbnails that are small."""

from pathlib import Path

import av
import numpy as np
import pytest

from holdfast.media.keeping import MOST_THUMBNAIL_BYTES, Style, finished, small_enough, thumbnail
from holdfast.media.still import Form, Shot

AT_US = 1_777_658_400_040_000


def shot(width: int, height: int, *, noise: bool = False) -> Shot:
    """Make a picture: a slope, or noise, which is what packs worst."""
    chance = np.random.default_rng(7)
    slope = np.broadcast_to(np.linspace(0, 255, width).astype(np.uint8)[None, :, None], (height, width, 3))
    pixels = chance.integers(0, 256, (height, width, 3)).astype(np.uint8) if noise else np.ascontiguousarray(slope)
    return Shot(av.VideoFrame.from_ndarray(pixels, format="rgb24"), AT_US, width, height)


def size_of(body: bytes, folder: Path) -> tuple[int, int]:
    """Decode a picture; its size."""
    path = folder / "picture"
    path.write_bytes(body)
    with av.open(str(path)) as media:
        frame = next(media.decode(video=0))
    return frame.width, frame.height


@pytest.mark.parametrize("form", list(Form))
def test_a_still_has_its_true_size(form: Form, tmp_path: Path) -> None:
    """Unscaled, a still is as large as the footage; what is said of it is measured from the picture (C015)."""
    still = finished(shot(1920, 1080), "gate", Style(form=form))
    assert (still.width, still.height, still.source_width, still.source_height) == (1920, 1080, 1920, 1080)
    assert size_of(still.body, tmp_path) == (1920, 1080)


def test_a_still_may_be_smaller(tmp_path: Path) -> None:
    """Scaled to a width, its shape stays, and both sizes are known (C015)."""
    still = finished(shot(1920, 1080), "gate", Style(width=640))
    assert (still.width, still.height, still.source_width, still.source_height) == (640, 360, 1920, 1080)
    assert size_of(still.body, tmp_path) == (640, 360)


@pytest.mark.parametrize("form", list(Form))
def test_quality_is_what_it_costs(form: Form) -> None:
    """A higher quality is a larger file, from 1 to 100."""
    sizes = [
        len(finished(shot(640, 360, noise=True), "gate", Style(form=form, quality=q)).body) for q in (1, 50, 85, 100)
    ]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("size", [(1920, 1080), (640, 480), (480, 640), (176, 144)])
def test_thumbnails_fit_and_are_small(size: tuple[int, int], tmp_path: Path) -> None:
    """Even of noise a thumbnail has at most 50 KB, fits into 498x280, keeps its shape, is never enlarged (C094)."""
    body = thumbnail(shot(*size, noise=True), (498, 280))
    width, height = size_of(body, tmp_path)
    assert len(body) <= MOST_THUMBNAIL_BYTES
    assert width <= min(498, size[0])
    assert height <= min(280, size[1])
    assert width / height == pytest.approx(size[0] / size[1], rel=0.02)


def test_packing_ends() -> None:
    """What never fits is packed at the worst quality, once, and not for ever."""
    asked: list[int] = []

    def pack(quality: int) -> bytes:
        asked.append(quality)
        return bytes(10)

    assert small_enough(pack, 5) == bytes(10)
    assert asked == sorted(set(asked), reverse=True)
    assert asked[-1] > 0

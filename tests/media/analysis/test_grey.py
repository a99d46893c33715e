"""The brightness of pictures as numbers."""

import av
import numpy as np
import pytest

from holdfast.core.quality import Region
from holdfast.media.analysis.grey import grey_of
from support.films import Picture, moving, noisy, plain

ALL = Region()
CODED = ["gray", "yuv420p", "yuvj420p", "yuv422p", "nv12", "yuv420p10le", "rgb24"]


def frame(picture: Picture, pixels: str = "gray") -> av.VideoFrame:
    """A picture as a decoder would hand it out."""
    return av.VideoFrame.from_ndarray(picture, format="gray").reformat(format=pixels)


@pytest.mark.parametrize("pixels", CODED)
@pytest.mark.parametrize(("grey", "percent"), [(0, 100.0), (9, 100.0), (12, 0.0), (200, 0.0)])
def test_black_is_ten_and_less_however_it_is_coded(pixels: str, grey: int, percent: float) -> None:
    """A pixel of grey 9 is black and one of 12 is not, in full and in limited range, with 8 and with 10 bits (C051)."""
    assert grey_of(frame(plain(grey), pixels), ALL).black_percent(10) == percent


def test_shares_have_one_decimal() -> None:
    """Black pixels are counted as a share of the picture, always, black or not (C051)."""
    picture = plain(0, (1920, 1080))
    picture[:, :288] = 200  # 15 %
    assert abs(grey_of(frame(picture), ALL).black_percent(10) - 85.0) <= 0.5
    assert grey_of(frame(plain(128)), ALL).black_percent(10) == 0.0


def test_only_the_region_is_looked_at() -> None:
    """A logo outside of the region does not keep a black picture from being black (C051)."""
    picture = plain(0)
    picture[:90, :] = 255
    assert grey_of(frame(picture), Region(0.0, 0.5, 1.0, 1.0)).black_percent(10) == 100.0
    assert grey_of(frame(picture), Region(0.9, 0.0, 0.9, 0.0)).black_percent(10) == 0.0  # never empty


@pytest.mark.parametrize("pixels", CODED)
def test_differences_are_in_grey(pixels: str) -> None:
    """A picture that is 20 grey brighter differs by 20, whatever range it is coded in (C052)."""
    one, other = grey_of(frame(plain(100), pixels), ALL), grey_of(frame(plain(120), pixels), ALL)
    assert one.difference(other) == pytest.approx(20, abs=1.2)
    assert one.difference(one) == 0.0


def test_grain_averages_out_and_motion_does_not() -> None:
    """Fresh grain on the same picture is a difference, but hardly a drift; stripes that moved on are both."""
    one, other = grey_of(frame(noisy(1, spread=4)), ALL), grey_of(frame(noisy(2, spread=4)), ALL)
    assert one.difference(other) > 4
    assert one.drift(other) < 0.8
    here, there = grey_of(frame(moving(0)), ALL), grey_of(frame(moving(0.1)), ALL)
    assert here.drift(there) > 10


def test_sizes_are_told_apart() -> None:
    """Pictures of different sizes are not compared, even where as many points were taken (C052)."""
    assert not grey_of(frame(plain(1, (640, 360))), ALL).same_size(grey_of(frame(plain(1, (320, 180))), ALL))


def test_the_picture_may_be_tiny() -> None:
    """Two by two pixels have a share and differences, too."""
    one = grey_of(frame(np.array([[0, 255], [0, 255]], np.uint8)), ALL)
    assert one.black_percent(10) == 50.0
    assert one.drift(one) == 0.0

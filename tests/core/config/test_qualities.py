from typing import Literal

import pytest

from holdfast.core.config.encode import EncodeConfig
from holdfast.core.config.qualities import encoding


@pytest.mark.parametrize(
    ("quality", "facts"),
    [
        ("low", (640, 360, 10.0, 400_000)),
        ("medium", (1280, 720, 15.0, 1_500_000)),
        ("high", (1920, 1080, 25.0, 4_000_000)),
    ],
)
def test_a_word_sets_size_rate_and_bits(
    quality: Literal["low", "medium", "high"], facts: tuple[int, int, float, int]
) -> None:
    """`quality` alone says all that an encoder must know (C149)."""
    made = encoding(EncodeConfig(quality=quality), "http")
    assert (made.width, made.height, made.frame_rate, made.bitrate_bps) == facts


def test_explicit_values_win() -> None:
    """Each value that is given goes before the quality's, the others stay (C149)."""
    made = encoding(EncodeConfig(quality="high", size="800x600", kbps=900), "http")
    assert (made.width, made.height, made.frame_rate, made.bitrate_bps) == (800, 600, 25.0, 900_000)
    assert encoding(EncodeConfig(frame_rate=3), "http").frame_rate == 3


def test_a_screen_is_taken_less_often() -> None:
    """A screen has a lower rate unless somebody says another one (C018)."""
    assert encoding(EncodeConfig(), "x11").frame_rate == 5
    assert encoding(EncodeConfig(frame_rate=12), "x11").frame_rate == 12


def test_single_pictures_are_asked_for_once_a_second() -> None:
    """An address of single pictures is asked at its configured rate, and once a second without one."""
    assert encoding(EncodeConfig(quality="high"), "http").poll_rate == 1
    assert encoding(EncodeConfig(frame_rate=0.1), "http").poll_rate == 0.1


def test_a_turned_camera_keeps_its_shape() -> None:
    """What a quality allows is turned with the picture; an explicit size is that of the recording (C020)."""
    made = encoding(EncodeConfig(rotation=90), "v4l2")
    assert (made.width, made.height) == (720, 1280)
    made = encoding(EncodeConfig(rotation=270, size="640x480"), "v4l2")
    assert (made.width, made.height) == (640, 480)

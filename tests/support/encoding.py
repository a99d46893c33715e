"""Raw pictures for tests of what encodes, and a look at what came of them."""

from collections.abc import Iterable
from typing import Any

import av
import numpy as np

from holdfast.core.camera import Sample, Track
from holdfast.media.decode import Coding, Decoder
from holdfast.media.source.contract import TracksChanged

QUARTERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
"""Colours of the four quarters of a picture: above left, above right, below left, below right."""


def quarters(width: int = 320, height: int = 240, pixels: str = "yuv420p") -> Any:
    """A picture of four colours, so that it can be told how it was turned."""
    body = np.zeros((height, width, 3), np.uint8)
    up, left = slice(0, height // 2), slice(0, width // 2)
    down, right = slice(height // 2, None), slice(width // 2, None)
    for colour, place in zip(QUARTERS, ((up, left), (up, right), (down, left), (down, right)), strict=True):
        body[place] = colour
    return av.VideoFrame.from_ndarray(body, "rgb24").reformat(format=pixels)


def colours(frame: Any) -> tuple[tuple[int, int, int], ...]:
    """The colours in the middle of a picture's quarters, each rounded to nothing or full."""
    body = frame.to_ndarray(format="rgb24")
    height, width = body.shape[:2]
    places = ((1, 1), (1, 3), (3, 1), (3, 3))
    found = []
    for row, column in places:
        red, green, blue = (255 if value > 127 else 0 for value in body[height * row // 4, width * column // 4])
        found.append((red, green, blue))
    return tuple(found)


def decoded(track: Track, items: Iterable[Sample | TracksChanged]) -> list[Any]:
    """The pictures in what was encoded, through a decoder that knows nothing but the track."""
    decoder = Decoder(Coding(0, track.codec, track.timescale, track.config, track.width, track.height))
    frames = []
    for item in items:
        assert isinstance(item, Sample)
        frames += decoder.feed(item.payload, item.pts_ticks, item.dts_ticks)
    frames += decoder.flush()
    assert decoder.damaged == 0
    return frames

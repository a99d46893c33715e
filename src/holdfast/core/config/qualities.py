"""From `quality = "medium"` to size, rate and bit rate: what a word about encoding means. Explicit values win. Pure."""

from typing import NamedTuple

from holdfast.core.config.encode import PIXELS, EncodeConfig
from holdfast.core.plan import Encoding


class Quality(NamedTuple):
    """What a word means: pixels at most, pictures a second, bits a second."""

    width: int
    height: int
    frame_rate: float
    bitrate_bps: int


QUALITIES = {
    "low": Quality(640, 360, 10.0, 400_000),
    "medium": Quality(1280, 720, 15.0, 1_500_000),
    "high": Quality(1920, 1080, 25.0, 4_000_000),
}
"""Chosen: what a phone line, a small board's processor, and a disk for a day's footage bear."""

SCREEN_RATE = 5.0  # chosen (C018): screens are read, not watched; each picture costs a copy of all its pixels
POLL_RATE = 1.0  # chosen: a request a second is what cameras bear that can do no better


def encoding(wanted: EncodeConfig, source: str) -> Encoding:
    """Return how pictures of a kind of source are encoded.

    The size is that of the picture as it is recorded: for one that is turned by 90 or 270 degrees the quality's
    width and height change places, an explicit size is taken as it stands.
    """
    quality = QUALITIES[wanted.quality]
    width, height = quality.width, quality.height
    if wanted.rotation in {90, 270}:
        width, height = height, width
    match = PIXELS.fullmatch(wanted.size)
    if match is not None:
        width, height = int(match[1]), int(match[2])
    rate = min(quality.frame_rate, SCREEN_RATE) if source == "x11" else quality.frame_rate
    return Encoding(
        width=width, height=height, frame_rate=wanted.frame_rate or rate, poll_rate=wanted.frame_rate or POLL_RATE,
        bitrate_bps=wanted.kbps * 1000 if wanted.kbps else quality.bitrate_bps,
        encoder=wanted.encoder, rotation=wanted.rotation,
    )  # fmt: skip

"""`encode`: how pictures are encoded that do not come as H.264 or H.265. Pure.

Not here: what a quality means (qualities).
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from holdfast.core.config.table import Table

PIXELS = re.compile(r"([1-7]?\d{1,2}[02468])x([1-7]?\d{1,2}[02468])")


def _pixels(value: str) -> str:
    if value and not PIXELS.fullmatch(value):
        raise ValueError(f"{value!r} is no size of a picture", "write it as 1280x720: even numbers up to 7680")
    return value


class EncodeConfig(Table):
    """`encode`: how pictures are encoded that do not come as H.264 or H.265: MJPEG, single JPEGs, screens, devices."""

    quality: Literal["low", "medium", "high"] = Field(
        default="medium",
        description="Sets size, rate and bit rate: 640x360, 10 a second, 400 kb/s; 1280x720, 15, 1500; 1920x1080, 25, "
        "4000. A screen is taken 5 times a second, an address of single pictures is asked once a second.",
    )
    size: Annotated[str, AfterValidator(_pixels)] = Field(
        default="", description="Largest size, as in 1280x720, instead of the quality's; smaller pictures stay small."
    )
    frame_rate: float | None = Field(
        default=None, ge=0.001, le=60, description="Pictures per second at most, instead of the quality's."
    )
    kbps: int | None = Field(
        default=None, ge=16, le=100_000, description="Kilobits per second, instead of the quality's."
    )
    encoder: str = Field(
        default="auto",
        pattern=r"^[a-z0-9_]+$",
        description="`auto` takes hardware where it really opens; `software`; or libav's name, such as h264_v4l2m2m.",
    )
    rotation: Literal[0, 90, 180, 270] = Field(default=0, description="Degrees clockwise to turn the picture by.")

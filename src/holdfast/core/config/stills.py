"""`stills`: pictures of a camera that are kept, one for each instant of a grid. Pure."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from holdfast.core.config.encode import PIXELS
from holdfast.core.config.recipients import Recipient
from holdfast.core.config.table import Table
from holdfast.core.config.windows import WindowConfig
from holdfast.core.still_names import PRESETS, wrong_with


def _size(value: str) -> str:
    if value and not PIXELS.fullmatch(value):
        raise ValueError(f"{value!r} is no size of a thumbnail", "write it as 498x280, even numbers; empty for none")
    return value


def _name(value: str) -> str:
    if wrong := wrong_with(value):
        raise ValueError(f"{value!r} {wrong}", f"one of {', '.join(PRESETS)}, or as in {{camera}}_{{date}}_{{time}}")
    return value


class StillsConfig(Table):
    """`stills`: pictures of a camera that are kept. They are taken from its footage, so nothing else connects to it."""

    enabled: bool = Field(default=False, description="Whether stills are taken.")
    every_s: float = Field(
        default=300.0, ge=0.04, le=86_400, description="Seconds from one to the next; 0.04 is 25 a second."
    )
    windows: tuple[WindowConfig, ...] = Field(
        default=(), description="Hours in which they are taken; none is always. The grid begins with each of them."
    )
    width: int | None = Field(
        default=None, ge=16, le=7680, description="Pixels across at most; unset is the true size."
    )
    form: Literal["jpeg", "webp"] = Field(default="jpeg", description="`jpeg` or `webp`.")
    quality: int = Field(default=85, ge=1, le=100, description="Quality of the pictures, 1 to 100.")
    thumbnail: Annotated[str, AfterValidator(_size)] = Field(
        default="498x280", description="Size into which thumbnails are fitted; empty makes none."
    )
    name: Annotated[str, AfterValidator(_name)] = Field(
        default="utc",
        description="Names of files: `utc`, `shop` or `bench`, or a text with {camera}, {location}, {utc}, {date}, "
        "{time}, {width} and {height}.",
    )
    sidecar: bool = Field(default=False, description="Write a JSON file with what was judged beside each of them.")
    encrypt: tuple[Recipient, ...] = Field(
        default=(),
        description="Public keys of age; stills are written only encrypted for them, without thumbnails.",
    )
    keep_days: float | None = Field(
        default=None, ge=0, le=36_500,
        description="Days that they are kept, once all their copies are there; unset is as long as there is room.",
    )  # fmt: skip

    def thumbnail_size(self) -> tuple[int, int] | None:
        """Return width and height into which thumbnails are fitted; None for none."""
        if not self.thumbnail:
            return None
        width, _, height = self.thumbnail.partition("x")
        return int(width), int(height)

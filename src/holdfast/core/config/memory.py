"""`[memory]`: where footage lies first of cameras with `capture.mode = "ram"`, and how much of it. Pure."""

from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

from holdfast.core.config.table import Table
from holdfast.core.config.targets import Folder
from holdfast.core.config.units import format_bytes, parse_bytes

LEAST_CAP = 16 * 10**6  # chosen: two seconds of sixteen cameras; a cap below it is most likely a mistake in the unit


def _cap(value: object) -> object:
    found = parse_bytes(value)
    if found < LEAST_CAP:
        raise ValueError("is less than a few seconds of footage", 'give it at least "16 MB", better some minutes')
    return found


class MemoryConfig(Table):
    """`[memory]`: the tmpfs that footage of some cameras lies on first."""

    dir: Folder | None = Field(
        default=None, description="Folder on a tmpfs; unset is /dev/shm. A folder of this node's own is made in it."
    )
    cap: Annotated[int, BeforeValidator(_cap), PlainSerializer(format_bytes)] = Field(
        default=256 * 2**20, description="Bytes that footage of this node may take there, all cameras together."
    )
    segment_s: int = Field(
        default=60, ge=1, le=3600,
        description="Files in memory are cut at clock multiples of this many seconds, where `segment_s` is longer: "
        "about as much a power cut costs, and so much is held or dropped at once.",
    )  # fmt: skip

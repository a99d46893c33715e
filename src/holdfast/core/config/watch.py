"""`watch`: what is judged in a camera's pictures and sound, and how long it must last to be an incident. Pure."""

from typing import Annotated

from pydantic import AfterValidator, Field

from holdfast.core.config.table import Table
from holdfast.core.incident import LOST, IncidentType, Rule
from holdfast.core.quality import Region, Thresholds
from holdfast.core.timing import SECOND_US

_SEEN = (
    IncidentType.BLACKSCREEN, IncidentType.FREEZE, IncidentType.MACROBLOCKS, IncidentType.ERRORS,
    IncidentType.AUDIO_LOSS,
)  # fmt: skip


def _region(value: str) -> str:
    if value:
        try:
            left, top, right, bottom = (float(part) for part in value.split())
        except ValueError as error:
            raise ValueError(
                f"{value!r} is no region", "write left, top, right, bottom in percent: 0 5 100 70"
            ) from error
        if not (0 <= left < right <= 100 and 0 <= top < bottom <= 100):  # noqa: PLR2004 - percent
            raise ValueError(f"{value!r} is no region", "left is before right and top before bottom, 0 to 100 percent")
    return value


class WatcherConfig(Table):
    """`[watcher]`: the process that judges pictures and sound."""

    enabled: bool = Field(default=True, description="Whether `holdfast run` starts it.")


class WatchConfig(Table):
    """`watch`: what the watcher looks at in a camera, and what it tells."""

    enabled: bool = Field(default=True, description="Whether pictures and sound are judged at all.")
    every_s: float = Field(default=2.0, ge=0.5, le=60, description="Seconds between two looks.")
    black: bool = Field(default=True, description="Tell of black pictures.")
    freeze: bool = Field(default=True, description="Tell of pictures that stand still.")
    silence: bool = Field(default=True, description="Tell of missing sound, where the camera has any.")
    lost: bool = Field(default=True, description="Tell of missing pictures.")
    errors: bool = Field(default=True, description="Tell of pictures that cannot be decoded, or only in part.")
    macroblocks: bool = Field(default=False, description="Measure and tell of pictures that fall apart into blocks.")
    loudness: bool = Field(default=False, description="Measure loudness as EBU R128 has it (momentary, in LUFS).")
    black_level: int = Field(default=10, ge=0, le=255, description="Grey at or below which a pixel is black.")
    black_percent: float = Field(
        default=95.0, ge=0, le=100, description="A picture with more black pixels than this is black, in percent."
    )
    freeze_difference: float = Field(
        default=0.5, ge=0, le=255, description="Pictures that differ by less grey than this on average are the same."
    )
    sound_percent: float = Field(
        default=5.0,
        ge=0,
        le=100,
        description="A louder level than this is sound, in percent: -60 dB is 0, 0 dB is 100.",
    )
    sound_age_s: float = Field(
        default=10.0, gt=0, le=60, description="Sound that ended more seconds before a picture says nothing about it."
    )
    region: Annotated[str, AfterValidator(_region)] = Field(
        default="",
        description="Part of the picture that is judged: left, top, right, bottom in percent, as 0 5 100 70.",
    )
    blocks: float = Field(
        default=2.2,
        ge=1,
        le=100,
        description="A picture whose edges are this much steeper on a grid of blocks than beside it has macroblocks.",
    )
    open_after_s: float = Field(
        default=3.0, ge=0, le=3600, description="Seconds that something must be seen to be an incident; 0 is at once."
    )
    close_after_s: float = Field(
        default=3.0, ge=0, le=3600, description="Seconds that it must be gone to be over; 0 is at once."
    )
    lost_after_s: float = Field(
        default=30.0, ge=10, le=3600, description="Seconds without pictures that are an incident."
    )

    def thresholds(self) -> Thresholds:
        """Return what is bad."""
        region = Region(*(float(part) / 100 for part in self.region.split())) if self.region else Region()
        return Thresholds(
            black_level=self.black_level, black_percent=self.black_percent, freeze_difference=self.freeze_difference,
            sound_percent=self.sound_percent, sound_age_s=self.sound_age_s, region=region,
            blocks=self.blocks,
        )  # fmt: skip

    def rules(self) -> dict[IncidentType, Rule]:
        """Return how long each type must last. A look every minute still makes an incident."""
        close_us, lapse_us = round(self.close_after_s * SECOND_US), round((13 + self.every_s) * SECOND_US)
        seen = Rule(round(self.open_after_s * SECOND_US), close_after_us=close_us, lapse_us=lapse_us)
        lost = Rule(round(self.lost_after_s * SECOND_US), close_after_us=close_us, lapse_us=lapse_us)
        return dict.fromkeys(_SEEN, seen) | dict.fromkeys(LOST, lost)

    def wanted(self) -> frozenset[IncidentType]:
        """Return which types are told at all."""
        switches = dict(zip(_SEEN, (self.black, self.freeze, self.macroblocks, self.errors, self.silence), strict=True))
        switches |= dict.fromkeys(LOST, self.lost)
        return frozenset(kind for kind, on in switches.items() if on)

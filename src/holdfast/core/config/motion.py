"""`motion`: when something that moves before a camera is an event, and what is kept of it. Pure."""

from typing import Annotated

from pydantic import AfterValidator, Field

from holdfast.core.area import read_polygons
from holdfast.core.config.table import Table
from holdfast.core.event import Rule
from holdfast.core.timing import SECOND_US


def _polygons(value: str) -> str:
    read_polygons(value)
    return value


Polygons = Annotated[str, AfterValidator(_polygons)]


class MotionConfig(Table):
    """`motion`: what moves before a camera, as events."""

    enabled: bool = Field(default=False, description="Whether what moves becomes an event.")
    sensitivity: int = Field(
        default=50, ge=1, le=100, description="How faint a change may be: 1 sees bold ones alone, 100 the faintest."
    )
    min_area: float = Field(
        default=0.3, gt=0, le=100, description="Smallest part of the picture that must change, in percent."
    )
    cool_down_s: float = Field(
        default=65.0, ge=1, le=3600, description="Seconds of rest that end an event; less is a pause in it."
    )
    pre_roll_s: float = Field(
        default=20.0, ge=0, le=600, description="Seconds of footage before an event that belong to it."
    )
    post_roll_s: float = Field(
        default=5.0, ge=0, le=600, description="Seconds of footage after an event that belong to it."
    )
    second_s: float = Field(
        default=4.0, ge=0.5, le=60, description="Seconds from the first picture of an event to its second one."
    )
    masks: Polygons = Field(
        default="", description="Polygons that are left out, in percent: 0,0 40,0 40,10 0,10; several apart by `;`."
    )
    zones: Polygons = Field(default="", description="Polygons that alone are looked at; empty is the whole picture.")

    def rule(self) -> Rule:
        """Return when motion is an event."""
        return Rule(least=self.min_area, cool_down_us=round(self.cool_down_s * SECOND_US))

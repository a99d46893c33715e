"""What the watcher saw and heard last at a camera, and its incidents, for the camera's page.

Not here: the page (camera), all incidents (incidents).
"""

from dataclasses import dataclass

from holdfast.catalog.db import Catalog
from holdfast.catalog.incidents import Wanted
from holdfast.catalog.measures import Measure
from holdfast.core.config import CameraConfig
from holdfast.core.errors import CatalogError
from holdfast.core.quality import volume_percent
from holdfast.core.timing import DAY_US, MINUTE_US
from holdfast.http.context import Context
from holdfast.library import incidents, measuring

NEAR = 0.8  # chosen: so near to a threshold it is worth a colour before anything is wrong


@dataclass(frozen=True, slots=True)
class Value:
    """A measure in words: `health` is well, degraded (near its threshold) or lost (beyond it)."""

    label: str
    words: str
    health: str


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known. `at_us` is when it was seen, None where nothing was in the last minute."""

    at_us: int | None
    values: tuple[Value, ...]
    active: int
    week: int


def watched(
    context: Context, catalog: Catalog | None, camera: str, settings: CameraConfig | None
) -> Watched | None:  # fmt: skip
    """Return it; None for a camera that nobody watches, and while the catalog is away."""
    if catalog is None or settings is None or not (settings.watch.enabled and context.config.watcher.enabled):
        return None
    now_us = context.clock.wall_us()
    try:
        last = measuring.newest(catalog, camera, context.node)
        active = incidents.count(catalog, Wanted(camera=camera, open=True))
        week = incidents.count(catalog, Wanted(camera=camera, from_us=now_us - 7 * DAY_US))
    except CatalogError:
        return None
    if last is None or now_us - last.at_us > MINUTE_US:
        return Watched(None, (), active, week)
    return Watched(last.at_us, tuple(_values(last, settings)), active, week)


def _values(last: Measure, settings: CameraConfig) -> list[Value]:
    limits = settings.watch
    found = []
    if last.black_percent is not None:
        words = f"{last.black_percent:.1f} % black"
        found.append(Value("Picture", words, _above(last.black_percent, limits.black_percent)))
    if last.difference is not None:
        found.append(
            Value("Motion", f"{last.difference:.1f} of 255", _below(last.difference, limits.freeze_difference))
        )
    if last.mean_db is not None:
        percent = volume_percent(last.mean_db)
        found.append(Value("Sound", f"{percent:.0f} %, {last.mean_db:.0f} dB", _below(percent, limits.sound_percent)))
    if last.loudness is not None:
        found.append(Value("Loudness", f"{last.loudness:.1f} LUFS", "well"))
    if last.blocks is not None:
        found.append(Value("Blocks", f"{last.blocks:.1f}", _above(last.blocks, limits.blocks)))
    if last.damaged:
        found.append(Value("Decoding", f"{last.damaged} damaged", "lost"))
    return found


def _above(value: float, limit: float) -> str:
    return "lost" if value > limit else "degraded" if value > limit * NEAR else "well"


def _below(value: float, limit: float) -> str:
    return "lost" if value <= limit else "degraded" if value * NEAR <= limit else "well"

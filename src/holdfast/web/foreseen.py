"""What settings of retention would mean, beside the form that they are typed into: what goes next, now and then.

Not here: the decision (library.retention), saving (settings, camera_edit), all of it in full (storage).
"""

from dataclasses import dataclass

from holdfast.core.config import Config
from holdfast.http.context import Context
from holdfast.library.retention_preview import Outcome, outcome
from holdfast.web.storage import Line, lines_of, sentence

SHOWN = 8  # lines; the rest is summed up


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one version of the settings leads to. `volumes`: name, sentence, and when it is full, or None."""

    outcome: Outcome
    lines: tuple[Line, ...]
    volumes: tuple[tuple[str, str, int | None], ...]

    @property
    def more(self) -> int:
        """How many lines are not shown."""
        return max(0, len(self.lines) - SHOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """As it is, and as it would be."""

    now: Side
    then: Side


def foreseen(context: Context, then: Config) -> Foreseen:
    """Compare what is in force with other settings.

    Raises:
        CatalogUnavailable: The catalog did not answer.
    """
    return Foreseen(now=_side(context, context.config), then=_side(context, then))


def _side(context: Context, config: Config) -> Side:
    found = outcome(context.catalog(), config, context.clock, node=context.node)
    names = {camera: one.name or camera for camera, one in config.cameras.items()}
    now_us = context.clock.wall_us()
    return Side(
        outcome=found, lines=tuple(lines_of(found.going, names)),
        volumes=tuple((one.volume, sentence(one, now_us), one.full_us) for one in found.forecasts),
    )  # fmt: skip

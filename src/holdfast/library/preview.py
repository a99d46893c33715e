"""What other thresholds would have told: measures that are stored are judged again, and no picture is decoded.

Looks are kept for two days, so that is how far back it goes. What was not measured cannot be judged: another region,
another level of black or a look more often would have measured something else; `holdfast watch --from --to` looks at
the footage again for that.

Any thread. Not here: measuring (media.analysis), rules (core.quality, core.incident).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from holdfast.catalog.db import Catalog
from holdfast.catalog.measures import Measure
from holdfast.catalog.nodes import LOCAL
from holdfast.core.config.problems import dotted, explain
from holdfast.core.config.watch import WatchConfig
from holdfast.core.errors import UsageError
from holdfast.core.incident import LOST, Change, IncidentType, Stage, Watch, outcomes, step
from holdfast.core.quality import conditions
from holdfast.library.measuring import measured, seen_of

SHOWN = frozenset({
    "black", "freeze", "silence", "macroblocks", "errors", "black_percent", "freeze_difference", "sound_percent",
    "blocks", "open_after_s", "close_after_s",
})  # fmt: skip
"""Settings whose effect stored measures show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An incident that there would have been; `end_us` is None where it lasted to the end of the span."""

    type: IncidentType
    start_us: int
    end_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What was and what would have been told.

    Attributes:
        looks: How many were judged.
        first_us: Wall time of the first of them; None where there are none.
        last_us: Of the last one.
        now: What the settings as they are tell of them.
        then: What the changed ones tell.
        unseen: Keys that were changed, and whose effect stored measures do not show.
        more: There were more looks than are judged at once; the first ones were.
    """

    looks: int
    first_us: int | None
    last_us: int | None
    now: Sequence[Told]
    then: Sequence[Told]
    unseen: Sequence[str]
    more: bool


def changed(wanted: WatchConfig, keys: Mapping[str, Any]) -> WatchConfig:
    """Return settings with some of them changed.

    Raises:
        UsageError: They make no sense; the text names the key.
    """
    try:
        return WatchConfig.model_validate({**wanted.model_dump(), **keys})
    except ValidationError as error:
        path, message, hint = explain(error.errors(include_url=False)[0], WatchConfig)
        raise UsageError(f"watch.{dotted(path)}: {message}", hint=hint) from error


def preview(
    catalog: Catalog, camera: str, span: tuple[int, int], before: WatchConfig, after: WatchConfig, *, node: str = LOCAL
) -> Preview:
    """Judge the stored looks of a span by two sets of settings.

    Args:
        catalog: The catalog.
        camera: Id of the camera.
        span: Begin and end, wall time.
        before: The settings as they are.
        after: As they would be.
        node: Name of the node.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    found = measured(catalog, camera, *span, by_minutes=False, node=node)
    looks = found.looks
    was, would = before.model_dump(), after.model_dump()
    unseen = [key for key in was if was[key] != would[key] and key not in SHOWN]
    return Preview(
        looks=len(looks), first_us=looks[0].at_us if looks else None, last_us=looks[-1].at_us if looks else None,
        now=judged(looks, before), then=judged(looks, after), unseen=unseen, more=found.more,
    )  # fmt: skip


def judged(looks: Sequence[Measure], wanted: WatchConfig) -> list[Told]:
    """Return the incidents that settings make of looks, by their begin. Missing pictures are not among them."""
    limits, rules = wanted.thresholds(), wanted.rules()
    kinds = wanted.wanted() - LOST if wanted.enabled else frozenset()
    told: list[Told] = []
    changes: list[Change] = []
    watch = Watch()
    lapse_us = max(rule.lapse_us for rule in rules.values())
    for look in looks:
        if watch.taken_us is not None and look.at_us - watch.taken_us > lapse_us:
            # Between looks so far apart there were no pictures, which is an incident of its own and ends the others.
            told += _told(changes, watch.taken_us)
            watch, changes = Watch(), []
        watch, more = step(watch, look.at_us, conditions(seen_of(look, look.at_us), limits, kinds), rules)
        changes += more
    return told + _told(changes, None)


def _told(changes: Sequence[Change], until_us: int | None) -> list[Told]:
    return [
        Told(
            type=case.type, start_us=case.start_us,
            end_us=case.good_us if case.stage is Stage.RESOLVED else case.good_us or until_us,
        )
        for case in outcomes(changes)
    ]  # fmt: skip

"""How complete the footage is, a camera and a site's day at a time, and why it is not.

Four things stay different: *recorded* (a segment was made), *planned* gaps (nobody wanted a recording; they do not
lower the percentage), *lost time* (any other gap), and of what was recorded what is still *available*, was *removed* by
policy, or is *missing* although nobody removed it. Days are the site's: 23 or 25 hours long where its clocks change.

Two sources, one answer: the catalog's rows, or the journals themselves where the catalog is away.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from holdfast.catalog import cameras, gaps, segments
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.rows import Id
from holdfast.core.camera import StreamKey
from holdfast.core.errors import CatalogUnavailable, UsageError
from holdfast.core.gap import PLANNED, Gap, gap_of
from holdfast.core.journal import LOST_MEMORY
from holdfast.core.timing import from_datetime, to_datetime
from holdfast.library.footage import indexed_node
from holdfast.library.timeline import lost, stream_timeline, streams_on

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is known about a stream within a span: all that coverage is computed from."""

    key: StreamKey
    span: Span
    gaps: tuple[Gap, ...]
    removed: tuple[Span, ...]
    missing: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """One stream's coverage of one day. Times in microseconds; `from_us` to `to_us` is the part of the day known about.

    `recorded_us` + `planned_us` + `lost_us` is the length of that part; `available_us` + `removed_us` + `missing_us` is
    `recorded_us`.
    """

    key: StreamKey
    day: str
    from_us: int
    to_us: int
    recorded_us: int
    planned_us: int
    lost_us: int
    available_us: int
    removed_us: int
    missing_us: int
    gaps: tuple[Gap, ...]

    @property
    def percent(self) -> float | None:
        """What was recorded of what was wanted; None where nothing was. 100 only where nothing at all is lost."""
        return percent_of(self.recorded_us, self.lost_us)


def percent_of(recorded_us: int, lost_us: int) -> float | None:
    """Return a percentage to two places that is 100 only where nothing is lost; None of nothing."""
    wanted_us = recorded_us + lost_us
    if wanted_us == 0:
        return None
    return 100.0 if lost_us == 0 else min(99.99, round(100 * recorded_us / wanted_us, 2))


def day_span(day: date, zone: ZoneInfo) -> Span:
    """Return a site's day as instants: from its midnight to the next, 23, 24 or 25 hours later."""
    ends = (datetime(at.year, at.month, at.day, tzinfo=zone) for at in (day, day + timedelta(days=1)))
    first, last = ends
    return from_datetime(first), from_datetime(last)


def read_day(text: str, zone: ZoneInfo, now_us: int) -> date:
    """Read `today`, `yesterday` or `2026-05-01` as a day of the site.

    Raises:
        UsageError: It is none.
    """
    today = to_datetime(now_us, zone).date()
    word = text.strip().lower()
    if word in {"today", "yesterday"}:
        return today - timedelta(days=word == "yesterday")
    try:
        return date.fromisoformat(word)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a day", hint="write today, yesterday or 2026-05-01") from error


def from_catalog(
    catalog: Catalog, days: Iterable[date], zone: ZoneInfo, now_us: int, *, camera: str | None = None, node: str = LOCAL
) -> list[Coverage]:
    """Compute coverage from rows.

    Args:
        catalog: An open catalog.
        days: Days of the site.
        zone: The site's time zone.
        now_us: Now; what comes later is not expected yet.
        camera: Only this camera, ignoring case.
        node: Whose indexer must be up to date.

    Raises:
        CatalogUnavailable: It did not answer, or its indexer has not run for a minute.
    """
    spans = [(day.isoformat(), day_span(day, zone)) for day in days]
    return of_spans(catalog, spans, now_us, camera=camera, node=node)


def of_spans(
    catalog: Catalog, wanted: Sequence[tuple[str, Span]], now_us: int, *, camera: str | None = None, node: str = LOCAL
) -> list[Coverage]:
    """Compute coverage of any spans from rows; each has a name, which stands as `day` in what is returned.

    Arguments and errors are those of `from_catalog`.
    """
    with catalog.read() as tx:
        if indexed_node(tx, node, now_us, now_us) is None:
            raise CatalogUnavailable(
                "the catalog is not up to date: journals have not been indexed for over a minute",
                hint="is the worker running? holdfast coverage --from-journals asks the journals instead",
            )
        found: list[Coverage] = []
        for stream in cameras.streams(tx, camera=camera):
            begins = [segments.first_us(tx, stream.id), gaps.first_us(tx, stream.id)]
            start_us = min((at for at in begins if at is not None), default=now_us)
            spans = [(day, max(first_us, start_us), min(last_us, now_us)) for day, (first_us, last_us) in wanted]
            known = [(day, from_us, to_us) for day, from_us, to_us in spans if from_us < to_us]
            if known:
                # One look for all days: a month of 32 cameras is 2000 questions otherwise.
                ledger = _rows(tx, stream.id, stream.key, (min(d[1] for d in known), max(d[2] for d in known)))
                found += [_coverage(_part(ledger, (from_us, to_us)), day) for day, from_us, to_us in known]
        return found


def _rows(tx: Transaction, stream: Id, key: StreamKey, span: Span) -> Ledger:
    spans = [
        gap_of(row.start_us, row.end_us, row.reason, row.detail, span[1]) for row in gaps.between(tx, stream, *span)
    ]
    gone = segments.gone(tx, stream, *span)
    removed = tuple((start_us, end_us) for start_us, end_us, on_purpose in gone if on_purpose)
    missing = tuple((start_us, end_us) for start_us, end_us, on_purpose in gone if not on_purpose)
    return Ledger(key, span, tuple(spans), removed, missing)


def _part(ledger: Ledger, span: Span) -> Ledger:
    """Return what of a ledger touches a span within its own, and what lasts into it reaches to its end."""
    from_us, to_us = span
    removed, missing = (
        tuple(one for one in spans if one[0] < to_us and one[1] > from_us) for spans in (ledger.removed, ledger.missing)
    )
    gaps_in = tuple(gap for gap in ledger.gaps if gap.start_us < to_us and gap.end_us > from_us)
    return Ledger(ledger.key, span, gaps_in, removed, missing)


def from_journals(
    volumes: Mapping[str, Path], days: Iterable[date], zone: ZoneInfo, now_us: int, *, camera: str | None = None
) -> list[Coverage]:
    """Compute coverage from journals and files alone; as `from_catalog`, but slower with a long history.

    Raises:
        StorageError: A volume does not answer.
    """
    wanted = list(days)
    found: list[Coverage] = []
    for key in streams_on(volumes):
        if camera is not None and key.camera.lower() != camera.lower():
            continue
        line = stream_timeline(volumes, key, now_us)
        # As the rows have it: what precedes the first of them was too short to be a gap, and is no footage either.
        starts = [segment.start_us for segment in line.segments] + [gap.start_us for gap in line.gaps]
        start_us = min(starts, default=now_us)
        for day in wanted:
            first_us, last_us = day_span(day, zone)
            span = (max(first_us, start_us), min(last_us, now_us))
            if span[0] >= span[1]:
                continue
            pieces = [s for s in line.segments if s.start_us < span[1] and s.end_us > span[0]]
            removed = tuple((s.start_us, s.end_us) for s in pieces if s.removed_why not in {None, LOST_MEMORY})
            missing = tuple((s.start_us, s.end_us) for s in pieces if lost(volumes, s))
            found.append(_coverage(Ledger(key, span, line.gaps, removed, missing), day.isoformat()))
    return found


def _coverage(ledger: Ledger, day: str) -> Coverage:
    from_us, to_us = ledger.span
    inside = tuple(
        Gap(max(gap.start_us, from_us), min(gap.end_us, to_us), gap.reason, gap.detail, gap.open)
        for gap in ledger.gaps
        if gap.start_us < to_us and gap.end_us > from_us
    )
    planned_us = sum(gap.end_us - gap.start_us for gap in inside if gap.reason in PLANNED)
    lost_us = sum(gap.end_us - gap.start_us for gap in inside) - planned_us
    recorded_us = to_us - from_us - planned_us - lost_us
    removed_us = _length(ledger.removed, ledger.span)
    missing_us = _length(ledger.missing, ledger.span)
    return Coverage(
        key=ledger.key, day=day, from_us=from_us, to_us=to_us, recorded_us=recorded_us,
        planned_us=planned_us, lost_us=lost_us, available_us=max(0, recorded_us - removed_us - missing_us),
        removed_us=removed_us, missing_us=missing_us, gaps=inside,
    )  # fmt: skip


def _length(spans: Iterable[Span], within: Span) -> int:
    """Return how much of a span others cover together, each instant counted once."""
    total, at = 0, within[0]
    for start_us, end_us in sorted(spans):
        begin, finish = max(start_us, at), min(end_us, within[1])
        if finish > begin:
            total += finish - begin
            at = finish
    return total

"""Reports: what was expected of each camera in a span, what came of it, and why the rest did not.

Four kinds: `hourly` (a day, hour by hour), `daily` (a day), `weekly` and `monthly` (day by day, with trends). Days are
the site's: 23 or 25 hours long where its clocks change, and what is expected follows. Expected is what was wanted: not
hours in which a camera is switched off, or outside of its windows.

From the catalog alone. Any thread, but never an event loop. Not here: words and pages (report_words, web), trends
(trends), the percentage of one stream and day (coverage).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from holdfast.catalog import cameras, nodes, reports
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.reports import Files, Stills
from holdfast.catalog.rows import Id
from holdfast.core.camera import StreamKey
from holdfast.core.errors import UsageError
from holdfast.core.gap import PLANNED, Gap
from holdfast.core.timing import HOUR_US, SECOND_US, to_datetime
from holdfast.library.coverage import Coverage, Span, day_span, of_spans, percent_of


class ReportKind(StrEnum):
    """What a report is about."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class Period:
    """A part of a report's span: `00:00` or `2026-05-01`, and from when to when."""

    label: str
    from_us: int
    to_us: int


@dataclass(slots=True, kw_only=True)
class Line:
    """One stream in one period, or several added up. Lengths in microseconds.

    `expected_us` is `got_us` + `lost_us`; planned gaps are in neither. What is a camera's, such as stills, stands with
    its main stream.
    """

    camera: str
    stream: str
    period: str = ""
    got_us: int = 0
    lost_us: int = 0
    planned_us: int = 0
    removed_us: int = 0
    missing_us: int = 0
    failures: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    files: int = 0
    bytes: int = 0
    kept_bytes: int = 0
    stills_taken: int = 0
    stills_missed: int = 0
    stills_bytes: int = 0
    incidents: Counter[str] = field(default_factory=Counter)
    events: int = 0
    deliveries: Counter[str] = field(default_factory=Counter)

    @property
    def expected_us(self) -> int:
        """How long footage was wanted."""
        return self.got_us + self.lost_us

    @property
    def percent(self) -> float | None:
        """Footage that was got of what was expected; None where nothing was. 100 only where nothing at all is lost."""
        return percent_of(self.got_us, self.lost_us)

    @property
    def stills_percent(self) -> float | None:
        """Stills that were taken of those planned; None where none was."""
        return percent_of(self.stills_taken, self.stills_missed)

    def add(self, other: "Line") -> None:
        """Add another one up."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_FIRST_YEAR, _LAST_YEAR = 1971, 9998  # years that have instants on both sides
_SUMS = tuple(name for name in Line.__dataclass_fields__ if name not in {"camera", "stream", "period"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report.

    Attributes:
        kind: Which one.
        day: The day that it was asked for.
        from_us: Begin of its span.
        to_us: End of its span, which may lie in the future.
        made_us: When it was made: what comes later is not expected yet.
        zone: The site's time zone.
        periods: Parts of the span, oldest first.
        lines: One a stream and period.
        cameras: One a stream, over the whole span.
        total: All of it.
    """

    kind: ReportKind
    day: date
    from_us: int
    to_us: int
    made_us: int
    zone: ZoneInfo
    periods: tuple[Period, ...]
    lines: tuple[Line, ...]
    cameras: tuple[Line, ...]
    total: Line

    def of_period(self, label: str) -> Line:
        """Return all streams of one period added up."""
        return summed((line for line in self.lines if line.period == label), Line(camera="", stream="", period=label))


def make(
    catalog: Catalog, kind: ReportKind, day: date, zone: ZoneInfo, now_us: int, *, camera: str | None = None,
    node: str = LOCAL,
) -> Report:  # fmt: skip
    """Make a report.

    Args:
        catalog: An open catalog.
        kind: Which one.
        day: A day of the site; of a weekly or monthly report, any day in it.
        zone: The site's time zone.
        now_us: Now.
        camera: Only this camera, ignoring case.
        node: Whose.

    Raises:
        UsageError: The day lies at the edge of what calendars know.
        CatalogUnavailable: It did not answer, or its indexer has not run for a minute.
    """
    periods = periods_of(kind, day, zone)
    spans = [(period.label, (period.from_us, period.to_us)) for period in periods]
    lines: dict[tuple[StreamKey, str], Line] = {}
    before: Coverage | None = None
    for found in of_spans(catalog, spans, now_us, camera=camera, node=node):
        same = before is not None and before.key == found.key and before.to_us == found.from_us
        lines[found.key, found.day] = _of_coverage(found, before if same else None)
        before = found
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        if number is not None:
            streams = {stream.key: stream.id for stream in cameras.streams(tx, number, camera=camera)}
            for period in periods:
                _add_counts(tx, number, period, streams, lines)
    ordered = sorted(lines.values(), key=lambda line: (line.camera, line.stream, line.period))
    keys = dict.fromkeys((line.camera, line.stream) for line in ordered)
    by_stream = [
        summed((one for one in ordered if (one.camera, one.stream) == key), Line(camera=key[0], stream=key[1]))
        for key in keys
    ]
    return Report(
        kind=kind, day=day, from_us=periods[0].from_us, to_us=periods[-1].to_us, made_us=now_us, zone=zone,
        periods=tuple(periods), lines=tuple(ordered), cameras=tuple(by_stream),
        total=summed(by_stream, Line(camera="", stream="")),
    )  # fmt: skip


def periods_of(kind: ReportKind, day: date, zone: ZoneInfo) -> list[Period]:
    """Return the parts of a report's span: hours as they pass, days of the site, the week from Monday on.

    Raises:
        UsageError: The day lies at the edge of what calendars know, or the site left it out.
    """
    check_day(day)
    begin_us, end_us = day_span(day, zone)
    if begin_us == end_us and kind in {ReportKind.HOURLY, ReportKind.DAILY}:
        raise UsageError(f"there was no {day} in {zone.key}: its clocks went on by a day")
    if kind is ReportKind.HOURLY:
        return _hours((begin_us, end_us), zone)
    first, count = day, 1
    if kind is ReportKind.WEEKLY:
        first, count = day - timedelta(days=day.weekday()), 7
    elif kind is ReportKind.MONTHLY:
        first = day.replace(day=1)
        count = ((first + timedelta(days=31)).replace(day=1) - first).days
    days = [first + timedelta(days=number) for number in range(count)]
    return [Period(one.isoformat(), *day_span(one, zone)) for one in days]


def check_day(day: date) -> None:
    """Refuse days around which there are no others.

    Raises:
        UsageError: It is one of them.
    """
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise UsageError(f"{day} lies outside the calendar", hint=f"{_FIRST_YEAR} to {_LAST_YEAR}")


def summed(lines: Iterable[Line], into: Line) -> Line:
    """Add lines up."""
    for line in lines:
        into.add(line)
    return into


def _hours(span: Span, zone: ZoneInfo) -> list[Period]:
    found: list[Period] = []
    at = span[0]
    while at < span[1]:
        moment = to_datetime(at, zone)
        # Where clocks go back an hour comes twice: told apart by how far it is from UTC.
        label = f"{moment:%H:%M}" + (f" {moment:%z}" if any(one.label == f"{moment:%H:%M}" for one in found) else "")
        found.append(Period(label, at, min(at + HOUR_US, span[1])))
        at += HOUR_US
    return found


def _of_coverage(found: Coverage, before: Coverage | None) -> Line:
    lost = [gap for gap in found.gaps if gap.reason not in PLANNED]
    reasons: Counter[str] = Counter()
    for gap in lost:
        reasons[gap.reason.value] += gap.end_us - gap.start_us
    return Line(
        camera=found.key.camera, stream=found.key.stream, period=found.day, got_us=found.recorded_us,
        lost_us=found.lost_us, planned_us=found.planned_us, removed_us=found.removed_us, missing_us=found.missing_us,
        failures=sum(gap.start_us > found.from_us or _new(gap, before) for gap in lost), reasons=reasons,
    )  # fmt: skip


def _new(gap: Gap, before: Coverage | None) -> bool:
    """Say whether a gap at the very begin of a period began there: else it is a failure of the period before."""
    if before is None:
        return False  # what led there lies outside of the report
    last = before.gaps[-1] if before.gaps else None
    return last is None or last.end_us < gap.start_us or last.reason in PLANNED


def _add_counts(
    tx: Transaction,
    node: int,
    period: Period,
    streams: Mapping[StreamKey, Id],
    lines: dict[tuple[StreamKey, str], Line],
) -> None:
    span = (period.from_us, period.to_us)
    for key, stream in streams.items():
        files = reports.segments(tx, stream, *span)
        if files != Files():
            line = _line(lines, key, period)
            line.files, line.bytes, line.kept_bytes = files.count, files.bytes, files.kept_bytes
    names = {key.camera for key in streams}
    for camera, stills in reports.stills(tx, node, *span).items():
        if camera in names and stills != Stills():
            line = _line(lines, StreamKey(camera, "main"), period)
            line.stills_taken, line.stills_missed, line.stills_bytes = stills.taken, stills.missed, stills.bytes
    counted: Sequence[tuple[str, Mapping[str, Mapping[str, int]]]] = (
        ("incidents", reports.incidents(tx, node, *span)), ("deliveries", reports.deliveries(tx, node, *span)),
    )  # fmt: skip
    for name, found in counted:
        for camera in found.keys() & names:
            getattr(_line(lines, StreamKey(camera, "main"), period), name).update(found[camera])
    for camera, count in reports.events(tx, node, *span).items():
        if camera in names:
            _line(lines, StreamKey(camera, "main"), period).events = count


def _line(lines: dict[tuple[StreamKey, str], Line], key: StreamKey, period: Period) -> Line:
    """Return the line of a stream and period; something may be counted where no coverage is known any more."""
    return lines.setdefault(
        (key, period.label), Line(camera=key.camera, stream=key.stream, period=period.label)
    )  # fmt: skip


def seconds(us: int) -> float:
    """Return a length in seconds, to a thousandth."""
    return round(us / SECOND_US, 3)

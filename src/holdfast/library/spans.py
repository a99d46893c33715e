"""Any span of any streams at any zoom, as a timeline is drawn: footage, gaps with their reasons, what is gone, notes.

Within what is known, whatever is no gap is footage (invariant T1), so a year costs its gaps and not its 50,000 files.
Where gaps are too many to draw they are summed up in buckets. The catalog answers; where it is away or behind, the
journals do, for spans that they can be read for.

Reads only; any thread. Not here: percentages of days (coverage), the files behind it (footage).
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from holdfast.catalog import cameras, gaps, segments
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.rows import StreamRow
from holdfast.core.camera import StreamKey
from holdfast.core.errors import CatalogError, CatalogUnavailable, UsageError
from holdfast.core.gap import PLANNED, Gap, GapReason, gap_of
from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from holdfast.library.footage import indexed_node
from holdfast.library.timeline import lost, stream_timeline, streams_on

MOST_GAPS = 1000  # chosen: more are narrower than a pixel; a page of 100 kB
MOST_BUCKETS = 2000  # chosen: a screen of 4K has 3840 columns
BUCKETS_US = (
    SECOND_US, 10 * SECOND_US, MINUTE_US, 5 * MINUTE_US, 15 * MINUTE_US, HOUR_US, 6 * HOUR_US, DAY_US, 7 * DAY_US,
)  # fmt: skip
JOURNALS_US = 60 * DAY_US  # chosen: what one is willing to wait for; each journal is read whole
LONGEST_US = 100 * 366 * DAY_US  # more is a mistake

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A part of a span in which something is missing, in microseconds; `reason` is what cost most."""

    start_us: int
    recorded_us: int
    planned_us: int
    lost_us: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpan:
    """One stream within a span.

    Attributes:
        key: The stream.
        known_us: When its ledger begins; before that nothing is said. None where there is none.
        footage: What is here, in unbroken stretches.
        removed: What was recorded and removed by policy.
        missing: What was recorded and is gone although nobody removed it.
        gaps: Why there is no footage, where they are few enough to draw; else empty, and `buckets` say it.
        buckets: Sums, only of those in which something is missing; empty where there are gaps.
        bucket_us: How long a bucket is; None where there are none.
    """

    key: StreamKey
    known_us: int | None
    footage: tuple[Span, ...]
    removed: tuple[Span, ...]
    missing: tuple[Span, ...]
    gaps: tuple[Gap, ...]
    buckets: tuple[Bucket, ...]
    bucket_us: int | None


@dataclass(frozen=True, slots=True)
class _Known:
    key: StreamKey
    known_us: int | None
    gaps: tuple[Gap, ...]
    removed: tuple[Span, ...]
    missing: tuple[Span, ...]


def look(
    volumes: Mapping[str, Path],
    span: Span,
    *,
    now_us: int,
    catalog: Catalog | None,
    keys: Sequence[StreamKey] | None = None,
    pixels: int = MOST_BUCKETS,
    node: str = LOCAL,
) -> list[StreamSpan]:
    """Look at a span.

    Args:
        volumes: Roots by name.
        span: Begin and end, wall time.
        now_us: Wall time; what comes later is neither footage nor gap.
        catalog: Where rows are, or None to ask the journals.
        keys: Only these streams; None for all of the node. One that is not known has nothing.
        pixels: How wide it is drawn; decides about buckets.
        node: Whose streams.

    Raises:
        UsageError: The span ends before it begins, or is longer than anybody records.
        CatalogUnavailable: The catalog is away, and the span is too long for the journals.
        StorageError: A journal cannot be read.
    """
    if not 0 < span[1] - span[0] <= LONGEST_US:
        raise UsageError("a span ends after it begins, and lasts 100 years at most")
    if catalog is not None:
        with suppress(CatalogError), catalog.read() as tx:
            return [_drawn(one, span, now_us, pixels) for one in _from_rows(tx, span, now_us, keys, node)]
    if min(span[1], now_us) - span[0] > JOURNALS_US:
        raise CatalogUnavailable(
            "the catalog does not answer or is behind, and the journals are not read for so long a span",
            hint="ask for less of it; holdfast status says whether the worker runs",
        )
    return [_drawn(one, span, now_us, pixels) for one in _from_journals(volumes, span, now_us, keys)]


def _from_rows(
    tx: Transaction, span: Span, now_us: int, keys: Sequence[StreamKey] | None, node: str
) -> list[_Known]:  # fmt: skip
    number = indexed_node(tx, node, now_us, span[1])
    if number is None:
        raise CatalogUnavailable("the catalog is not up to date: is the worker running?")
    rows = cameras.streams(tx, number)
    by_key = {row.key: row for row in rows}
    wanted = list(by_key) if keys is None else keys
    return [_stream_rows(tx, by_key.get(key), key, span, now_us) for key in wanted]


def _stream_rows(tx: Transaction, row: StreamRow | None, key: StreamKey, span: Span, now_us: int) -> _Known:
    if row is None:
        return _Known(key, None, (), (), ())
    begins = [segments.first_us(tx, row.id), gaps.first_us(tx, row.id)]
    known_us = min((at for at in begins if at is not None), default=None)
    found = tuple(gap_of(*plain, now_us) for plain in gaps.plain(tx, row.id, *span))
    gone = segments.gone(tx, row.id, *span)
    removed = tuple((start_us, end_us) for start_us, end_us, on_purpose in gone if on_purpose)
    missing = tuple((start_us, end_us) for start_us, end_us, on_purpose in gone if not on_purpose)
    return _Known(key, known_us, found, removed, missing)


def _from_journals(
    volumes: Mapping[str, Path], span: Span, now_us: int, keys: Sequence[StreamKey] | None
) -> Iterable[_Known]:
    here = streams_on(volumes)
    for key in here if keys is None else keys:
        if key not in here:
            yield _Known(key, None, (), (), ())
            continue
        line = stream_timeline(volumes, key, now_us)
        pieces = [s for s in line.segments if s.start_us < span[1] and s.end_us > span[0]]
        starts = [s.start_us for s in line.segments] + [gap.start_us for gap in line.gaps]
        yield _Known(
            key, min(starts, default=None),
            tuple(gap for gap in line.gaps if gap.start_us < span[1] and gap.end_us > span[0]),
            tuple((s.start_us, s.end_us) for s in pieces if s.removed_why is not None),
            tuple((s.start_us, s.end_us) for s in pieces if lost(volumes, s)),
        )  # fmt: skip


def _drawn(known: _Known, span: Span, now_us: int, pixels: int) -> StreamSpan:
    first_us, last_us = max(span[0], known.known_us or now_us), min(span[1], now_us)
    removed, missing = _joined(known.removed), _joined(known.missing)
    holes = sorted([(gap.start_us, gap.end_us) for gap in known.gaps] + removed + missing)
    footage: list[Span] = []
    at_us = first_us
    for start_us, end_us in holes:
        if start_us > at_us:
            footage.append((at_us, min(start_us, last_us)))
        at_us = max(at_us, end_us)
    if at_us < last_us:
        footage.append((at_us, last_us))
    buckets: tuple[Bucket, ...] = ()
    bucket_us = None
    if len(known.gaps) > MOST_GAPS:
        bucket_us = _bucket_us(span[1] - span[0], pixels)
        buckets = tuple(_buckets(known.gaps, (first_us, last_us), bucket_us))
        # What is narrower than a bucket is not drawn, whether it is missing or there.
        footage = [one for one in footage if one[1] - one[0] >= bucket_us]
    return StreamSpan(
        key=known.key, known_us=known.known_us, footage=tuple(footage), removed=tuple(removed), missing=tuple(missing),
        gaps=() if buckets else known.gaps, buckets=buckets, bucket_us=bucket_us,
    )  # fmt: skip


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Join spans that touch: files follow each other without a hole."""
    joined: list[Span] = []
    for start_us, end_us in sorted(spans):
        if joined and start_us - joined[-1][1] < SECOND_US:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_us))
        else:
            joined.append((start_us, end_us))
    return joined


def _bucket_us(length_us: int, pixels: int) -> int:
    wanted = max(length_us // max(1, min(pixels, MOST_BUCKETS)), 1)
    place = bisect_right(BUCKETS_US, wanted)
    return BUCKETS_US[min(place, len(BUCKETS_US) - 1)]


def _buckets(found: Sequence[Gap], known: Span, bucket_us: int) -> Iterable[Bucket]:
    missing: dict[int, dict[GapReason, int]] = {}
    for gap in found:
        start_us, end_us = max(gap.start_us, known[0]), min(gap.end_us, known[1])
        while start_us < end_us:
            place = start_us // bucket_us * bucket_us
            stop_us = min(end_us, place + bucket_us)
            mine = missing.setdefault(place, {})
            mine[gap.reason] = mine.get(gap.reason, 0) + stop_us - start_us
            start_us = stop_us
    for place in sorted(missing):
        reasons = missing[place]
        inside_us = min(place + bucket_us, known[1]) - max(place, known[0])
        planned_us = sum(reasons[reason] for reason in PLANNED if reason in reasons)
        lost_us = sum(reasons.values()) - planned_us
        worst = max(reasons, key=reasons.__getitem__)
        yield Bucket(place, max(0, inside_us - lost_us - planned_us), planned_us, lost_us, worst.value)

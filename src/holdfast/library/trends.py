"""Trends of a week or month: failed deliveries by target, error and hour; outages of cameras; storage by class.

From a report and the catalog. Any thread, but never an event loop. Not here: the report (reports), its words.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.catalog import nodes, reports
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.reports import Failure
from holdfast.core.timing import to_datetime
from holdfast.library.reports import Report

FOOTAGE, STILLS, EVIDENCE, EXPORTS = "footage", "stills", "evidence", "exports"
HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Failed attempts at deliveries with one error at one target; `hours` counts them by the site's hour, 0 to 23."""

    target: str
    error: str
    count: int
    hours: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """How often a stream was without footage that was wanted, for how long, and why most of the time."""

    camera: str
    stream: str
    count: int
    lost_us: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What one class of files took in on each day of the report, and what of that is still here; in bytes."""

    name: str
    added: tuple[int, ...]
    kept: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """All of it; `days` are the labels of the days."""

    failures: tuple[Failed, ...]
    outages: tuple[Outage, ...]
    days: tuple[str, ...]
    storage: tuple[Growth, ...]


def of_report(catalog: Catalog, report: Report, *, node: str = LOCAL) -> Trends:
    """Find the trends of a report's span.

    Args:
        catalog: An open catalog.
        report: The report, of days.
        node: Whose.

    Raises:
        CatalogError: It did not answer.
    """
    cameras = {line.camera for line in report.cameras}
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        failed = [] if number is None else reports.failures(tx, number, report.from_us, report.to_us)
        further = [] if number is None else list(_further(tx, number, report, cameras))
    return Trends(
        failures=tuple(_failures([one for one in failed if one.camera in cameras], report)),
        outages=tuple(sorted(_outages(report), key=lambda one: -one.lost_us)),
        days=tuple(period.label for period in report.periods), storage=(*_storage(report), *further),
    )  # fmt: skip


def _failures(failed: list[Failure], report: Report) -> Iterator[Failed]:
    causes = Counter((one.target, one.error) for one in failed)
    hours = Counter((one.target, one.error, to_datetime(one.at_us, report.zone).hour) for one in failed)
    for (target, error), count in causes.most_common():
        by_hour = tuple(hours[target, error, hour] for hour in range(HOURS))
        yield Failed(target=target, error=error, count=count, hours=by_hour)


def _outages(report: Report) -> Iterator[Outage]:
    for line in report.cameras:
        if line.lost_us:
            ((reason, _),) = line.reasons.most_common(1)
            yield Outage(
                camera=line.camera, stream=line.stream, count=max(1, line.failures), lost_us=line.lost_us, reason=reason
            )


def _storage(report: Report) -> Iterator[Growth]:
    sums = [report.of_period(period.label) for period in report.periods]
    for name, added, kept in (
        (FOOTAGE, [one.bytes for one in sums], [one.kept_bytes for one in sums]),
        (STILLS, [one.stills_bytes for one in sums], [one.stills_bytes for one in sums]),
    ):
        yield Growth(name=name, added=tuple(added), kept=tuple(kept))


def _further(tx: Transaction, node: int, report: Report, cameras: set[str]) -> Iterator[Growth]:
    """Yield the classes that no line counts, where there is anything of them."""
    begins = [period.from_us for period in report.periods]
    for name, ask in ((EVIDENCE, reports.evidence), (EXPORTS, reports.exports)):
        added, kept = [0] * len(begins), [0] * len(begins)
        for one in ask(tx, node, report.from_us, report.to_us):
            if one.cameras <= cameras:
                place = bisect_right(begins, one.at_us) - 1
                added[place] += one.bytes
                kept[place] += one.bytes if one.here else 0
        if any(added):
            yield Growth(name=name, added=tuple(added), kept=tuple(kept))

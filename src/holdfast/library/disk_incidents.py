"""Incidents of disks: one for each level that a disk reaches, closed when it leaves that level, up or down (C078).

They stand beside those of cameras; where those name a camera, these have the disk's name after an `@`, as those of
targets have. What was told is kept in the catalog and changes with the incidents in one transaction, so whoever is
killed in between, or restarted, tells nothing twice and forgets nothing.

Not here: levels (watermarks), the line in the log (roles.retention_loop).
"""

from collections.abc import Mapping
from typing import Any

from holdfast.catalog import incidents, nodes, removals
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.incidents import IncidentRow, Wanted
from holdfast.catalog.nodes import LOCAL
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.library.archive_incidents import name_of
from holdfast.library.watermarks import Fill, Mark


def told(catalog: Catalog, *, node: str = LOCAL) -> dict[str, Mark]:
    """Return the levels that were told last, by name of the disk; none before the first.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        standing = None if number is None else removals.standing(tx, number)
    levels = {} if standing is None else standing.levels
    return {name: Mark(mark) for name, mark in levels.items() if mark in set(Mark)}


def tell(catalog: Catalog, marks: Mapping[str, Mark], fills: Mapping[str, Fill], now_us: int, *, node: str) -> bool:
    """Have one open incident for each disk that is above normal, and remember the levels.

    Args:
        catalog: An open catalog.
        marks: Levels now, by name; a disk that is in it no more is not looked at any more.
        fills: What was seen of those that are there.
        now_us: Wall time.
        node: Name of this node.

    Returns:
        Whether that is written down by now; before the first pass of retention there is nothing to write it to.

    Raises:
        CatalogUnavailable: It did not answer; call again.
    """
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, now_us)
        standing = removals.standing(tx, number)
        if standing is None:
            return False
        for name in sorted({*standing.levels, *marks}):
            before, now = standing.levels.get(name, Mark.NORMAL.value), marks.get(name, Mark.NORMAL)
            if before == now:
                continue
            begin_us = _close(tx, number, name, now_us)
            if now is not Mark.NORMAL:
                _open(tx, number, name, fills.get(name), now, begin_us)
        removals.set_levels(tx, number, marks)
    return True


def put(tx: Transaction, node: int, name: str, detail: str, now_us: int) -> None:
    """Have an incident open while something is wrong with a disk that is no level, and none while `detail` is empty."""
    if not detail:
        _close(tx, node, name, now_us)
    elif find(tx, node, name) is None:
        _put(tx, node, name, detail, {}, now_us)


def find(tx: Transaction, node: int, name: str) -> IncidentRow | None:
    """Return the open incident of a disk; None where it has room."""
    wanted = Wanted(node=node, camera=name_of(name), type=IncidentType.DISK, open=True)
    return next(iter(incidents.page(tx, wanted, limit=1).rows), None)


def _open(tx: Transaction, node: int, name: str, fill: Fill | None, mark: Mark, now_us: int) -> None:
    detail = f"{name} is at level {mark}" if fill is None else fill.words
    seen = {"level": mark.value} | ({} if fill is None else {"free_bytes": fill.free_bytes, "path": str(fill.path)})
    _put(tx, node, name, detail, seen, now_us)


def _put(tx: Transaction, node: int, name: str, detail: str, seen: Mapping[str, Any], now_us: int) -> None:
    case = Case(IncidentType.DISK, Stage.ACTIVE, start_us=now_us, bad_us=now_us)
    incidents.put(tx, node, name_of(name), case, detail=detail, seen=seen, now_us=now_us)


def _close(tx: Transaction, node: int, name: str, now_us: int) -> int:
    """Close the incident of a disk, where one is open; return when the next one may begin."""
    known = find(tx, node, name)
    if known is None:
        return now_us
    end_us = max(now_us, known.start_us)
    case = Case(IncidentType.DISK, Stage.RESOLVED, known.start_us, end_us, known.count, good_us=end_us)
    incidents.put(tx, node, name_of(name), case, now_us=now_us)
    # Two of a kind do not begin at one instant, whatever the clock does meanwhile.
    return max(now_us, known.start_us + 1)

"""Incidents of targets: opened once when something cannot be sent, closed when the target takes something again.

They stand beside those of cameras; where those name a camera, these have the target's name after an `@`, which no
camera's id can begin with. Not here: finding out (work.deliver).
"""

from holdfast.catalog import incidents
from holdfast.catalog.db import Transaction
from holdfast.catalog.incidents import IncidentRow, Wanted
from holdfast.catalog.rows import Id
from holdfast.core.incident import Case, IncidentType, Stage

MARK = "@"
_MOST = 50  # the column's width


def name_of(target: str) -> str:
    """Return what stands in the place of a camera's id."""
    return f"{MARK}{target}"[:_MOST]


def open_one(tx: Transaction, node: int, target: str, detail: str, now_us: int) -> Id:
    """Open the incident of a target, or count on in the one that is open.

    Args:
        tx: A writing transaction.
        node: The node's number.
        target: Name of the target.
        detail: What is wrong, in words; the first of an incident stays.
        now_us: Wall time.
    """
    known = find(tx, node, target)
    start_us, count = (now_us, 1) if known is None else (known.start_us, known.count + 1)
    case = Case(IncidentType.ARCHIVE, Stage.ACTIVE, start_us=start_us, bad_us=now_us, count=count)
    return incidents.put(tx, node, name_of(target), case, detail=detail, now_us=now_us)


def close(tx: Transaction, node: int, target: str, now_us: int) -> None:
    """Close the incident of a target, where one is open (F38: whoever opened it)."""
    known = find(tx, node, target)
    if known is None:
        return
    end_us = max(now_us, known.start_us)
    case = Case(
        IncidentType.ARCHIVE, Stage.RESOLVED, start_us=known.start_us, bad_us=end_us, count=known.count, good_us=end_us
    )
    incidents.put(tx, node, name_of(target), case, now_us=now_us)


def find(tx: Transaction, node: int, target: str) -> IncidentRow | None:
    """Return the open incident of a target; None where all is well."""
    wanted = Wanted(node=node, camera=name_of(target), type=IncidentType.ARCHIVE, open=True)
    return next(iter(incidents.page(tx, wanted, limit=1).rows), None)

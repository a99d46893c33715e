"""Incidents as people have them: lists, what somebody says about one, their pictures, and clearing those that are over.

Any thread. Not here: when something is an incident (core.incident), writing them (watching).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from holdfast.catalog import incidents
from holdfast.catalog.db import Catalog
from holdfast.catalog.incidents import IncidentRow, Picture, Wanted
from holdfast.catalog.rows import Id, Page
from holdfast.core.clock import Clock
from holdfast.core.config import Config
from holdfast.core.errors import AlreadyRunning, BadInput, NotFound, StorageError
from holdfast.core.incident import IncidentType
from holdfast.library import sparing
from holdfast.watching import evidence

MOST = 500  # rows that are deleted at once

Shown = Mapping[Id, Sequence[Picture]]


def read_id(text: str) -> Id:
    """Read the name of an incident, `1-42`.

    Raises:
        NotFound: It is none.
    """
    return Id.read(text, "incident")


def find(
    catalog: Catalog, wanted: Wanted, *, limit: int, cursor: str | None = None
) -> tuple[Page[IncidentRow], Shown]:  # fmt: skip
    """Return a page of incidents, newest first, and their pictures.

    Raises:
        CatalogUnavailable: It did not answer.
        UsageError: The cursor is none.
    """
    with catalog.read() as tx:
        page = incidents.page(tx, wanted, limit=limit, cursor=cursor)
        return page, incidents.pictures(tx, [row.id for row in page.rows])


def count(catalog: Catalog, wanted: Wanted) -> int:
    """Count incidents; those that were discarded are left out.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    return sum(count_by_type(catalog, wanted).values())


def count_by_type(catalog: Catalog, wanted: Wanted) -> dict[IncidentType, int]:
    """Count incidents by type; those that were discarded are left out.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    with catalog.read() as tx:
        return incidents.counts(tx, wanted)


def count_over(catalog: Catalog) -> int:
    """Count what `clear` deletes: incidents that are over, those that were discarded, too.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    return sum(count(catalog, Wanted(open=False, discarded=one)) for one in (False, True))


def get(catalog: Catalog, incident: Id) -> tuple[IncidentRow, Sequence[Picture]]:
    """Return an incident and its pictures.

    Raises:
        NotFound: There is none.
        CatalogUnavailable: It did not answer.
    """
    with catalog.read() as tx:
        return incidents.get(tx, incident), incidents.pictures(tx, [incident])[incident]


def check(
    catalog: Catalog, incident: Id, clock: Clock, *, who: str, checked: bool, kind: str = "manual",
    comment: str | None = None,
) -> tuple[IncidentRow, Sequence[Picture]]:  # fmt: skip
    """Say that somebody has looked at an incident, or take it back.

    Args:
        catalog: The catalog.
        incident: Which one.
        clock: Time.
        who: Name of who says it.
        checked: Whether.
        kind: `manual` or `ai`.
        comment: What to write beside it; None leaves what is there.

    Raises:
        NotFound: There is none.
        CatalogUnavailable: It did not answer.
    """
    now_us = clock.wall_us()
    said: dict[str, Any] = {
        "checked": checked, "check_type": kind if checked else None, "checked_by": who if checked else "",
        "checked_us": now_us if checked else None,
    }  # fmt: skip
    return _reviewed(catalog, incident, said, comment, now_us)


def discard(
    catalog: Catalog,
    incident: Id,
    clock: Clock,
    *,
    who: str,
    discarded: bool,
    kind: str = "",
    comment: str | None = None,
    config: Config | None = None,
) -> tuple[IncidentRow, Sequence[Picture]]:
    """Say that it is none after all: it is left out of counts and holds nothing; or take it back.

    Args:
        catalog: The catalog.
        incident: Which one.
        clock: Time.
        who: Name of who says it.
        discarded: Whether.
        kind: Why, in a word or two.
        comment: What to write beside it; None leaves what is there.
        config: The settings, so that recorders leave at once what it holds again; None leaves that to the next pass.

    Raises:
        NotFound: There is none.
        CatalogUnavailable: It did not answer.
    """
    now_us = clock.wall_us()
    said: dict[str, Any] = {
        "discarded": discarded, "discard_type": kind.strip() if discarded else "",
        "discarded_by": who if discarded else "", "discarded_us": now_us if discarded else None,
    }  # fmt: skip
    row, shown = _reviewed(catalog, incident, said, comment, now_us)
    if config is not None and not discarded:
        with suppress(AlreadyRunning, StorageError):  # the next pass makes another list
            sparing.spare(catalog, row.id.node, config, now_us, cameras=[row.camera], changed_us=now_us)
    return row, shown


def _reviewed(
    catalog: Catalog, incident: Id, said: dict[str, Any], comment: str | None, now_us: int
) -> tuple[IncidentRow, Sequence[Picture]]:
    """Write what somebody said, and return the incident as it is now, with its pictures."""
    if comment is not None:
        said["comment"] = comment.strip()
    with catalog.write() as tx:
        return incidents.review(tx, incident, said, now_us), incidents.pictures(tx, [incident])[incident]


def picture(catalog: Catalog, volumes: Mapping[str, Path], incident: Id, number: int) -> bytes:
    """Return a picture of an incident as JPEG.

    Raises:
        NotFound: There is none, or its volume is not there.
        StorageError: It cannot be read.
    """
    _, shown = get(catalog, incident)
    found = next((one for one in shown if one.number == number), None)
    root = None if found is None else volumes.get(found.volume)
    if found is None or root is None:
        raise NotFound(f"incident {incident} has no picture {number}")
    return evidence.read(root, found.file)


def clear(catalog: Catalog, volumes: Mapping[str, Path], wanted: Wanted) -> int:
    """Delete incidents that are over, with their pictures; return how many. Those that last stay.

    Raises:
        BadInput: Open ones are asked for.
        CatalogUnavailable: It did not answer.
        StorageError: A picture cannot be deleted; its incident stays.
    """
    if wanted.open is not False:
        raise BadInput("only incidents that are over can be cleared")
    gone = 0
    while True:
        page, shown = find(catalog, wanted, limit=MOST)
        if not page.rows:
            return gone
        # Files first: a row whose picture is gone says so, a picture without a row is found by nobody.
        for one in (one for ones in shown.values() for one in ones):
            if one.volume in volumes:
                evidence.delete(volumes[one.volume], one.file)
        with catalog.write() as tx:
            incidents.remove(tx, [row.id for row in page.rows])
        gone += len(page.rows)

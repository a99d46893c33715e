"""Holds as people and bookings set them: as rows, and beside the footage on every volume; released the same way.

A hold that could be made durable stands, even where the catalog did not answer: `restore` brings its row.

Any thread but an event loop; may block on the disk. Not here: what events and incidents hold (library.retention).
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from holdfast.catalog import holds, nodes
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.holds import HoldRow
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.rows import Id
from holdfast.core.clock import Clock
from holdfast.core.errors import (
    AlreadyRunning,
    CatalogError,
    Conflict,
    DiskError,
    StorageError,
    UsageError,
    VolumeMissing,
)
from holdfast.core.kept import Held, Released
from holdfast.core.retention import DERIVED, Hold, HoldKind
from holdfast.library import kept, kept_memory
from holdfast.library.sparing import covering
from holdfast.library.timeline import streams_on
from holdfast.storage import expendable
from holdfast.storage.kept import AWAY_HINT

WHY_LETTERS = 500


def add(
    catalog: Catalog, volumes: Mapping[str, Path], clock: Clock, hold: Hold, *, who: str, state_dir: Path,
    node: str = LOCAL,
) -> HoldRow:  # fmt: skip
    """Set a hold, or change one of that name. Nothing that it covers is removed any more once this returns.

    Its row comes first, then recorders lose what it covers from their list, and last it is written beside the footage.
    A pass asks for the rows while it holds that list, so each of both sees what the other one did (docs/design/0015).

    Args:
        catalog: An open catalog.
        volumes: Roots by name, in the order of the configuration.
        clock: Time.
        hold: What must stay, and why; without a `uid` it gets one.
        who: Who sets it.
        state_dir: Where the recorders' list of what they may remove is.
        node: Name of this node.

    Raises:
        UsageError: The span is none, or nothing is said about why.
        VolumeMissing: No volume is there to write it to.
        StorageError: It could not be made durable: then it does not stand. Or it stands, but a removal that had begun
            hangs, or the recorders' list cannot be written: the message says so.
        CatalogUnavailable: It is written down and recorders heed it; the next pass of retention makes its row.
    """
    if hold.to_us <= hold.from_us:
        raise UsageError("a hold ends after it begins")
    if not hold.why.strip() or len(hold.why) > WHY_LETTERS:
        raise UsageError(f"a hold needs a reason, of {WHY_LETTERS} letters at most", hint="say it with --why")
    event = _held(replace(hold, uid=hold.uid or secrets.token_hex(8), why=hold.why.strip()), who)
    away: CatalogError | None = None
    late: AlreadyRunning | StorageError | None = None
    known: list[HoldRow] = []
    try:
        with catalog.write() as tx:
            number = nodes.ensure(tx, node, clock.wall_us())
            known = holds.listed(tx, number, released=True, uid=event.uid)
            row = holds.put(tx, number, _hold(event), who=who, set_us=clock.wall_us())
    except CatalogError as error:
        away = error
    try:
        expendable.strike(state_dir / expendable.NAME, covering([_hold(event)]))
    except (AlreadyRunning, StorageError) as error:
        late = error
    try:
        # By now: what was deleted before was not held, and whoever checks compares these times.
        kept.hold_said(volumes, hold.camera, hold.from_us, event, clock.wall_us())
    except StorageError:
        if away is None:
            _take_back(catalog, row, known)
        raise
    if away is not None:
        kept_memory.take_up_again(state_dir)
        raise away
    if late is not None:
        raise DiskError(
            f"the hold stands, but what recorders may remove could not be changed: {late}", hint=late.hint
        ) from late
    with catalog.read() as tx:
        return holds.get(tx, row)


def _take_back(catalog: Catalog, row: Id, known: Sequence[HoldRow]) -> None:
    """Leave the row of a hold as it was before somebody tried to set it."""
    with catalog.write() as tx:
        if not known:
            holds.drop(tx, row)
        for one in known:
            holds.put(tx, row.node, one.hold, who=one.who, set_us=one.set_us)
            if one.released_us is not None:
                holds.release(tx, row.node, [one.hold.uid], who=one.released_by, now_us=one.released_us)


def release(
    catalog: Catalog, volumes: Mapping[str, Path], clock: Clock, hold: Id, *, who: str, why: str = "", node: str = LOCAL
) -> HoldRow:  # fmt: skip
    """Release a hold.

    Raises:
        NotFound: There is none.
        Conflict: It was released before.
        VolumeMissing: No volume is there to write it to.
        StorageError: It could not be made durable: then it stands.
        CatalogUnavailable: It did not answer.
    """
    with catalog.read() as tx:
        row = holds.get(tx, hold)
    if row.released_us is not None:
        raise Conflict(f"hold {hold} was released before")
    now_us = clock.wall_us()
    said = Released(uid=row.hold.uid, who=who, why=why)
    kept.hold_said(volumes, row.hold.camera, row.hold.from_us, said, now_us)
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, now_us)
        holds.release(tx, number, [row.hold.uid], who=who, now_us=now_us)
        return holds.get(tx, hold)


def listed(
    catalog: Catalog, *, camera: str | None = None, released: bool = False, node: str = LOCAL
) -> list[HoldRow]:  # fmt: skip
    """Return holds that people and bookings set, newest span first.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        kinds = frozenset(HoldKind) - DERIVED
        return [] if number is None else holds.listed(tx, number, camera=camera, released=released, kinds=kinds)


def restore(
    catalog: Catalog, volumes: Mapping[str, Path], clock: Clock, *, node: str = LOCAL, lost: bool = True
) -> int:  # fmt: skip
    """Bring back the holds that a lost catalog knew. What was said to be deleted and is there is decided about afresh.

    A row is released only where somebody said so: that no journal speaks of a hold may be a volume that is away.

    Args:
        catalog: An open catalog.
        volumes: Roots by name.
        clock: Time.
        node: Name of this node.
        lost: Rows of events and incidents may be lost; where they are not, what they hold follows from them alone.

    Returns:
        How many holds stand beside the footage.

    Raises:
        StorageError: A kept journal cannot be read.
        CatalogUnavailable: It did not answer.
    """
    keys = streams_on(volumes)
    standing, released = kept.holds(volumes, keys)
    everything = kept.present(volumes).keys() == volumes.keys()
    now_us = clock.wall_us()
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, now_us)
        known = {row.hold.uid: row for row in holds.listed(tx, number, released=True)}
        derived = _derived(tx, number, standing, now_us)
        new: list[tuple[Hold, str, int]] = []
        for uid, (set_us, event) in standing.items():
            if uid in derived or (event.hold in DERIVED and not lost):
                continue  # its row is there, or somebody said that it is none
            if uid not in known:
                new.append((_hold(event), event.who, set_us))
            elif stands_again(known[uid], set_us):
                holds.put(tx, number, _hold(event), who=event.who, set_us=set_us)
        holds.restore(tx, number, new)
        for uid, (said_us, over) in released.items():
            # While a volume is away it may say that the hold was set once more.
            if everything and uid in known and known[uid].set_us <= said_us:
                holds.release(tx, number, [uid], who=over.who, now_us=said_us)
    return len(standing)


def stands_again(row: HoldRow, set_us: int) -> bool:
    """Say whether a hold whose row is released stands all the same, by a line beside the footage of an instant.

    It was set again since, or nobody released it: an earlier version did so where the volume with its line was away.
    """
    return row.released_us is not None and (set_us > row.released_us or not row.released_by)


def _derived(
    tx: Transaction, node: int, standing: Mapping[str, tuple[int, Held]], now_us: int
) -> set[str]:  # fmt: skip
    """Return the names of those holds of events and incidents whose rows were not lost."""
    cameras = {event.camera for _, event in standing.values() if event.hold in DERIVED}
    return {
        one.uid
        for camera in cameras
        for one in (*holds.of_events(tx, node, camera, 0, now_us), *holds.of_incidents(tx, node, camera, 0, now_us))
    }


def write_down(volumes: Mapping[str, Path], said: Sequence[tuple[int, Hold, str]]) -> int:
    """Write holds beside the footage, on every volume that is there and does not say them yet.

    Any number of times; only what is new costs anything but a look at the journals of their days.

    Args:
        volumes: Roots by name.
        said: Holds, each with when it was set and by whom.

    Returns:
        How many were new, to one volume at least.

    Raises:
        VolumeMissing: No volume is there.
        StorageError: It could not be made durable on each of them.
    """
    here = kept.present(volumes)
    if said and not here:
        raise VolumeMissing("no volume is there to write holds to", hint=AWAY_HINT)
    lines = [(set_us, _held(hold, who)) for set_us, hold, who in said]
    new: set[str] = set()
    for root in here.values():
        lacking = kept.holds_lacking(root, lines)
        kept.holds_said(root, lacking)
        new |= {event.uid for _, event in lacking}
    return len(new)


def _held(hold: Hold, who: str) -> Held:
    return Held(
        uid=hold.uid, camera=hold.camera, from_us=hold.from_us, to_us=hold.to_us, hold=hold.kind.value, why=hold.why,
        who=who,
    )  # fmt: skip


def _hold(event: Held) -> Hold:
    try:
        kind = HoldKind(event.hold)
    except ValueError:
        kind = HoldKind.LEGAL  # a kind of a later version holds as the strongest one that this version knows
    return Hold(uid=event.uid, camera=event.camera, from_us=event.from_us, to_us=event.to_us, kind=kind, why=event.why)

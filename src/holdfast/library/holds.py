"""Holds as people and bookings set them: written beside the footage first, then as a row; released the same way.

A hold that could be made durable stands, even where the catalog did not answer: `restore` brings its row.

Any thread but an event loop; may block on the disk. Not here: what events and incidents hold (library.retention).
"""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from holdfast.catalog import holds, nodes, removals
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.holds import HoldRow
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.removals import Removal
from holdfast.catalog.rows import Id
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import Conflict, UsageError
from holdfast.core.kept import Deleted, Held, Released, kept_path
from holdfast.core.retention import DERIVED, Hold, HoldKind, Judge, Piece, Policy
from holdfast.core.timing import HOUR_US, day_of
from holdfast.library import kept
from holdfast.library.timeline import streams_on
from holdfast.storage import kept as files

WHY_LETTERS = 500


def add(
    catalog: Catalog, volumes: Mapping[str, Path], clock: Clock, hold: Hold, *, who: str, node: str = LOCAL
) -> HoldRow:  # fmt: skip
    """Set a hold, or change one of that name.

    Args:
        catalog: An open catalog.
        volumes: Roots by name, in the order of the configuration.
        clock: Time.
        hold: What must stay, and why; without a `uid` it gets one.
        who: Who sets it.
        node: Name of this node.

    Raises:
        UsageError: The span is none, or nothing is said about why.
        VolumeMissing: No volume is there to write it to.
        StorageError: It could not be made durable: then it does not stand.
        CatalogUnavailable: It is written down, and counts from the next restart of the catalog on; do it again.
    """
    if hold.to_us <= hold.from_us:
        raise UsageError("a hold ends after it begins")
    if not hold.why.strip() or len(hold.why) > WHY_LETTERS:
        raise UsageError(f"a hold needs a reason, of {WHY_LETTERS} letters at most", hint="say it with --why")
    uid = hold.uid or secrets.token_hex(8)
    now_us = clock.wall_us()
    event = Held(
        uid=uid, camera=hold.camera, from_us=hold.from_us, to_us=hold.to_us, hold=hold.kind.value,
        why=hold.why.strip(), who=who,
    )  # fmt: skip
    kept.hold_said(volumes, hold.camera, hold.from_us, event, now_us)
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, now_us)
        row = holds.put(tx, number, _hold(event), who=who, set_us=now_us)
        return holds.get(tx, row)


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
        rows = [] if number is None else holds.listed(tx, number, camera=camera, released=released)
        return [row for row in rows if row.hold.kind not in DERIVED]


def restore(catalog: Catalog, volumes: Mapping[str, Path], clock: Clock, *, node: str = LOCAL) -> int:
    """Bring back what a lost catalog knew: holds, and deletions that were written down and not done.

    Returns:
        How many holds stand.

    Raises:
        StorageError: A kept journal cannot be read.
        CatalogUnavailable: It did not answer.
    """
    keys = streams_on(volumes)
    standing = kept.holds(volumes, keys)
    held = Judge(Policy(), [_hold(event) for _, event in standing.values()], {}, clock.wall_us())
    # Somebody may have brought a file back for the sake of the hold: it does not go a second time.
    undone = [one for key in keys for one in _undone(volumes, key) if not _covered(held, one)]
    now_us = clock.wall_us()
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, now_us)
        known = {row.hold.uid: row for row in holds.listed(tx, number, released=True)}
        derived = _derived(tx, number, standing, now_us)
        for uid, (set_us, event) in standing.items():
            if uid in derived:
                continue  # its row is there, and it follows from that
            if uid not in known or (known[uid].released_us is not None and known[uid].set_us != set_us):
                holds.put(tx, number, _hold(event), who=event.who, set_us=set_us)
        gone = [uid for uid, row in known.items() if uid not in standing and row.released_us is None]
        holds.release(tx, number, gone, who="", now_us=now_us)
        removals.put(tx, number, undone, now_us)
    return len(standing)


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


def write_down(volumes: Mapping[str, Path], standing: Sequence[Hold], now_us: int, *, since_us: int = 0) -> int:
    """Write what events and incidents hold beside the footage, those that are over and not written yet.

    A catalog that is lost takes their rows with it; what is written here then goes on holding, for as long as they
    would have. Any number of times; only what is new costs anything but a look at the journals of their days.

    Args:
        volumes: Roots by name.
        standing: All that holds footage now.
        now_us: Wall time.
        since_us: Those that ended earlier are written already.

    Returns:
        How many were new.

    Raises:
        VolumeMissing: No volume is there.
        StorageError: It could not be made durable.
    """
    over = [one for one in standing if one.kind in DERIVED and since_us <= one.to_us < now_us]
    days = {(one.camera, day_of(one.from_us)) for one in over}
    known = {
        (line.event.uid, line.event.to_us)
        for camera, day in days for root in volumes.values()
        for line in files.read(root / kept_path(StreamKey(camera, "main"), day)) if isinstance(line.event, Held)
    }  # fmt: skip
    new = [
        Held(
            uid=one.uid, camera=one.camera, from_us=one.from_us, to_us=one.to_us, hold=one.kind.value, why=one.why,
            who="",
        )
        for one in over if (one.uid, one.to_us) not in known
    ]  # fmt: skip
    if new:
        kept.holds_said(volumes, new, now_us)
    return len(new)


def _undone(volumes: Mapping[str, Path], key: StreamKey) -> list[Removal]:
    """Return files that the kept journals say are deleted, and that are still there as they were."""
    found: list[Removal] = []
    for volume, lines in kept.said_of(volumes, key).items():
        events = {line.event.file: line.event for line in lines if isinstance(line.event, Deleted)}
        for event in events.values():
            try:
                size = (volumes[volume] / event.file).lstat().st_size
            except OSError:
                continue  # gone, as it should be
            if size == event.bytes:
                found.append(
                    Removal(
                        volume=volume, file=event.file, sha256=event.sha256, bytes=event.bytes, camera=key.camera,
                        why=event.why,
                    )
                )  # fmt: skip
    return found


def _covered(judge: Judge, one: Removal) -> bool:
    """Say whether a hold may cover a file, of which only the name says when it began."""
    begin_us = kept.begin_of(one.file)
    start_us, end_us = (0, judge.now_us) if begin_us is None else (begin_us, begin_us + HOUR_US)
    return judge.held(Piece(one.volume, one.file, one.sha256, one.camera, start_us, end_us, one.bytes))


def _hold(event: Held) -> Hold:
    try:
        kind = HoldKind(event.hold)
    except ValueError:
        kind = HoldKind.LEGAL  # a kind of a later version holds as the strongest one that this version knows
    return Hold(uid=event.uid, camera=event.camera, from_us=event.from_us, to_us=event.to_us, kind=kind, why=event.why)

"""What must outlast the catalog: taken up from kept journals where it may not know them, and written down in them.

A pass of retention calls both (work.retain): `take_up` before it decides, in a new catalog and where a volume is back;
`write_down` after it, with what changed since the last one. Where only events keep a camera's footage, they are all
that says why: so they are written down as well as what holds.

Any thread but an event loop. Not here: lines (kept), rows (holds), what is remembered in between (kept_memory).
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from holdfast.catalog import holds as rows
from holdfast.catalog import measures, nodes, removals
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.removals import Standing
from holdfast.core.clock import Clock
from holdfast.core.config import Config
from holdfast.core.errors import StorageError
from holdfast.core.retention import Hold, HoldKind
from holdfast.core.timing import DAY_US, HOUR_US
from holdfast.library import holds, kept_memory
from holdfast.library.keeping import hold_kinds, retention_of
from holdfast.library.kept_memory import Memory, Watched
from holdfast.library.volumes import VolumeState

OLDER_US = HOUR_US  # chosen: between the two that a pass writes lies all of the pass
SLACK_US = DAY_US  # chosen: rows that changed so long before the last time are looked at again; clocks are set, too

Said = tuple[int, Hold, str]
"""A hold, with when it was set and by whom."""


def take_up(
    catalog: Catalog, config: Config, disks: Sequence[VolumeState], clock: Clock, *, node: str = LOCAL,
    before: Standing | None,
) -> bool:  # fmt: skip
    """Bring back what kept journals know where the catalog may not: it is new, or a volume is back.

    Args:
        catalog: An open catalog.
        config: The settings.
        disks: Every volume, as it looks now.
        clock: Time.
        node: Name of this node.
        before: What the catalog knows of the pass before; None where there was none.

    Returns:
        Whether journals were read.

    Raises:
        StorageError: A kept journal cannot be read: nothing may be deleted before it can, or is out of the way.
        CatalogUnavailable: It did not answer.
    """
    memory = kept_memory.recall(config.state_dir)
    here = frozenset(f"{disk.name}|{disk.volume_id}" for disk in disks if disk.problem is None)
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        catalog_us = 0 if number is None else removals.begun_us(tx, number)
    passed = before is not None and before.passed_us is not None
    # Where nothing is remembered of any catalog, one in which a whole pass was done was there before the memory.
    new = memory.catalog_us != catalog_us if memory.catalog_us else not passed
    # Somebody may have put a copy of the catalog in its place that does not know what came after it.
    older = before is None or memory.written_us - before.trust.wall_us > OLDER_US
    if not new and not older and here <= memory.volumes:
        with suppress(StorageError):  # a full disk has to be emptied first; until then more is read than need be
            kept_memory.remember(config.state_dir, replace(memory, volumes=here))
        return False
    with suppress(StorageError):
        # Asked for anew by whoever cannot wait for it (holds.add): what is said from here on counts.
        kept_memory.take_up_again(config.state_dir)
    roots = {disk.name: disk.root for disk in disks}
    holds.restore(catalog, roots, clock, node=node, lost=new or older)
    # On a volume that is new or back everything may be lacking, so all of it is written once more.
    cameras = {
        name: replace(one, written_us=0, live=one.live and not new) for name, one in memory.cameras.items()
    }  # fmt: skip
    # A node that begins has no footage either, and nothing that somebody should have looked at.
    unknown = any(disk.problem is not None or has_footage(disk.root) for disk in disks)
    blank = memory.blank or (new and not memory.catalog_us and unknown)
    with suppress(StorageError):
        kept_memory.remember(
            config.state_dir, Memory(volumes=here, catalog_us=catalog_us, blank=blank, cameras=cameras)
        )  # fmt: skip
    return True


def has_footage(root: Path) -> bool:
    """Say whether any finished file of footage lies on a volume."""
    try:
        return next(root.glob("footage/*/*/*/*.mp4"), None) is not None
    except OSError:
        return False


def write_down(catalog: Catalog, config: Config, clock: Clock, *, node: str = LOCAL) -> int:
    """Write what holds footage, or is all that keeps it, beside the footage; remember how far that goes.

    Returns:
        How many holds were new to a volume.

    Raises:
        VolumeMissing: No volume is there.
        StorageError: It could not be made durable on each volume that is; the next pass tries again.
        CatalogUnavailable: It did not answer.
        BadInput: What is remembered of the volumes is damaged.
    """
    now_us = clock.wall_us()
    memory = _not_of_tomorrow(kept_memory.recall(config.state_dir), now_us)
    said: list[Said] = []
    cameras = dict(memory.cameras)
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        if number is None:
            return 0
        recent = (row for row in rows.listed(tx, number) if row.set_us >= memory.written_us - SLACK_US)
        said += [(row.set_us, row.hold, row.who) for row in recent]
        for name in sorted({*config.cameras, *(camera for _, camera in removals.streams(tx, number))}):
            known = cameras.get(name)
            found, watched = _of_events(tx, number, config, name, memory, known, now_us)
            said += found
            if watched is not None:
                cameras[name] = watched
            if HoldKind.INCIDENT in hold_kinds(retention_of(config, name)):
                since_us = now_us - round(retention_of(config, name).hold_days * DAY_US)
                changed_us = memory.written_us - SLACK_US
                held = rows.of_incidents(tx, number, name, since_us, now_us, changed_us=changed_us)
                said += [(now_us, one, "") for one in held if one.to_us < now_us]
    new = holds.write_down({name: volume.path for name, volume in config.volumes.items()}, said)
    kept_memory.remember(config.state_dir, replace(memory, written_us=now_us, cameras=cameras))
    return new


def _not_of_tomorrow(memory: Memory, now_us: int) -> Memory:
    """Return what is remembered, without what a clock that was wrong by then had written: that is done once more."""
    cameras = {
        name: one if one.written_us <= now_us else replace(one, written_us=0) for name, one in memory.cameras.items()
    }  # fmt: skip
    return replace(memory, written_us=memory.written_us if memory.written_us <= now_us else 0, cameras=cameras)


def _of_events(
    tx: Transaction, node: int, config: Config, camera: str, memory: Memory, known: Watched | None, now_us: int
) -> tuple[list[Said], Watched | None]:  # fmt: skip
    """Return what events of a camera are to be written down, and what is to be remembered once that is done."""
    keep = retention_of(config, camera)
    only = camera in config.cameras and keep.only == "events"
    reached = measures.position(tx, node, camera)
    if known is None and reached is not None:
        # Who comes to a camera whose older footage nobody has looked at begins with what it looks at now.
        begin_us = reached.taken_us if memory.blank else 0
        known = Watched(looked=((begin_us, begin_us),))
    elif known is not None and not known.live and reached is not None:
        known = replace(known, looked=(*known.looked, (reached.taken_us, reached.taken_us)), live=True)
    if not only and HoldKind.EVENT not in hold_kinds(keep):
        return [], None if known is None else replace(known, written_us=0)
    written_us = 0 if known is None else known.written_us
    since_us = 0 if only else now_us - round(keep.hold_days * DAY_US)
    changed_us = written_us - SLACK_US if written_us else 0
    events = rows.of_events(tx, node, camera, since_us, now_us, changed_us=changed_us)
    # What lasts is written when it is over; until then nobody may count on having looked at it.
    lasting = [one.from_us for one in events if one.to_us >= now_us]
    if known is not None and known.live and reached is not None:
        begin_us = known.looked[-1][0]
        until_us = max(begin_us, min([reached.taken_us, *lasting]))
        known = replace(known, looked=(*known.looked[:-1], (begin_us, until_us)))
    return (
        [(now_us, one, "") for one in events if one.to_us < now_us],
        None if known is None else replace(known, written_us=now_us),
    )  # fmt: skip

"""Stills, events and incidents that go, with their pictures: by age, and stills for room once no footage can go.

A picture that a rule of deliveries sends somewhere waits for its copies as footage does (U1), and a still goes only
from a disk that is short. Rows whose pictures lie on a disk that is away stay.

Any thread but an event loop. Not here: footage (retention), when a pass is due (roles.retention_loop), deleting by hand
(kept_stills, events, incidents).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from holdfast.catalog import deliveries, events, incidents, stills
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.rows import Id, Page
from holdfast.catalog.stills import StillRow
from holdfast.core.config import Config
from holdfast.core.delivery import AssetKind
from holdfast.core.errors import StorageError
from holdfast.core.retention import DiskFull, Judge, Piece
from holdfast.core.still_names import SIDECAR, beside
from holdfast.core.timing import DAY_US
from holdfast.library import keeping
from holdfast.library.handing_on import promises
from holdfast.storage.errors import storage_errors

T = TypeVar("T")

MOST = 500  # rows of a class that go at once
_LOOKED = 5_000  # chosen: rows of a class in one look, of which many may wait; the next pass goes on from what is left
_PRUNED_US = 2 * DAY_US  # nobody writes into the folder of a day that is over so long


class Kind(StrEnum):
    """A class of what goes."""

    STILL = "still"
    EVENT = "event"
    INCIDENT = "incident"


_ASSETS = {Kind.STILL: AssetKind.STILL, Kind.EVENT: AssetKind.EVENT, Kind.INCIDENT: AssetKind.EVIDENCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """A still, event or incident that goes: its pictures, their size in bytes where it is known, and why.

    `sent` are files that rules may send somewhere, `more` what stands beside them; as (volume, path below its root).
    """

    kind: Kind
    id: Id
    camera: str
    at_us: int
    why: str
    bytes: int = 0
    sent: tuple[tuple[str, str], ...] = ()
    more: tuple[tuple[str, str], ...] = ()

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """All its files, those first that can be made again."""
        return self.more + self.sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """How many of a class go of one camera for one reason, when the first and last of them were, and their bytes."""

    kind: Kind
    camera: str
    why: str
    count: int
    bytes: int
    from_us: int
    to_us: int

    @property
    def words(self) -> str:
        """The class, in the plural where it must be."""
        return str(self.kind) if self.count == 1 else f"{self.kind}s"


def summed(going: Iterable[Over]) -> list[Sum]:
    """Sum up what goes, by class, camera and reason."""
    found: dict[tuple[Kind, str, str], list[Over]] = {}
    for one in going:
        found.setdefault((one.kind, one.camera, one.why), []).append(one)
    return [
        Sum(
            kind=kind, camera=camera, why=why, count=len(some), bytes=sum(one.bytes for one in some),
            from_us=min(one.at_us for one in some), to_us=max(one.at_us for one in some),
        )
        for (kind, camera, why), some in found.items()
    ]  # fmt: skip


def over(
    tx: Transaction, node: int, config: Config, judge: Judge, *, ready: Mapping[str, Path], short: Mapping[str, int]
) -> list[Over]:  # fmt: skip
    """Return what goes now: what is older than it is kept, then the oldest stills of disks that are short (C079, C080).

    Args:
        tx: The transaction.
        node: Number of the node.
        config: What is kept how long.
        judge: Holds and time; what shows an instant that is held stays, too.
        ready: Roots of the volumes that are there.
        short: By volume, bytes that are missing though no footage can go any more.
    """
    return _Look(tx, node, config, judge, ready).over(short)


def clear(
    catalog: Catalog, roots: Mapping[str, Path], going: Iterable[Over], now_us: int
) -> tuple[list[Over], list[str]]:  # fmt: skip
    """Delete them, files first; return those that are gone, and sentences about those that are not.

    Raises:
        CatalogUnavailable: It did not answer; rows whose files are gone go with the next pass.
    """
    gone: list[Over] = []
    problems: list[str] = []
    for one in going:
        try:
            for volume, file in one.files:
                path = roots[volume] / file
                with storage_errors("removing", path):
                    path.unlink(missing_ok=True)
        except StorageError as error:
            problems.append(str(error))
        else:
            gone.append(one)
            if one.kind is Kind.STILL and one.at_us < now_us - _PRUNED_US:
                _prune(roots, one)
    removers = {Kind.STILL: stills.forget, Kind.EVENT: events.remove, Kind.INCIDENT: incidents.remove}
    for kind, remove in removers.items():
        ids = [one.id for one in gone if one.kind is kind]
        for at in range(0, len(ids), MOST):
            with catalog.write() as tx:
                remove(tx, ids[at : at + MOST])
    return gone, problems


def _prune(roots: Mapping[str, Path], one: Over) -> None:
    """Remove the folder of a day whose last still went."""
    for folder in {(roots[volume] / file).parent for volume, file in one.files}:
        with suppress(OSError):  # not empty, or gone already
            folder.rmdir()


def _pages(ask: Callable[[str | None], Page[T]]) -> Iterator[Sequence[T]]:
    """Yield the rows of one page after another, `_LOOKED` at most."""
    cursor: str | None = None
    for _ in range(_LOOKED // MOST):
        page = ask(cursor)
        yield page.rows
        cursor = page.cursor
        if cursor is None:
            return


def _stills(tx: Transaction, wanted: stills.Wanted, why: str) -> Iterator[Over]:
    for rows in _pages(lambda cursor: stills.page(tx, wanted, limit=MOST, cursor=cursor, oldest_first=True)):
        yield from (_still(row, why) for row in rows)


def _still(row: StillRow, why: str) -> Over:
    known = row.outcome
    files = () if known.cause else ((known.volume, known.file),)
    beside_it = () if known.cause else (known.thumbnail, beside(known.file, SIDECAR))
    return Over(
        kind=Kind.STILL, id=row.id, camera=known.camera, at_us=known.slot_us, why=why, bytes=known.bytes, sent=files,
        more=tuple((known.volume, file) for file in beside_it if file),
    )  # fmt: skip


def _events(tx: Transaction, node: int, before_us: int, why: str) -> Iterator[Over]:
    wanted = events.Wanted(node=node, open=False, to_us=before_us)
    for rows in _pages(lambda cursor: events.page(tx, wanted, limit=MOST, cursor=cursor)):
        for row in rows:
            told = row.told
            if told.end_us is None or told.end_us >= before_us:
                continue
            sent = tuple((told.volume, file) for file in (told.picture_a, told.picture_b) if file)
            yield Over(
                kind=Kind.EVENT, id=row.id, camera=told.camera, at_us=told.start_us, sent=sent,
                more=((told.volume, told.thumbnail),) if told.thumbnail else (),
                why=why,
            )  # fmt: skip


def _incidents(tx: Transaction, node: int, before_us: int, why: str) -> Iterator[Over]:
    wanted = incidents.Wanted(node=node, open=False, to_us=before_us)
    for rows in _pages(lambda cursor: incidents.page(tx, wanted, limit=MOST, cursor=cursor)):
        shown = incidents.pictures(tx, [row.id for row in rows])
        for row in rows:
            if row.end_us is None or row.end_us >= before_us:
                continue
            yield Over(
                kind=Kind.INCIDENT, id=row.id, camera=row.camera, at_us=row.start_us,
                bytes=sum(one.bytes for one in shown[row.id]),
                sent=tuple((one.volume, one.file) for one in shown[row.id]),
                why=why,
            )  # fmt: skip


class _Look:
    """One look at what goes."""

    def __init__(self, tx: Transaction, node: int, config: Config, judge: Judge, ready: Mapping[str, Path]) -> None:
        self._tx = tx
        self._node = node
        self._config = config
        self._judge = judge
        self._ready = ready
        self._promised = {kind: promises(config, asset) for kind, asset in _ASSETS.items()}

    def over(self, short: Mapping[str, int]) -> list[Over]:
        found = [one for some in self._by_age() for one in self._free(some)]
        return found + self._for_room(short, {one.id for one in found if one.kind is Kind.STILL})

    def _by_age(self) -> Iterator[Iterator[Over]]:
        tx, node, now_us = self._tx, self._node, self._judge.now_us
        for camera, settings in self._config.cameras.items():
            days = settings.stills.keep_days
            if days is not None:
                wanted = stills.Wanted(node=node, camera=camera, to_us=now_us - round(days * DAY_US))
                yield _stills(tx, wanted, f"older than {days:g} days" if days else "all copies are there")
        events_us = keeping.events_kept_us(self._config)
        if events_us is not None:
            yield _events(tx, node, now_us - events_us, f"older than {events_us / DAY_US:g} days")
        incidents_us = keeping.incidents_kept_us(self._config)
        yield _incidents(tx, node, now_us - incidents_us, f"older than {incidents_us / DAY_US:g} days")

    def _for_room(self, short: Mapping[str, int], without: set[Id]) -> list[Over]:
        """Return the oldest stills of disks that are short; those that wait for copies come last, and by `oldest`."""
        full = self._judge.policy.disk_full
        newest_us = self._judge.now_us - self._judge.policy.newest_us
        found: list[Over] = []
        for volume, missing in short.items():
            if missing <= 0 or volume not in self._ready or full is DiskFull.STOP:
                continue
            wanted = stills.Wanted(node=self._node, state=stills.TAKEN, volume=volume, to_us=newest_us)
            old = [one for one in _stills(self._tx, wanted, "room was needed") if one.id not in without]
            some = self._free(old)
            if full is DiskFull.OLDEST and len(some) < MOST:
                free = {one.id for one in some}
                some += [one for one in old if one.id not in free and not self._held(one)]
            left = missing
            for one in some[:MOST]:
                if left <= 0:
                    break
                found.append(one)
                left -= one.bytes
        return found

    def _free(self, old: Iterable[Over]) -> list[Over]:
        """Return those that nothing keeps, `MOST` at most: their disk is there, no hold, and all copies."""
        found: list[Over] = []
        for some in _by(old, MOST):
            here = [one for one in some if all(volume in self._ready for volume, _ in one.files)]
            here = [one for one in here if not self._held(one)]
            files = [file for one in here if self._promised[one.kind] for file in one.sent]
            arrived = deliveries.arrived(self._tx, self._node, files)
            found += [one for one in here if not self._waits(arrived, one)]
            if len(found) >= MOST:
                break
        return found[:MOST]

    def _held(self, one: Over) -> bool:
        return self._judge.held(Piece("", "", "", one.camera, one.at_us, one.at_us, one.bytes))

    def _waits(self, arrived: Mapping[tuple[str, str], frozenset[str]], one: Over) -> bool:
        targets = {
            promise.target for promise in self._promised[one.kind]
            if promise.covers(one.camera, "") and one.at_us >= promise.since_us
        }  # fmt: skip
        said = self._judge.policy.of(one.camera).copies
        needed = len(targets) if said is None else min(said, len(targets))
        return any(len(arrived.get(file, frozenset()) & targets) < needed for file in one.sent)


def _by(old: Iterable[Over], most: int) -> Iterator[list[Over]]:
    some: list[Over] = []
    for one in old:
        some.append(one)
        if len(some) == most:
            yield some
            some = []
    if some:
        yield some

"""Going through the copies that were delivered, again and again: each is read anew and held against its hash (U1).

A walk goes through all copies of a target once in `verify_days`, oldest delivery first, in slices of some seconds with
pauses between them, within the target's hours and never while it is paused, away or full. How far it is stands in the
catalog, so it goes on after a kill and on another host.

A copy that is wrong or gone protects nothing from that moment: first its line in the kept journal is withdrawn, then
its delivery is pending again, and what lies there wrong gives way to it. Where the file here is gone too, or is not
what it was, nothing is removed there, and the delivery is failed for a person to look at. Both are told as an incident.

A target that does not answer says nothing about its copies. Nor does one without a marker at which nothing is found any
more: most likely its disk is not mounted.

Runs as a chore, on one thread. Not here: sending again (deliver), rows (catalog.delivery_checks).
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import structlog

from holdfast.catalog import delivery_checks, work_controls
from holdfast.catalog.claims import time_us
from holdfast.catalog.db import Catalog
from holdfast.catalog.deliveries import DeliveryRow
from holdfast.catalog.handing_on import Position
from holdfast.catalog.work_controls import Running
from holdfast.core.clock import Clock
from holdfast.core.config.model import Config
from holdfast.core.config.targets import FolderTarget, RsyncTarget, S3Target, SupabaseTarget
from holdfast.core.delivery import AssetKind, DeliveryState
from holdfast.core.errors import ContentDiffers, TargetError
from holdfast.core.timing import DAY_US
from holdfast.library import archive_incidents, kept
from holdfast.storage.errors import storage_errors
from holdfast.storage.targets.contract import Content
from holdfast.work.prepare import PICTURES, Memory
from holdfast.work.way import Way

SLICE_S = 5.0  # chosen: as long as an end waits; a share of a quarter of the time, with the pause
PAUSE_S = 15.0
SOME = 50  # chosen: copies that are asked for at once
UNSEEN = 3  # chosen: so many copies that are gone, and none that is there, speak against the target

_BLOCK = 1 << 20
_log = structlog.stdlib.get_logger("holdfast.deliveries")


@dataclass(slots=True)
class _Slice:
    """What a slice found: how many copies are there, right or wrong, and those that are gone."""

    walk: Position
    there: int = 0
    gone: list[DeliveryRow] | None = None


class Reverify:
    """Goes through copies.

    Args:
        catalog: The catalog.
        node: Number of the node whose deliveries these are.
        config: The configuration.
        ways: The ways to targets, by name.
        clock: Time.
    """

    def __init__(self, catalog: Catalog, node: int, config: Config, ways: dict[str, Way], clock: Clock) -> None:
        self._catalog = catalog
        self._node = node
        self._config = config
        self._ways = ways
        self._clock = clock
        self._volumes = {name: volume.path for name, volume in config.volumes.items()}

    def once(self) -> float | None:
        """Look at some copies of each target; return after how many seconds to go on, None where all are looked at.

        Raises:
            StorageError: A copy was found wrong, and its line cannot be withdrawn now; it is looked at again.
            CatalogUnavailable: The catalog did not answer.
        """
        with self._catalog.read() as tx:
            walks = delivery_checks.walks(tx, self._node)
            controls = work_controls.controls(tx, self._node)
        more = False
        for name, way in self._ways.items():
            running = work_controls.of(controls, "deliver", name).state is Running.RUNNING
            if running and way.takes and way.config.verify_days and (walk := self._due(walks.get(name), way)):
                more = self._some(way, walk) or more
        return PAUSE_S if more else None

    def _due(self, walk: Position | None, way: Way) -> Position | None:
        """Return the walk to go on with, or a new one where that is due; None where all copies were looked at."""
        now_us = self._clock.wall_us()
        period_us = round(way.config.verify_days * DAY_US)
        # Both ways: a clock that was set back must not put it off for longer than the period.
        if walk is None or (walk.walked and abs(now_us - walk.since_us) >= period_us):
            return Position(since_us=now_us)
        return None if walk.walked else walk

    def _some(self, way: Way, walk: Position) -> bool:
        """Go on with a walk for a while; return whether there is more to look at."""
        until_s = time.monotonic() + SLICE_S
        found = _Slice(walk, gone=[])
        try:
            for row in self._following(way, found):
                self._look(way, row, found)
                found.walk = replace(found.walk, place=row.id.number)
                if time.monotonic() >= until_s or not way.takes:
                    break
            else:
                found.walk = replace(found.walk, walked=1)
        except TargetError as error:
            # It is away, or cannot be asked: what its copies are is not known, and nothing is said of them.
            _log.info("deliveries.not_verified", target=way.name, reason=str(error))
            return self._keep(way, found, more=False)
        return self._keep(way, found, more=not found.walk.walked)

    def _following(self, way: Way, found: _Slice) -> Iterator[DeliveryRow]:
        while True:
            with self._catalog.read() as tx:
                rows = delivery_checks.following(tx, self._node, way.name, found.walk, SOME)
            if not rows:
                return
            yield from rows

    def _keep(self, way: Way, found: _Slice, *, more: bool) -> bool:
        gone = found.gone or []
        if gone and not found.there and not _has_marker(way) and len(gone) >= UNSEEN:
            detail = f"none of the {len(gone)} copies that were looked at is there: is its disk mounted?"
            _log.error("deliveries.copies_unseen", target=way.name, copies=len(gone))
            self._tell(way, detail)
            return False  # from the same place again
        for row in gone:
            self._lost(way, row, f"{row.key} is not there any more", wrong=False)
        with self._catalog.write() as tx:
            delivery_checks.set_walk(tx, self._node, way.name, found.walk)
        return more

    def _look(self, way: Way, row: DeliveryRow, found: _Slice) -> None:
        content = self._content(row)
        if content is None:
            return
        try:
            there = way.target.look(row.key, content) is not None
        except ContentDiffers as error:
            found.there += 1
            self._lost(way, row, str(error), wrong=True)
            return
        if there:
            found.there += 1
        elif found.gone is not None:
            found.gone.append(row)

    def _content(self, row: DeliveryRow) -> Content | None:
        """Return what must lie there; None where that was never written down."""
        known = Memory.read(row.memory).content
        if known is not None:
            return known
        rule = self._config.deliveries.get(row.rule)
        other = PurePosixPath(row.key).suffix != PurePosixPath(row.asset.file).suffix
        anew = row.asset.kind in PICTURES and not row.asset.is_sealed and rule is not None and rule.recompresses
        return None if other or anew else Content(row.asset.bytes, row.asset.sha256)

    def _lost(self, way: Way, row: DeliveryRow, why: str, *, wrong: bool) -> None:
        """Say that a copy does not count any more, and have it delivered again where there is something to send."""
        here = self._is_here(row)
        now_us = self._clock.wall_us()
        if row.asset.kind is not AssetKind.JOURNAL and row.asset.volume in self._volumes:
            kept.withdrawn(self._volumes, row.asset, row.target, why, now_us)
        if here and wrong:
            way.target.remove(row.key)
        hint = "" if here else "the file here is gone or changed as well: look for it at another target, or restore it"
        state = DeliveryState.PENDING if here else DeliveryState.FAILED
        memory = Memory(told=True).text() if row.row_us is not None else ""
        detail = f"{why}; {'it is sent again' if here else 'and it cannot be sent again: ' + row.asset.file}"
        with self._catalog.write() as tx:
            if not delivery_checks.lost(tx, row, state, why, hint, memory, time_us(tx, now_us)):
                return
            archive_incidents.open_one(tx, self._node, way.name, detail, now_us)
        way.complained = True
        _log.error("deliveries.copy_lost", target=way.name, key=row.key, reason=why, again=here)

    def _tell(self, way: Way, detail: str) -> None:
        with self._catalog.write() as tx:
            archive_incidents.open_one(tx, self._node, way.name, detail, self._clock.wall_us())
        way.complained = True

    def _is_here(self, row: DeliveryRow) -> bool:
        """Say whether the file here is still what was delivered; a journal may have grown since.

        Raises:
            StorageError: Its disk cannot be read now.
        """
        root = self._volumes.get(row.asset.volume)
        if root is None:
            return False
        path, left, sha = root / row.asset.file, row.asset.bytes, hashlib.sha256()
        with storage_errors("reading", path):
            try:
                with Path(path).open("rb") as file:
                    while left and (block := file.read(min(_BLOCK, left))):
                        sha.update(block)
                        left -= len(block)
                    more = row.asset.kind is not AssetKind.JOURNAL and bool(file.read(1))
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return False
        return not left and not more and sha.hexdigest() == row.asset.sha256


def _has_marker(way: Way) -> bool:
    """Say whether a target that answers is surely the one that was meant: by a marker, or because a service says so."""
    config = way.config
    local = isinstance(config, RsyncTarget) and config.folder is not None
    return local or isinstance(config, FolderTarget | S3Target | SupabaseTarget)

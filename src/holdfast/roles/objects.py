"""Objects of all cameras of a node: which events wait to be looked through, and what is written of them.

Part of the watcher, on its thread, which never waits for a model: what a turn finds done it writes, and hands out what
waits. Events wait in their rows, newest first. A model that cannot be used is said once and tried again later; events
go on without labels, and get them once it can.

Not here: the thread that looks (library.recognising), the loop (watcher).
"""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import structlog

from holdfast.catalog import events as rows
from holdfast.catalog.db import Catalog
from holdfast.catalog.events import EventRow
from holdfast.catalog.rows import Id
from holdfast.core.clock import Clock
from holdfast.core.config import Config, Loaded
from holdfast.core.errors import BadInput, HoldfastError, StorageError, VolumeMissing
from holdfast.core.objects import Seen, label_of, to_json
from holdfast.core.timing import SECOND_US, iso
from holdfast.library import events
from holdfast.library.recognising import Answer, Order, PictureFailed, Searcher, Stamp, order_of
from holdfast.library.volumes import remembered_ids
from holdfast.media.analysis.objects import TookTooLong
from holdfast.storage.volume import Volume
from holdfast.watching import evidence
from holdfast.watching.stirs import A, B

MOST = 8  # chosen: events handed out at once; at a turn a second more than any model looks through
AGAIN_US = 60 * SECOND_US  # chosen: what could not be done is tried again
TRIES = 3  # chosen: so often a picture is shown to a model that does well with others
MOST_DOUBLED = 6  # an event waits for an hour at most
MOST_ASIDE = 1000  # chosen: events whose failures are remembered

_log = structlog.stdlib.get_logger("holdfast.objects")


@dataclass(frozen=True, slots=True)
class _Job:
    """An event that is looked through: what was known of its pictures before, and the answer to come."""

    row: EventRow
    known: Mapping[str, list[Seen]]
    order: Order
    answer: Future[Answer]


class ObjectsRound:
    """One node's objects.

    Args:
        clock: Time.
        searcher: Who looks; for tests.
    """

    def __init__(self, clock: Clock, searcher: Searcher | None = None) -> None:
        self._clock = clock
        self._searcher = searcher or Searcher(clock)
        self._orders: dict[str, Order] = {}
        self._volumes: Mapping[str, Volume] = {}
        self._jobs: list[_Job] = []
        self._problems: dict[Stamp, tuple[str, str]] = {}  # by what was to be loaded
        self._waits: dict[Stamp, tuple[Stamp, int]] = {}  # models that failed: as they were, and until when (boot time)
        self._well: set[Stamp] = set()  # models that have looked through something
        self._away: dict[str, int] = {}  # volumes that cannot be read, and until when (boot time)
        # Events that failed: how often, until when they are left (boot time), and with which model.
        self._aside = dict[Id, tuple[int, int, Stamp]]()
        self._looked = self._took_us = self._unwanted = 0

    def follow(self, loaded: Loaded) -> None:
        """Follow the settings: what is looked for at which cameras."""
        config = loaded.config
        self._volumes = _volumes_of(config)
        self._away = {name: until_us for name, until_us in self._away.items() if name in self._volumes}
        found = {
            name: order_of(camera, loaded.base)
            for name, camera in config.cameras.items()
            if camera.enabled and camera.watch.enabled
        }
        self._orders = {name: order for name, order in found.items() if order is not None}
        self._searcher.keep(list(self._orders.values()))
        models = {order.source for order in self._orders.values()}
        for gone in self._problems.keys() - models:
            del self._problems[gone]
            self._waits.pop(gone, None)

    def turn(self, catalog: Catalog, node: int) -> None:
        """Write what was found, and hand out what waits.

        Raises:
            CatalogError: The catalog did not answer; what was found is looked for again.
        """
        self._searcher.hurry()
        done = [job for job in self._jobs if job.answer.done()]
        if done:
            self._jobs = [job for job in self._jobs if not job.answer.done()]
            for job in done:
                # What was asked under settings that hold no more is asked anew, or not at all.
                if self._orders.get(job.row.told.camera) == job.order:
                    self._settle(catalog, job)
        now_us = self._clock.boot_us()
        volumes = [name for name in self._volumes if now_us >= self._away.get(name, 0)]
        if not self._orders or self._jobs:
            return
        cameras = [camera for camera, order in self._orders.items() if self._usable(order)]
        if not cameras:
            return
        models = {order.stamp for order in self._orders.values()} if self._aside else set()
        without = [
            event for event, (_, until_us, stamp) in self._aside.items() if now_us < until_us and stamp in models
        ]
        with catalog.read() as tx:
            waiting = rows.sought(tx, node, cameras, MOST, volumes=volumes, without=without)
        for row in waiting:
            self._begin(row, self._orders[row.told.camera])

    def close(self) -> None:
        """Stop looking and forget what was not written; it is looked for again."""
        self._jobs.clear()
        self._searcher.close()

    def status(self) -> dict[str, Any] | None:
        """Return what came of looking since the start; None where nobody looks."""
        if not self._orders:
            return None
        problem, hint = next(iter(self._problems.values()), ("", ""))
        return {
            "cameras": len(self._orders),
            "pictures": self._looked,
            "ms": round(self._took_us / 1000 / self._looked, 1) if self._looked else None,
            "deleted": self._unwanted,
            "problem": problem,
            "hint": hint,
        }

    def _begin(self, row: EventRow, order: Order) -> None:
        known = events.shown(row) or {}
        self._jobs.append(_Job(row, known, order, self._searcher.look(order, self._files(row, known))))

    def _files(self, row: EventRow, known: Mapping[str, list[Seen]]) -> dict[str, tuple[Volume, str]]:
        told = row.told
        volume = self._volumes.get(told.volume)
        files = ((A, told.picture_a), (B, told.picture_b))
        return {which: (volume, file) for which, file in files if file and which not in known and volume is not None}

    def _settle(self, catalog: Catalog, job: _Job) -> None:
        try:
            answer = job.answer.result()
        except StorageError as error:
            self._cannot_read(job, error)
            return
        except (PictureFailed, TookTooLong) as error:
            self._stumbles(catalog, job, error)
            return
        except HoldfastError as error:
            self._fails(job.order, error)
            return
        self._aside.pop(job.row.id, None)
        if answer.pictures:
            self._well.add(job.order.stamp)
            if self._away.pop(job.row.told.volume, None) is not None:
                _log.info("objects.readable", volume=job.row.told.volume)
        if self._problems.pop(job.order.source, None) is not None:
            _log.info("objects.go_on", model=str(job.order.model))
        self._looked += len(answer.pictures)
        self._took_us += answer.took_us
        found = {**job.known, **answer.pictures}
        if job.order.only and _shows_nothing(job.row, found):
            self._delete(catalog, job.row)
            return
        with catalog.write() as tx:
            rows.recognise(
                tx, job.row, objects=to_json(found), label=label_of(found), now_us=self._clock.wall_us()
            )  # fmt: skip

    def _cannot_read(self, job: _Job, error: StorageError) -> None:
        """Leave what lies on a volume that cannot be read; the others go on."""
        volume = job.row.told.volume
        if volume not in self._away:
            _log.warning("objects.unreadable", volume=volume, reason=str(error), hint=error.hint)
        self._away[volume] = self._clock.boot_us() + AGAIN_US
        if not isinstance(error, VolumeMissing):
            self._put_aside(job)  # it may be this picture alone: others are tried before it

    def _stumbles(self, catalog: Catalog, job: _Job, error: PictureFailed | TookTooLong) -> None:
        """Go on without an event whose picture a model cannot digest; after some tries for good."""
        tries = self._put_aside(job)
        if isinstance(error, TookTooLong) or job.order.stamp not in self._well:
            # A busy machine, or one that has done well with none: as likely as not the next picture fails as well.
            self._fails(job.order, error)
        elif tries >= TRIES:
            del self._aside[job.row.id]
            with catalog.write() as tx:
                rows.give_up(tx, job.row)
            _log.warning(
                "objects.given_up", camera=job.row.told.camera, name=str(job.row.id), reason=str(error), hint=error.hint
            )

    def _put_aside(self, job: _Job) -> int:
        """Let others go first, longer each time; return how often it failed with this model by now."""
        model = job.order.stamp
        tries, _, before = self._aside.pop(job.row.id, (0, 0, model))
        tries = 1 if before != model else tries + 1
        until_us = self._clock.boot_us() + AGAIN_US * 2 ** min(tries, MOST_DOUBLED)
        self._aside[job.row.id] = tries, until_us, model
        if len(self._aside) > MOST_ASIDE:
            del self._aside[next(iter(self._aside))]
        return tries

    def _delete(self, catalog: Catalog, row: EventRow) -> None:
        # The row first, in the statement that asks: who marks it as looked at a moment before keeps its pictures, too.
        with catalog.write() as tx:
            if not rows.drop(tx, row):
                return  # somebody else did, or wants it: then it is handed out once more, and kept
        self._unwanted += 1
        _log.info(
            "objects.none", camera=row.told.camera, began=iso(row.told.start_us), name=str(row.id), become="deleted"
        )
        volume = self._volumes.get(row.told.volume)
        if volume is None:
            return
        for file in row.told.files:
            try:
                evidence.delete(volume.root, file)
            except StorageError as error:
                _log.warning("objects.undeleted", name=str(row.id), reason=str(error), hint=error.hint)

    def _usable(self, order: Order) -> bool:
        """Say whether a model that failed may be tried again: after a while, or once it is another one."""
        stamp, until_us = self._waits.get(order.source, ((), 0))
        return self._clock.boot_us() >= until_us or order.stamp != stamp

    def _fails(self, order: Order, error: HoldfastError) -> None:
        self._waits[order.source] = order.stamp, self._clock.boot_us() + AGAIN_US
        said = str(error), error.hint
        if self._problems.get(order.source) != said:
            _log.warning("objects.not_recognised", model=str(order.model), reason=said[0], hint=said[1])
        self._problems[order.source] = said
        # Whatever else was handed out to it would fail as well, each after its time.
        self._jobs = [job for job in self._jobs if job.order.source != order.source or not job.answer.cancel()]


def _volumes_of(config: Config) -> dict[str, Volume]:
    try:
        known = remembered_ids(config.state_dir)
    except BadInput:  # the worker says so; until then any disk that is a volume will do
        known = {}
    return {
        name: Volume(volume.path, known.get(f"{name}|{volume.path}", "")) for name, volume in config.volumes.items()
    }


def _shows_nothing(row: EventRow, found: Mapping[str, list[Seen]]) -> bool:
    """Say whether every picture of an event that is over was looked through, and shows nothing that counts."""
    told = row.told
    there = [which for which, file in ((A, told.picture_a), (B, told.picture_b)) if file]
    looked = bool(there) and all(which in found for which in there)
    return looked and told.end_us is not None and not row.reviewed and not any(found.values())

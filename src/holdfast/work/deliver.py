"""Sending one asset to its target, and writing the row about it: the body of deliveries.

In this order, each step only when the one before is certain: what is sent is held against its hash while it is read;
the target verifies what arrived and gives it its name; that is written into the kept journal and the delivery's row;
then the row at the target. A retry goes on with the step that failed: what lies there verified is not sent again
(F21, F23).

What is wrong with one file fails that file, with a hint and an incident; what is wrong with a target holds its lane
(way). An incident of a target closes when it takes something again.

Runs on the threads of an engine. Not here: which assets (library.handing_on), claims (runner), other forms (prepare).
"""

import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog

from holdfast.catalog import deliveries
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.deliveries import DeliveryRow
from holdfast.core.clock import Clock
from holdfast.core.config.deliveries import DeliveryConfig
from holdfast.core.config.model import Config
from holdfast.core.delivery import AssetKind, DeliveryState
from holdfast.core.errors import (
    BadInput,
    ContentDiffers,
    HoldfastError,
    NotFound,
    StorageError,
    TargetAway,
    TargetError,
    VolumeMissing,
)
from holdfast.core.naming import FIELD, PART, Naming, column_of, row_words
from holdfast.core.timing import SECOND_US
from holdfast.library import archive_incidents, kept
from holdfast.storage.errors import storage_errors
from holdfast.storage.rest_rows import RestRows
from holdfast.storage.targets.contract import Content, Going, Receipt
from holdfast.storage.targets.make import make_target
from holdfast.storage.volume import read_marker
from holdfast.work.job import Job
from holdfast.work.kind import Kind, Queue
from holdfast.work.prepare import FOLDER, Memory, clear, prepared
from holdfast.work.retry import Retry
from holdfast.work.way import Way

NAME = "deliver"
DIFFERED = 2  # C069: a checksum that differs twice is no accident
RETRY = Retry(first_s=5.0, cap_s=480.0)  # C069: with a quarter of jitter the longest wait is 600 s
ROW_WAIT_US = 30 * SECOND_US  # chosen: a database that is away is asked twice a minute, not once a row

_CHANGING = frozenset({"now"})

_log = structlog.stdlib.get_logger("holdfast.deliveries")


class Deliver:
    """What deliveries of a node need. A context manager: leaving it lets go of connections.

    Args:
        catalog: The catalog.
        config: The configuration.
        clock: Time.
    """

    def __init__(self, catalog: Catalog, config: Config, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        self._config = config
        self._zone = config.site.time_zone
        self._volumes = {name: volume.path for name, volume in config.volumes.items()}
        self._folders = (config.state_dir / FOLDER, config.runtime_dir / FOLDER)
        clear(self._folders, clock.wall_us())
        self.ways = {
            name: Way(make_target(name, table), table, self._zone, clock) for name, table in config.targets.items()
        }
        """The targets, by name."""
        self._rows = {
            name: RestRows(name, rule.row) for name, rule in config.deliveries.items() if rule.row is not None
        }
        self._row_asked_us: dict[str, int] = {}
        self._unsaid: list[kept.Acknowledgement] = []
        self._lock = threading.Lock()

    def kind(self) -> Kind:
        """Return the kind of work that this is the body of."""
        most = max((way.config.parallel for way in self.ways.values()), default=1)
        return Kind(
            name=NAME, noun=deliveries.NOUN, queue=Queue.DELIVER, body=self, about="sends finished files to targets",
            lane_limit=most, room=self.room, retry=RETRY, working=DeliveryState.SENDING.value,
        )  # fmt: skip

    def room(self, lane: str) -> int:
        """Say how many files may go to a target at once now; none to one that is not configured."""
        way = self.ways.get(lane)
        return 0 if way is None else way.room()

    def close(self) -> None:
        """Let go of connections."""
        for way in self.ways.values():
            way.target.close()
        for rows in self._rows.values():
            rows.close()

    def __call__(self, job: Job) -> None:
        """Work on one delivery."""
        row = deliveries.of_columns(job.row)
        way = self.ways.get(row.target)
        if way is None or not way.open():
            job.later(self._clock.wall_us() + ROW_WAIT_US if way is None else way.opens_us(), "not in its hours")
            return
        rule = self._config.deliveries.get(row.rule)
        try:
            if row.object_us is None:
                row = self._send(job, row, rule, way)
        except NotFound as error:
            self._missing(job, row, error)
            return
        except HoldfastError as error:
            self._failed(job, row, way, error)
            return
        self._finish(job, row, rule, way)

    # --- the object --------------------------------------------------------------------------------------------------

    def _send(self, job: Job, row: DeliveryRow, rule: DeliveryConfig | None, way: Way) -> DeliveryRow:
        source = self._volumes.get(row.asset.volume, Path("/nonexistent")) / row.asset.file
        with prepared(row, source, rule, way.config.encrypt, self._folders) as made:
            receipt = self._put(job, row, way, made.path, made.content)
        way.well()
        now_us = self._clock.wall_us()
        sent = replace(row, address=receipt.address, verified=receipt.verified, object_us=now_us, memory="")
        self._acknowledge(sent, now_us)
        return sent

    def _put(self, job: Job, row: DeliveryRow, way: Way, path: Path, content: Content) -> Receipt:
        memory = Memory.read(row.memory)
        own = content == Content(row.asset.bytes, row.asset.sha256)
        if memory.content is not None and memory.content != content:
            # A sealed file is another one each time: the last attempt's may lie there already.
            found = way.target.look(row.key, memory.content)
            if found is not None:
                return found
            memory = Memory()
        if not own and memory.content is None:
            memory = Memory(content=content)
            job.keep({"memory": memory.text()})
        done = 0

        def moved(count: int) -> None:
            nonlocal done
            done += count
            job.progress(done, content.bytes)

        def told() -> bool:
            return not job.alive() or not way.open()

        going = Going(
            moved=moved, told_to_stop=told, pace=lambda count: way.pace(count, told), memory=memory.upload,
            remember=lambda upload: _remember(job, replace(memory, upload=upload)),
        )  # fmt: skip
        return way.target.put(path, row.key, content, going)

    def _acknowledge(self, row: DeliveryRow, now_us: int) -> None:
        """Say in the kept journal that there is a copy; where the disk has no room for that, later.

        Until the line is written the copy counts for nothing there, and the footage stays (F18, F21).
        """
        if row.asset.kind is AssetKind.JOURNAL:
            return  # journals outlive what they speak of; a line about each copy would make another copy due
        copy = kept.Acknowledgement(asset=row.asset, target=row.target, address=row.address, at_us=now_us)
        with self._lock:
            copies, self._unsaid = [*self._unsaid, copy], []
        try:
            kept.all_acknowledged(self._volumes, copies)
        except StorageError as error:
            with self._lock:
                if not self._unsaid:
                    _log.warning("deliveries.not_kept", target=row.target, reason=str(error), hint=error.hint)
                self._unsaid += copies

    # --- the row at the target ---------------------------------------------------------------------------------------

    def _finish(self, job: Job, row: DeliveryRow, rule: DeliveryConfig | None, way: Way) -> None:
        values = {
            "address": row.address, "verified": row.verified, "object_us": row.object_us, "memory": "", "differed": 0
        }  # fmt: skip
        if rule is not None and rule.row is not None and row.row_us is None:
            if not job.keep(values):
                return
            if not self._row(job, row, rule, way):
                return
            values["row_us"] = self._clock.wall_us()
        now_us = self._clock.wall_us()

        def heal(tx: Transaction) -> None:
            archive_incidents.close(tx, row.id.node, way.name, now_us)

        along = heal if way.complained else None
        if job.finish(DeliveryState.DELIVERED.value, {**values, "done_us": now_us}, along=along) and along is not None:
            way.complained = False
        if row.asset.kind is AssetKind.JOURNAL and PART not in row.key:
            self._tidy(row, way)

    def _tidy(self, row: DeliveryRow, way: Way) -> None:
        """Remove the parts of a journal that has arrived whole; what cannot be removed stays, and harms nobody."""
        with self._catalog.read() as tx:
            parts = deliveries.superseded(tx, row)
        gone = []
        for part in parts:
            try:
                way.target.remove(part.key)
            except TargetError as error:
                _log.info("deliveries.part_stays", target=way.name, key=part.key, reason=str(error))
                break
            gone.append(part.id)
        if gone:
            with self._catalog.write() as tx:
                deliveries.drop(tx, gone)

    def _row(self, job: Job, row: DeliveryRow, rule: DeliveryConfig, way: Way) -> bool:
        """Write the row about an object; False where the delivery has its result."""
        config = rule.row
        if config is None:
            return True
        now_us = self._clock.boot_us()
        asked_us = self._row_asked_us.get(row.rule)
        if asked_us is not None and now_us - asked_us < ROW_WAIT_US:
            job.later(self._clock.wall_us() + ROW_WAIT_US, "the table's interface does not answer")
            return False
        naming = Naming(template=rule.name, zone=self._zone, user=rule.user)
        words = row_words(row.asset, naming, key=row.key, address=row.address, now_us=self._clock.wall_us())
        columns = {name: column_of(text, words) for name, text in config.texts.items()}
        changing = frozenset(name for name, text in config.texts.items() if _CHANGING & set(FIELD.findall(text)))
        try:
            # Whoever was killed between writing it and saying so has written it, and had the object before that.
            again = job.row["object_us"] is not None
            self._rows[row.rule].write(columns, again=again, changing=changing)
        except TargetAway as error:
            self._row_asked_us[row.rule] = now_us
            _log.warning("deliveries.row_waits", rule=row.rule, reason=str(error))
            raise
        except TargetError as error:
            self._refused(job, row, way, error)
            return False
        self._row_asked_us.pop(row.rule, None)
        return True

    # --- what goes wrong ---------------------------------------------------------------------------------------------

    def _missing(self, job: Job, row: DeliveryRow, error: NotFound) -> None:
        """End a delivery whose file is gone; where that is not certain, it waits."""
        volume = row.asset.volume
        root = self._volumes.get(volume)
        if root is None:
            raise VolumeMissing(
                f"volume {volume} is not configured here: its files wait", hint=f"add [volumes.{volume}] again"
            )
        try:
            marker = read_marker(root)
        except BadInput as damaged:
            # The file system that damaged the marker may show less than there is.
            raise VolumeMissing(f"{damaged}: its files wait", hint=damaged.hint) from damaged
        if marker is None:
            raise VolumeMissing(f"volume {volume} is not there: its files wait")
        if _is_there(root / row.asset.file):
            raise StorageError(str(error)) from error  # what was made of it went, not the file itself
        _log.warning("deliveries.missing", target=row.target, file=row.asset.file)
        hint = "it was deleted before it was sent: look at holdfast coverage and at retention"
        job.finish(DeliveryState.MISSING.value, error=str(error), hint=hint)

    def _failed(self, job: Job, row: DeliveryRow, way: Way, error: HoldfastError) -> None:
        if not way.open() and not job.told and isinstance(error, TargetAway):
            job.later(way.opens_us(), str(way.stopped()))
            return
        if job.told or job.lost:
            raise error
        way.failed(error)
        if isinstance(error, ContentDiffers):
            if row.differed + 1 >= DIFFERED:
                self._refused(job, row, way, error)
                return
            job.keep({"differed": row.differed + 1, "memory": ""})
        elif not error.transient:
            self._refused(job, row, way, error)
            return
        elif way.worth_telling():
            with self._catalog.write() as tx:
                self._incident(row, way, f"{way.name} has not taken anything for ten minutes: {error}")(tx)
        raise error

    def _refused(self, job: Job, row: DeliveryRow, way: Way, error: HoldfastError) -> None:
        """End a delivery that only a person can help, and say so as an incident."""
        _log.error(
            "deliveries.failed", target=row.target, file=row.asset.file, reason=str(error), hint=error.hint
        )  # fmt: skip
        job.finish(
            DeliveryState.FAILED.value, {"differed": 0}, error=str(error), hint=error.hint,
            along=self._incident(row, way, f"cannot send {row.asset.file}: {error}"),
        )  # fmt: skip

    def _incident(self, row: DeliveryRow, way: Way, detail: str) -> Callable[[Transaction], None]:
        now_us = self._clock.wall_us()
        way.complained = True

        def deed(tx: Transaction) -> None:
            archive_incidents.open_one(tx, row.id.node, row.target, detail, now_us)

        return deed


def _is_there(path: Path) -> bool:
    with storage_errors("looking for", path):
        try:
            return stat.S_ISREG(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False


def _remember(job: Job, memory: Memory) -> None:
    job.keep({"memory": memory.text()})

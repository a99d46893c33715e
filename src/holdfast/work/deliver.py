"""Sending one asset to its target, and writing the row about it: the body of deliveries.

In this order, each step only when the one before is certain: what is sent is held against its hash while it is read;
the target verifies what arrived and gives it its name; that is written into the kept journal and the delivery's row;
then the row at the target. A retry goes on with the step that failed: what lies there verified is not sent again
(F21, F23).

What is wrong with one file fails that file, with a hint and an incident; what is wrong with a target holds its lane
(way). An incident of a target closes when it takes something again.

Runs on the threads of an engine. Not here: which assets (library.handing_on), many small ones (deliver_together), rows
at targets (rule_rows), claims (runner), other forms (prepare).
"""

import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import structlog

from holdfast.catalog import deliveries, nodes
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.deliveries import DeliveryRow
from holdfast.core.clock import Clock
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
from holdfast.core.naming import PART
from holdfast.core.timing import SECOND_US
from holdfast.library import archive_incidents
from holdfast.library.kept import Acknowledgement
from holdfast.storage.errors import storage_errors
from holdfast.storage.rest_rows import RowsRefused
from holdfast.storage.targets.contract import Going, Receipt
from holdfast.storage.targets.make import make_target
from holdfast.storage.volume import read_marker
from holdfast.work.acknowledge import Acknowledging
from holdfast.work.deliver_together import Alone, Arrived, DeliverTogether
from holdfast.work.job import Job
from holdfast.work.kind import Kind, Queue, Together
from holdfast.work.prepare import FOLDER, Memory, Prepared, clear, prepared, unchanged
from holdfast.work.retry import Retry
from holdfast.work.rule_rows import RuleRows
from holdfast.work.way import Way

NAME = "deliver"
DIFFERED = 2  # C069: a checksum that differs twice is no accident
RETRY = Retry(first_s=5.0, cap_s=480.0)  # C069: with a quarter of jitter the longest wait is 600 s
_UNKNOWN_US = 30 * SECOND_US  # chosen: rows of a target that is gone from the configuration wait for it to come back

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
        self.rows = {
            name: RuleRows(name, rule, rule.row, self._zone, clock)
            for name, rule in config.deliveries.items() if rule.row is not None
        }  # fmt: skip
        """The rows of rules that want some, by name of the rule."""
        self._born: dict[int, int] = {}  # when the catalog first saw each node
        self.acknowledging = Acknowledging(self._volumes, config.state_dir, clock)
        """Says that there are copies."""
        alone = Alone(
            unchanged=self._unchanged, prepared=self._prepared, failed=self._wrong, finish=self._finish,
            has_row=self._has_row, heal=self._heal,
        )  # fmt: skip
        self._together = DeliverTogether(self.ways, self.acknowledging, alone, clock, RETRY)

    def kind(self) -> Kind:
        """Return the kind of work that this is the body of."""
        most = max((way.config.parallel for way in self.ways.values()), default=1)
        return Kind(
            name=NAME, noun=deliveries.NOUN, queue=Queue.DELIVER, body=self, about="Sends finished files to targets.",
            lane_limit=most, room=self.room, retry=RETRY, working=DeliveryState.SENDING.value,
            together=Together(self._together.find, self._together),
        )  # fmt: skip

    def room(self, lane: str) -> int:
        """Say how many files may go to a target at once now; none to one that is not configured."""
        way = self.ways.get(lane)
        return 0 if way is None else way.room()

    def held(self) -> list[dict[str, Any]]:
        """Say who takes nothing now: targets, and tables of rules, each with since when, why and what to do."""
        found = [({"target": name}, way.held) for name, way in self.ways.items()]
        found += [
            ({"rule": rule, "target": self._config.deliveries[rule].target}, r.held) for rule, r in self.rows.items()
        ]
        return [{**who, **asdict(held)} for who, held in found if held is not None]

    def status(self) -> dict[str, Any]:
        """Say what the worker's status tells of deliveries: who takes nothing, and what was sent to whom."""
        return {"away": self.held(), "sent": [{"target": name, **way.counts} for name, way in self.ways.items()]}

    def close(self) -> None:
        """Let go of connections, and keep what could not be said yet."""
        self.acknowledging.close()
        for way in self.ways.values():
            way.target.close()
        for rows in self.rows.values():
            rows.close()

    def __call__(self, job: Job) -> None:
        """Work on one delivery."""
        row = deliveries.of_columns(job.row)
        way = self.ways.get(row.target)
        if way is None or not way.open():
            job.later(self._clock.wall_us() + _UNKNOWN_US if way is None else way.opens_us(), "not in its hours")
            return
        try:
            if row.object_us is None:
                row = self._send(job, row, way)
        except HoldfastError as error:
            self._wrong(job, row, way, error)
            return
        self._finish(job, row, way)

    # --- the object --------------------------------------------------------------------------------------------------

    def _source(self, row: DeliveryRow) -> Path:
        return self._volumes.get(row.asset.volume, Path("/nonexistent")) / row.asset.file

    def _unchanged(self, row: DeliveryRow, way: Way) -> Prepared | None:
        return unchanged(row, self._source(row), self._config.deliveries.get(row.rule), way.config.encrypt)

    def _prepared(self, row: DeliveryRow, way: Way) -> AbstractContextManager[Prepared]:
        rule = self._config.deliveries.get(row.rule)
        return prepared(row, self._source(row), rule, way.config.encrypt, self._folders)

    def _send(self, job: Job, row: DeliveryRow, way: Way) -> DeliveryRow:
        with self._prepared(row, way) as made:
            receipt = self._put(job, row, way, made)
        way.arrived(row.asset.bytes)
        now_us = self._clock.wall_us()
        # What went in another form is known by its content alone to whoever verifies it anew.
        memory = "" if made.is_own(row) else Memory(content=made.content).text()
        sent = Arrived(receipt.address, receipt.verified, now_us, memory).written(row)
        copy = Acknowledgement(asset=row.asset, target=row.target, address=receipt.address, at_us=now_us)
        self.acknowledging.say([copy])
        return sent

    def _put(self, job: Job, row: DeliveryRow, way: Way, made: Prepared) -> Receipt:
        memory, content = Memory.read(row.memory), made.content
        if memory.content is not None and memory.content != content:
            # A sealed file is another one each time: the last attempt's may lie there already.
            found = way.target.look(row.key, memory.content)
            if found is not None:
                return found
            # The upload of the other one is remembered still: the target ends it.
            memory = Memory(upload=memory.upload)
        if not made.is_own(row) and memory.content is None:
            memory = replace(memory, content=content)
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
        return way.target.put(made.path, row.key, content, going)

    # --- the row at the target ---------------------------------------------------------------------------------------

    def _has_row(self, row: DeliveryRow) -> bool:
        return row.rule in self.rows and row.row_us is None

    def _finish(self, job: Job, row: DeliveryRow, way: Way) -> None:
        values = Arrived(row.address, row.verified, row.object_us or 0, row.memory).columns()
        if self._has_row(row):
            if not job.keep(values):
                return
            if not self._row(job, row, way):
                return
            values["row_us"] = self._clock.wall_us()
        along = self._heal(row.id.node, way)
        values["done_us"] = self._clock.wall_us()
        if job.finish(DeliveryState.DELIVERED.value, values, along=along) and along is not None:
            way.complained = False
        if row.asset.kind is AssetKind.JOURNAL and PART not in row.key:
            self._tidy(row, way)

    def _heal(self, node: int, way: Way) -> Callable[[Transaction], None] | None:
        """Return what closes the incident of a target; None where it has none, or a rule's rows are refused still."""
        refused = any(
            rows.problem and self._config.deliveries[rule].target == way.name for rule, rows in self.rows.items()
        )
        if not way.complained or refused:
            return None
        now_us = self._clock.wall_us()

        def heal(tx: Transaction) -> None:
            archive_incidents.close(tx, node, way.name, now_us)

        return heal

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

    def _row(self, job: Job, row: DeliveryRow, way: Way) -> bool:
        """Write the row about an object; False where the delivery waits, or has its result."""
        rows = self.rows[row.rule]
        if wait_us := rows.waits_us(row.id):
            job.later(self._clock.wall_us() + wait_us, rows.problem or "the table's interface does not answer")
            return False
        known = rows.problem
        try:
            # Whoever was killed between writing it and saying so has written it, and had the object before that.
            # A copy that was found wrong and sent again has its row from the first time.
            again = job.row["object_us"] is not None or Memory.read(str(job.row["memory"])).told
            rows.write(row, again=again or self._is_older_than_catalog(row))
        except (RowsRefused, TargetAway) as error:
            self._row_waits(job, row, way, error, known=bool(known))
            return False
        except TargetError as error:
            self._refused(job, row, way, error)
            return False
        if known:
            _log.info("deliveries.rows_taken", rule=row.rule)
        return True

    def _is_older_than_catalog(self, row: DeliveryRow) -> bool:
        """Say whether a catalog before this one may have known the file: then it may have its row from there."""
        if row.id.node not in self._born:
            with self._catalog.read() as tx:
                self._born[row.id.node] = nodes.created_us(tx, row.id.node) or 0
        return row.asset.end_us < self._born[row.id.node]

    def _row_waits(self, job: Job, row: DeliveryRow, way: Way, error: TargetError, *, known: bool) -> None:
        """Give a row back of which it is not known whether it or all of its rule are refused."""
        rows = self.rows[row.rule]
        wait_us = rows.waits_us(row.id)
        if isinstance(error, RowsRefused) and rows.problem:
            if not known:
                _log.error("deliveries.rows_refused", rule=row.rule, reason=str(error), hint=error.hint)
                with self._catalog.write() as tx:
                    self._incident(row, way, f"{error}; rows of {row.rule} wait: {error.hint}")(tx)
            job.later(self._clock.wall_us() + wait_us, str(error))
            return
        _log.warning("deliveries.row_waits", rule=row.rule, reason=str(error), retry_in_s=round(wait_us / SECOND_US, 1))
        job.again(wait_us, str(error), error.hint)

    # --- what goes wrong ---------------------------------------------------------------------------------------------

    def _wrong(self, job: Job, row: DeliveryRow, way: Way, error: HoldfastError) -> None:
        """Write what an error comes to, where that is known; raise it where it may be tried again."""
        if isinstance(error, NotFound):
            self._missing(job, row, error)
        else:
            self._failed(job, row, way, error)

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
            _log.warning("deliveries.held", target=way.name, reason=str(error), hint=error.hint)
            with self._catalog.write() as tx:
                self._incident(row, way, f"takes nothing: {error}")(tx)
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

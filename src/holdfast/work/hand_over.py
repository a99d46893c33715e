"""Telling scripts and services of one finished file: the body of hand-overs.

A marker is made beside its file or in a folder; a service is sent a signed request. Both may happen twice, where a kill
comes between the deed and its row: the marker is the same file then, and the request has the same id. Nobody is told
before the file has its final name and hash, or, where a rule waits for targets, before they have verified it: rows are
made then, and not before.

A receiver that is away, or does not let us in, holds its lane, not its rows. One that refuses a file fails that one,
with a hint and an incident. A marker needs its file; a service is told even where retention was faster, with that.

This is no kind of target: what a target acknowledges is a copy, which lets retention delete the file here; that
somebody heard of it is none.

Runs on the threads of an engine. Not here: which files (library.handing_over), requests and files (storage).
"""

import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from holdfast.catalog import handovers
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.handovers import HandoverRow
from holdfast.core.clock import Clock
from holdfast.core.config.handovers import AnyHandover, MarkerConfig, WebhookConfig
from holdfast.core.config.model import Config
from holdfast.core.errors import BadInput, TargetAway, TargetError, VolumeMissing
from holdfast.core.handover import HandoverState, body_of, marker_name, told
from holdfast.core.naming import Naming
from holdfast.core.timing import MINUTE_US
from holdfast.library import archive_incidents
from holdfast.library.handing_over import KIND, incident_name
from holdfast.storage.errors import storage_errors
from holdfast.storage.markers import Markers
from holdfast.storage.volume import read_marker
from holdfast.storage.webhook import Webhook
from holdfast.work.hold import Hold
from holdfast.work.job import Job
from holdfast.work.kind import Kind, Queue
from holdfast.work.retry import Retry

RETRY = Retry(first_s=5.0, cap_s=480.0)  # C069: with a quarter of jitter the longest wait is 600 s
AWAY_US = MINUTE_US  # chosen: a row whose rule was taken out of the configuration a moment ago is in no hurry

_log = structlog.stdlib.get_logger("holdfast.handovers")


class HandOver:
    """What hand-overs of a node need.

    Args:
        catalog: The catalog.
        config: The configuration.
        clock: Time.
        node: Name of the node, as receivers are told it.
    """

    def __init__(self, catalog: Catalog, config: Config, clock: Clock, *, node: str) -> None:
        self._catalog = catalog
        self._clock = clock
        self._node = node
        self._zone = config.site.time_zone
        self._rules = dict(config.handovers)
        self._volumes = {name: volume.path for name, volume in config.volumes.items()}
        self._holds = {name: Hold(rule.parallel, clock) for name, rule in self._rules.items()}
        self._markers = {name: Markers(name) for name, rule in self._rules.items() if isinstance(rule, MarkerConfig)}
        self._webhooks = {
            name: Webhook(name, rule) for name, rule in self._rules.items() if isinstance(rule, WebhookConfig)
        }

    def kind(self) -> Kind:
        """Return the kind of work that this is the body of."""
        most = max((rule.parallel for rule in self._rules.values()), default=1)
        return Kind(
            name=KIND, noun=handovers.NOUN, queue=Queue.DELIVER, body=self, lane_limit=most, room=self.room,
            about="Tells scripts and services of finished files.", retry=RETRY, working=HandoverState.HANDING.value,
        )  # fmt: skip

    def room(self, lane: str) -> int:
        """Say of how many files a receiver may be told at once now; of none where it is not configured."""
        hold = self._holds.get(lane)
        return 0 if hold is None else hold.room()

    def close(self) -> None:
        """Let go of connections."""
        for webhook in self._webhooks.values():
            webhook.close()

    def __call__(self, job: Job) -> None:
        """Work on one hand-over."""
        row = handovers.of_columns(job.row)
        rule, hold = self._rules.get(row.rule), self._holds.get(row.rule)
        if rule is None or hold is None:
            job.later(self._clock.wall_us() + AWAY_US, "its rule is not configured any more")
            return
        source = self._volumes.get(row.asset.volume, Path("/nonexistent")) / row.asset.file
        here = self._is_here(row, source)
        beside = isinstance(rule, MarkerConfig) and rule.folder is None
        if isinstance(rule, MarkerConfig) and not here and (beside or not rule.after):
            self._missing(job, row)
            return
        with self._catalog.read() as tx:
            copies = handovers.copies(tx, row.id.node, row.asset)
        facts = told(
            row.rule, row.asset, node=self._node, path=str(source), here=here, copies=copies, zone=self._zone
        )  # fmt: skip
        try:
            made = self._tell(job, row, rule, source, facts)
        except TargetError as error:
            self._failed(job, row, hold, error)
            return
        hold.well()
        self._done(job, row, hold, made)

    def _tell(
        self, job: Job, row: HandoverRow, rule: AnyHandover, source: Path, facts: Mapping[str, Any]
    ) -> str:  # fmt: skip
        """Tell, and return what came of it in words."""

        def stop() -> bool:
            return not job.alive()

        if isinstance(rule, WebhookConfig):
            return self._webhooks[row.rule].send(facts["id"], body_of(facts), self._clock.wall_us(), stop)
        key = next((copy["key"] for copy in facts["copies"] if copy["target"] in rule.after), "")
        if "{key}" in rule.template and not key:
            raise TargetAway(f"{row.rule}: {rule.after[0]} has no copy of it just now")
        name = marker_name(rule.template, row.asset, Naming(zone=self._zone), key)
        data = b"" if rule.content == "empty" else body_of(facts)
        root = rule.folder or source.parent
        return str(self._markers[row.rule].put(root, name, data, file=row.asset.file, stop=stop))

    def _is_here(self, row: HandoverRow, source: Path) -> bool:
        """Say whether the file still lies here as it was; where its volume is away that is asked again later.

        Raises:
            StorageError: That cannot be said now.
        """
        with storage_errors("looking for", source):
            try:
                facts = source.stat()
            except (FileNotFoundError, NotADirectoryError):
                facts = None
        if facts is not None and stat.S_ISREG(facts.st_mode) and facts.st_size == row.asset.bytes:
            return True
        root = self._volumes.get(row.asset.volume)
        try:
            there = root is not None and read_marker(root) is not None
        except BadInput:
            there = False  # the file system that damaged the marker may show less than there is
        if not there:
            raise VolumeMissing(f"volume {row.asset.volume} is not there: its files wait")
        return False

    # --- what comes of it --------------------------------------------------------------------------------------------

    def _done(self, job: Job, row: HandoverRow, hold: Hold, made: str) -> None:
        now_us = self._clock.wall_us()

        def heal(tx: Transaction) -> None:
            archive_incidents.close(tx, row.id.node, incident_name(row.rule), now_us)

        along = heal if hold.complained else None
        if job.finish(HandoverState.DONE.value, {"made": made, "done_us": now_us}, along=along) and along is not None:
            hold.complained = False

    def _missing(self, job: Job, row: HandoverRow) -> None:
        _log.warning("handovers.missing", rule=row.rule, file=row.asset.file)
        hint = "it was deleted, or replaced, before its marker could be made: look at retention"
        job.finish(HandoverState.MISSING.value, error=f"{row.asset.file} is gone", hint=hint)

    def _failed(self, job: Job, row: HandoverRow, hold: Hold, error: TargetError) -> None:
        if job.told or job.lost:
            raise error
        hold.failed(error)
        if not error.transient:
            _log.error("handovers.failed", rule=row.rule, file=row.asset.file, reason=str(error), hint=error.hint)
            said = f"cannot tell of {row.asset.file}: {error}"
            job.finish(
                HandoverState.FAILED.value, error=str(error), hint=error.hint, along=self._incident(row, hold, said)
            )
            return
        if hold.worth_telling():
            with self._catalog.write() as tx:
                self._incident(row, hold, f"takes nothing: {error}")(tx)
        raise error

    def _incident(self, row: HandoverRow, hold: Hold, detail: str) -> Callable[[Transaction], None]:
        now_us = self._clock.wall_us()
        hold.complained = True

        def deed(tx: Transaction) -> None:
            archive_incidents.open_one(tx, row.id.node, incident_name(row.rule), detail, now_us)

        return deed

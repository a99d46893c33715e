"""Incidents of cameras that send something else than what is expected, from what their recorder says (C059).

The recorder compares each connection with the stream contract (`expected`) and goes on recording; how long that lasts
is judged by the machine of all incidents, on the wall clock. What is open stands in the catalog and nowhere else, so a
restart goes on with it; it stands beside incidents of the picture and hides none of them.

Looked at by the watcher each few seconds, on its thread. Not here: comparing (media.probe), what cannot be recorded at
all, which is a gap and judged with it (watching.judge).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.catalog import incidents
from holdfast.catalog.db import Catalog
from holdfast.catalog.incidents import IncidentRow, Wanted
from holdfast.core.camera import STREAMS
from holdfast.core.clock import Clock
from holdfast.core.config.watch import WatchConfig
from holdfast.core.errors import BadInput
from holdfast.core.incident import Case, IncidentType, Rule, Stage, Turn, Watch, step
from holdfast.core.status import FRESH_S, StreamState, StreamStatus, status_name
from holdfast.core.timing import SECOND_US

KIND = IncidentType.STREAM_MISMATCH
MARK = "mismatch"
"""What tells these incidents from those of gaps, among the facts of one: the fields that differ."""

LAPSE_US = 60 * SECOND_US  # chosen: looks are ten seconds apart, and a busy machine leaves some out
MOST = 1000


@dataclass(frozen=True, slots=True)
class _News:
    """What is to be written of a camera."""

    camera: str
    case: Case
    fields: tuple[str, ...]


class Contracts:
    """Watches the contracts of all cameras of a node.

    Args:
        clock: Time.
        runtime_dir: Where recorders say what they do.
    """

    def __init__(self, clock: Clock, runtime_dir: Path) -> None:
        self._clock = clock
        self._runtime_dir = runtime_dir
        self._watches: dict[str, Watch] = {}

    def look(self, catalog: Catalog, node: int, wanted: Mapping[str, WatchConfig]) -> None:
        """Look once; open and resolve what is due.

        Args:
            catalog: The catalog.
            node: The node's number.
            wanted: Cameras that are watched, with what is asked for.

        Raises:
            CatalogError: It could not be written; the next look does it again.
        """
        with catalog.read() as tx:
            rows = incidents.page(tx, Wanted(node=node, type=KIND, open=True), limit=MOST).rows
        mine = {row.camera: row for row in rows if MARK in row.seen}
        taken = {row.camera for row in rows} - mine.keys()
        told = {camera: one for camera, one in wanted.items() if KIND in one.wanted() and camera not in taken}
        news = [_ended(row) for camera, row in mine.items() if camera not in told]
        watches: dict[str, Watch] = {}
        for camera, asked in told.items():
            watch = self._watches.get(camera, _gone_on(mine.get(camera)))
            status = self._read(camera)
            if status is not None:
                watch, more = _stepped(camera, watch, status, asked)
                news += more
            watches[camera] = watch
        if news:
            with catalog.write() as tx:
                for one in news:
                    incidents.put(
                        tx, node, one.camera, one.case, detail="; ".join(one.fields), seen={MARK: list(one.fields)},
                        now_us=self._clock.wall_us(),
                    )  # fmt: skip
        self._watches = watches  # only now: what could not be written is found again

    def _read(self, camera: str) -> StreamStatus | None:
        """Return what a camera's recorder says; None where it has said nothing for a while, which tells nothing."""
        try:
            status = StreamStatus.from_json((self._runtime_dir / status_name(camera, STREAMS[0])).read_bytes())
        except (OSError, BadInput):
            return None
        return status if abs(self._clock.wall_us() - status.at_us) <= FRESH_S * SECOND_US else None


def _stepped(camera: str, watch: Watch, status: StreamStatus, asked: WatchConfig) -> tuple[Watch, list[_News]]:
    differs = status.state is StreamState.RECORDING and bool(status.mismatch)
    rule = Rule(
        round(asked.open_after_s * SECOND_US), close_after_us=round(asked.close_after_s * SECOND_US), lapse_us=LAPSE_US
    )  # fmt: skip
    watch, changes = step(watch, status.at_us, {KIND: differs}, {KIND: rule})
    return watch, [
        _News(camera, change.case, tuple(status.mismatch))
        for change in changes
        if change.turn in {Turn.OPENED, Turn.RESOLVED}
    ]


def _gone_on(row: IncidentRow | None) -> Watch:
    """Return what is known of a camera whose incident was opened by somebody before."""
    if row is None:
        return Watch()
    return Watch(row.updated_us, {KIND: Case(KIND, Stage.ACTIVE, row.start_us, row.updated_us, row.count)})


def _ended(row: IncidentRow) -> _News:
    """Nobody watches this camera any more, or for this: what is open ends with what was seen last."""
    end_us = max(row.start_us, row.updated_us)
    return _News(row.camera, Case(KIND, Stage.RESOLVED, row.start_us, end_us, row.count, end_us), ())

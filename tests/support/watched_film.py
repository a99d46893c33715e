"""Films as footage of a camera, for tests of the watcher: files and journal as a recorder leaves them behind."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.catalog import incidents, measures, nodes
from holdfast.catalog.db import Catalog
from holdfast.catalog.incidents import Wanted
from holdfast.core.journal import Begun, Event, Sealed
from holdfast.core.timing import SECOND_US
from support.clips import write_run
from support.clock import PushedClock
from support.films import Picture, film
from support.journals import Told
from support.media import WALL_US, demux


@dataclass
class Gate:
    """A camera called gate whose footage is films; `root` is the volume, and `clock` stands where footage ends."""

    root: Path
    clock: PushedClock = field(default_factory=lambda: PushedClock(WALL_US))

    def __post_init__(self) -> None:
        self._told = Told(self.root, self.clock)
        self._told.open()
        self._runs = 0

    def record(
        self,
        seconds: float,
        picture: Callable[[float], Picture],
        loudness: Callable[[float], float] | None = None,
        *,
        group: int = 25,
    ) -> int:
        """Record a film from now on, in files of some seconds; returns when it began."""
        start_us = self.clock.wall_us()
        self._runs += 1
        name = self.root.with_name(f"film-{self._runs}.mp4")
        footage = demux(film(name, seconds, picture, loudness, group=group, options={"sc_threshold": "0"}))
        write_run(self.root, footage, per_file=6, start_us=start_us, run=f"run-{self._runs}", say=self._say)
        self._reach(start_us + round(seconds * SECOND_US))
        return start_us

    def down(self, reason: str, seconds: float) -> None:
        """Nothing comes for a while."""
        self._told.down(reason, seconds)

    def die(self) -> None:
        """The recorder is killed."""
        self._told.die()

    def rest(self) -> None:
        """An hour passes in which nothing is wanted; what was recorded is finished."""
        self.down("off-schedule", 3600)

    def _say(self, event: Event) -> None:
        at_us = event.start_us if isinstance(event, Begun) else event.end_us if isinstance(event, Sealed) else 0
        self._reach(at_us)
        self._told.say(event)

    def _reach(self, at_us: int) -> None:
        self.clock.advance(max(0, at_us - self.clock.wall_us()) / SECOND_US)


def told(catalog: Catalog) -> list[tuple[object, ...]]:
    """Everything that is known of incidents and their pictures, and every measure."""
    with catalog.read() as tx:
        node = nodes.find(tx, "local")
        assert node is not None
        rows = incidents.page(tx, Wanted(), limit=1000).rows
        shown = incidents.pictures(tx, [row.id for row in rows])
        found: list[tuple[object, ...]] = [
            (
                row.type,
                row.start_us,
                row.end_us,
                row.count,
                row.detail,
                row.seen,
                sorted(one.file for one in shown[row.id]),
            )
            for row in reversed(rows)
        ]
        return [*found, *((one,) for one in measures.between(tx, node, "gate", 0, 1 << 62, limit=100_000))]

"""Working on deliveries in tests: one after the other, on this thread, with time that is pushed."""

from dataclasses import replace
from types import TracebackType
from typing import Self

from holdfast.catalog import claims
from holdfast.core.timing import SECOND_US
from holdfast.work.deliver import Deliver
from holdfast.work.runner import Runner
from support.handed import Handed


class Sending:
    """What the worker does with the rows of a node, as a context manager.

    Args:
        site: The node.
        worker: Name that it claims under.
        together: Whether small files go together, as ever; False works on each row alone.
    """

    def __init__(self, site: Handed, worker: str = "w1", *, together: bool = True) -> None:
        self.site = site
        self.deliver = Deliver(site.catalog, site.loaded.config, site.clock)
        self.kind = self.deliver.kind()
        if not together:
            self.kind = replace(self.kind, together=None)
        self.runner = Runner(site.catalog, site.node, worker, site.clock)

    def __enter__(self) -> Self:
        self.runner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.runner.__exit__(kind, error, trace)
        self.deliver.close()

    def due(self, lane: str = "nas", *, newest: bool = False, limit: int = 1) -> list[int]:
        """Return rows that may be worked on now; none of a lane without room."""
        if self.kind.limit(lane) <= 0:
            return []
        with self.site.catalog.read() as tx:
            now_us = claims.time_us(tx, self.site.clock.wall_us())
            found = claims.due(tx, self.kind, self.site.node, now_us, lane=lane, limit=limit, newest=newest)
        return [row.number for row in found]

    def one(self, lane: str = "nas", *, newest: bool = False) -> int | None:
        """Work on the next row; its number, None where none is due."""
        for number in self.due(lane, newest=newest):
            self.runner.run(self.kind, lane, number)
            return number
        return None

    def drain(self, lane: str = "nas", most: int = 10_000) -> int:
        """Plan what is new and work until nothing is due; how many times rows were worked on, together or alone."""
        self.site.handing.once()
        worked = 0
        while worked < most and self.one(lane) is not None:
            worked += 1
        return worked

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.site.clock.sleep(seconds)

    def drained_within(self, seconds: float, step_s: float = 5.0) -> bool:
        """Say whether everything is delivered within a time, the clock being pushed step by step."""
        until_us = self.site.clock.wall_us() + round(seconds * SECOND_US)
        while self.site.clock.wall_us() <= until_us:
            self.drain()
            if all(row.state == "delivered" for row in self.site.rows()):
                return True
            self.wait(step_s)
        return False

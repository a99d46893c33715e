"""Working on hand-overs in tests: one after the other, on this thread, with time that is pushed."""

from types import TracebackType
from typing import Self

from sqlalchemy import select

from holdfast.catalog import claims, handovers, schema
from holdfast.catalog.handovers import HandoverRow
from holdfast.library import archive_incidents
from holdfast.library.handing_over import HandingOver, incident_name
from holdfast.work.hand_over import HandOver
from holdfast.work.runner import Runner
from support.handed import Handed

STEP_S = 5.0


class Telling:
    """What the worker does with the hand-overs of a node, as a context manager.

    Args:
        site: The node, with its rules.
        worker: Name that it claims under.
    """

    def __init__(self, site: Handed, worker: str = "w1") -> None:
        self.site = site
        config = site.loaded.config
        self.planning = HandingOver(site.catalog, site.node, config, site.clock)
        self.body = HandOver(site.catalog, config, site.clock, node="local")
        self.kind = self.body.kind()
        self.runner = Runner(site.catalog, site.node, worker, site.clock)

    def __enter__(self) -> Self:
        self.runner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.runner.__exit__(kind, error, trace)
        self.body.close()

    def one(self, lane: str = "r") -> int | None:
        """Work on the next row; its number, None where none is due or the lane is held."""
        if self.kind.limit(lane) <= 0:
            return None
        with self.site.catalog.read() as tx:
            now_us = claims.time_us(tx, self.site.clock.wall_us())
            due = claims.due(tx, self.kind, self.site.node, now_us, lane=lane, limit=1)
        for row in due:
            self.runner.run(self.kind, lane, row.number)
            return row.number
        return None

    def drain(self, lane: str = "r") -> int:
        """Plan what is new and work until nothing is due; how many rows were worked on."""
        self.planning.once()
        worked = 0
        while self.one(lane) is not None:
            worked += 1
        return worked

    def rows(self) -> list[HandoverRow]:
        """Return all hand-overs, in the order in which they were planned."""
        with self.site.catalog.read() as tx:
            query = select(schema.handovers).order_by(schema.handovers.c.id)
            return [handovers.of_columns(row) for row in tx.run("handovers", query).mappings()]

    def states(self) -> list[str]:
        """Return their states."""
        return [row.state.value for row in self.rows()]

    def done_within(self, seconds: float) -> bool:
        """Say whether everybody is told within a time, the clock being pushed step by step."""
        for _ in range(round(seconds / STEP_S) + 1):
            self.drain()
            if set(self.states()) == {"done"}:
                return True
            self.site.clock.sleep(STEP_S)
        return False

    def incident(self, rule: str = "r") -> str | None:
        """Return what the open incident of a receiver says; None where there is none."""
        with self.site.catalog.read() as tx:
            found = archive_incidents.find(tx, self.site.node, incident_name(rule))
        return None if found is None else found.detail

"""Finding what is due, and offering it to the engine: what is lost anywhere else is found again here.

A sweep looks at every lane of every kind, however much waits in the others, so that an offline target with thousands of
rows costs a healthy one nothing. It is woken by news of the catalog, by an engine that has nothing left, and each
second. Claims whose lease is over are ended here.

Runs on a thread of its own. Not here: working (runner).
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from holdfast.catalog import claims, lost_work, work_controls
from holdfast.catalog.db import Catalog
from holdfast.catalog.work_controls import Controls, Running
from holdfast.core.clock import Clock
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.timing import SECOND_US
from holdfast.work.kind import Kind
from holdfast.work.runner import Runner
from holdfast.work.threads import Engine

AHEAD = 64  # rows of a lane that are offered at once: some tens of milliseconds of the smallest work
NEWEST = 8  # the same for the slot of the newest
SOME = 1000  # chosen: rows of one transaction that a wrong clock put off

_log = structlog.stdlib.get_logger("holdfast.work")


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep saw: rows offered of each (kind, lane), and claims whose lease was over."""

    offered: dict[tuple[str, str], int] = field(default_factory=dict)
    lost: int = 0


class Sweep:
    """Looks for work.

    Args:
        catalog: The catalog.
        node: Number of the node whose rows these are.
        kinds: What is worked on.
        runner: Works on it here.
        engine: Carries it.
        clock: Time.
        jitter: Gives numbers from 0 to below 1.
    """

    def __init__(
        self, catalog: Catalog, node: int, kinds: Sequence[Kind], runner: Runner, engine: Engine, clock: Clock, *,
        jitter: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        self._catalog = catalog
        self._node = node
        self.kinds: Sequence[Kind] = tuple(kinds)
        """What is worked on; replaced where the configuration changes."""
        self._swept: Sequence[Kind] = self.kinds
        self._offered: dict[str, tuple[Kind, set[str]]] = {}
        self._runner = runner
        self._engine = engine
        self._clock = clock
        self._jitter = jitter

    def uses(self, kinds: Sequence[Kind]) -> bool:
        """Say whether rows may still be begun with one of these very kinds: no sweep has offered others since."""
        return any(one is kind for one in self._swept for kind in kinds)

    def void(self, worker: str) -> int:
        """End the claims of a worker that is known to be dead: a lock says so. Return how many there were."""
        gone = 0
        for kind in self.kinds:
            with self._catalog.write() as tx:
                now_us = claims.time_us(tx, self._clock.wall_us())
                gone += len(lost_work.void(tx, kind, self._node, worker, now_us=now_us, after=self._after(kind)))
        if gone:
            _log.info("work.taken_over", rows=gone, worker=worker)
        return gone

    def set_right(self) -> int:
        """Let rows be due that a clock put off which was ahead of today's, some at a time; return how many there were.

        Raises:
            CatalogUnavailable: The catalog did not answer.
        """
        return sum(set_right(self._catalog, self._node, kind, self._clock) for kind in self.kinds)

    def once(self) -> Swept:
        """Look at everything once.

        Raises:
            CatalogError: The catalog refused.
            CatalogUnavailable: It did not answer.
        """
        with self._catalog.read() as tx:
            controls = work_controls.controls(tx, self._node)
        self._runner.follow(controls)
        offered: dict[tuple[str, str], int] = {}
        lost, broken = 0, None
        kinds = self.kinds
        for kind in kinds:
            try:
                lost += self._expire(kind)
                self._runner.look(kind)
                offered |= self._offer(kind, self._due(kind), controls)
            except CatalogUnavailable:
                raise  # the others would wait for it as long
            except Exception as error:  # noqa: BLE001 - kinds are supervised here: one that breaks holds up no other
                broken = broken or error
        for name in self._offered.keys() - {kind.name for kind in kinds}:
            self._offer(self._offered[name][0], {}, controls)
            del self._offered[name]
        self._swept = kinds
        if broken is not None:
            raise broken
        return Swept(offered=offered, lost=lost)

    def _offer(
        self, kind: Kind, found: Mapping[str, tuple[list[int], list[int]]], controls: Controls
    ) -> dict[tuple[str, str], int]:  # fmt: skip
        # Lanes that had something before and have nothing now: what was offered of them is taken back.
        before = self._offered.get(kind.name, (kind, set()))[1]
        for lane in before - found.keys():
            self._engine.offer(kind, lane, [], [])
        self._offered[kind.name] = kind, set(found)
        offered = {}
        for lane, due in found.items():
            held = work_controls.of(controls, kind.name, lane).state is not Running.RUNNING
            oldest, newest = ([], []) if held else due
            self._engine.offer(kind, lane, oldest, newest)
            offered[kind.name, lane] = len(oldest)
        return offered

    def _due(self, kind: Kind) -> dict[str, tuple[list[int], list[int]]]:
        found: dict[str, tuple[list[int], list[int]]] = {}
        with self._catalog.read() as tx:
            now_us = claims.time_us(tx, self._clock.wall_us())
            for lane in claims.lanes(tx, kind, self._node):
                if kind.limit(lane) <= 0:
                    found[lane] = ([], [])
                    continue
                oldest = claims.due(tx, kind, self._node, now_us, lane=lane, limit=AHEAD)
                newest = claims.due(tx, kind, self._node, now_us, lane=lane, limit=NEWEST, newest=True)
                found[lane] = ([row.number for row in oldest], [row.number for row in newest])
        return found

    def _expire(self, kind: Kind) -> int:
        with self._catalog.read() as tx:
            now_us = claims.time_us(tx, self._clock.wall_us())
            if not lost_work.any_expired(tx, kind, self._node, now_us):
                return 0
        # Ours first: a clock that was set forward ends all leases, but not those who work here, who go by boot time.
        self._runner.renew_once()
        with self._catalog.write() as tx:
            now_us = claims.time_us(tx, self._clock.wall_us())
            gone = lost_work.expire(tx, kind, self._node, now_us=now_us, after=self._after(kind))
        for one in gone:
            _log.warning("work.lease_over", job=kind.name, row=one.number, lane=one.lane, worker=one.worker)
        return len(gone)

    def _after(self, kind: Kind) -> Callable[[int], int | None]:
        def after(lost: int) -> int | None:
            if lost >= kind.retry.lost:
                return None
            # The first time is most likely the host's fault; a row that kills its worker must not kill it each second.
            return 0 if lost == 1 else kind.retry.after_us(lost - 1, self._jitter)

        return after


def set_right(catalog: Catalog, node: int, kind: Kind, clock: Clock) -> int:
    """Let rows be due, and leases be over, that a clock put off which was ahead of today's; return how many there were.

    Raises:
        CatalogUnavailable: The catalog did not answer.
    """
    changed, longest_us = 0, round(kind.retry.longest_s * SECOND_US)
    while True:
        # In pieces: a transaction over a hundred thousand rows would hold everybody else up.
        with catalog.write() as tx:
            now_us = claims.time_us(tx, clock.wall_us())
            some = lost_work.set_right(tx, kind, node, now_us=now_us, longest_us=longest_us, most=SOME)
        changed += some
        if some < SOME:
            break
    if changed:
        hint = "they are due now; holdfast doctor checks the clock"
        _log.warning("work.clock_was_ahead", job=kind.name, rows=changed, hint=hint)
    return changed

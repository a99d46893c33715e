"""What this node has, in sums: the newest recordings, bytes and files of streams, seconds that were lost, deliveries.

Read from the catalog. What looks at every row is looked up once in a while and remembered; asked often, it costs
nothing. Any thread, but never an event loop.

Not here: a day's completeness (coverage), disks (volumes), how targets stand (library.deliveries).
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from holdfast.catalog import delivery_stats, gaps, nodes, segments
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.delivery_stats import Count
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.segments import Newest, Usage
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import CatalogError
from holdfast.core.gap import PLANNED, GapReason
from holdfast.core.timing import DAY_US, SECOND_US

DELIVERIES_US = 15 * SECOND_US  # chosen: as often as Prometheus asks as a rule
USAGE_US = 60 * SECOND_US  # chosen: a file a stream in ten minutes is what comes
_SELDOM = 100  # chosen: counting may take a hundredth of one core; a year of 32 cameras is 1.1 s of it (measured)
SETTLED_US = DAY_US  # chosen: gaps that ended longer ago are not changed any more, but by a reindex

Lost = dict[tuple[StreamKey, GapReason], int]
"""Microseconds by stream and reason."""

Deliveries = Mapping[tuple[str, DeliveryState], Count]
"""By target and state."""

_Sum = TypeVar("_Sum")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogNow:
    """How the catalog is: `problem` is empty while it answers, `indexed_us` until when it knows the journals."""

    problem: str
    indexed_us: int | None


class _Seldom(Generic[_Sum]):
    """A sum that is looked up once in a while and remembered."""

    def __init__(self, clock: Clock, least_us: int) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._least_us = self._again_us = least_us
        self._known: tuple[_Sum, int] | None = None

    def get(self, ask: Callable[[], _Sum]) -> tuple[_Sum, int]:
        """Return the sum, and as of when, wall time.

        Raises:
            CatalogError: There is no answer, and never was.
        """
        # One looks, the others wait for what it finds: ten pages at once must not count ten times.
        with self._lock:
            now_us = self._clock.boot_us()
            if self._known is None or now_us - self._known[1] >= self._again_us:
                try:
                    self._known = ask(), now_us
                except CatalogError:
                    if self._known is None:
                        raise
                else:
                    self._again_us = max(self._least_us, _SELDOM * (self._clock.boot_us() - now_us))
            found, at_us = self._known
            return found, self._clock.wall_us() - (self._clock.boot_us() - at_us)


class Holdings:
    """Asks the catalog for sums.

    Args:
        clock: Time.
        catalog: Gives the open catalog, or raises `CatalogError`.
        node: Name of this node in it.
    """

    def __init__(self, clock: Clock, catalog: Callable[[], Catalog], node: str = LOCAL) -> None:
        self._clock = clock
        self._catalog = catalog
        self._node = node
        self._usage = _Seldom[tuple[Usage, ...]](clock, USAGE_US)
        self._deliveries = _Seldom[Deliveries](clock, DELIVERIES_US)
        self._adding = threading.Lock()
        self._settled: Lost = {}
        self._settled_us: int | None = None
        self._told: Lost = {}
        self._answered = False

    def catalog_now(self) -> CatalogNow:
        """Say how the catalog is; asks for one row."""
        try:
            with self._opened() as (tx, number):
                return CatalogNow(problem="", indexed_us=None if number is None else nodes.indexed_us(tx, number))
        except CatalogError as error:
            return CatalogNow(problem=str(error), indexed_us=None)

    def newest(self, count: int) -> list[Newest]:
        """Return the newest finished recordings of all streams, newest first.

        Raises:
            CatalogError: It does not answer.
        """
        with self._opened() as (tx, number):
            return [] if number is None else segments.newest(tx, number, count)

    def usage(self) -> tuple[tuple[Usage, ...], int]:
        """Return how much finished footage lies where, and as of when.

        That is a minute ago at most; with a history so long that counting takes a while, a hundred times that while.

        Raises:
            CatalogError: It does not answer, and never did.
        """

        def ask() -> tuple[Usage, ...]:
            with self._opened() as (tx, number):
                return () if number is None else tuple(segments.usage(tx, number))

        return self._usage.get(ask)

    def deliveries(self) -> Deliveries | None:
        """Return how many deliveries stand how, by target and state, as of a quarter of a minute ago.

        While the catalog is away the last answer stands; None where there never was one.
        """

        def ask() -> Deliveries:
            with self._opened() as (tx, number):
                return {} if number is None else delivery_stats.by_state(tx, number)

        try:
            return self._deliveries.get(ask)[0]
        except CatalogError:
            return None

    def lost(self) -> Lost | None:
        """Return how long each stream was without footage that somebody wanted, by reason, over all that is indexed.

        Gaps that last count up to now. A figure never falls while this object lives: what turns out to be footage
        after all is made up for by what is lost next, because a counter that falls would be taken for one that began
        anew. While the catalog is away the last answer stands; None where there never was one.
        """
        with self._adding:
            now_us = self._clock.wall_us()
            try:
                with self._opened() as (tx, number):
                    if number is not None:
                        self._learn(tx, number, now_us)
                    self._answered = True
            except CatalogError:
                pass  # what it said last is still true, and what it cannot say now it will say later
            return dict(self._told) if self._answered else None

    def _learn(self, tx: Transaction, number: int, now_us: int) -> None:
        since_us = self._settled_us
        if since_us is None or not 0 <= now_us - since_us < 2 * SETTLED_US:
            since_us = now_us - SETTLED_US
            self._settled = _unplanned(gaps.lengths(tx, number, 0, since_us, now_us))
            self._settled_us = since_us
        found = dict(self._settled)
        for what, length in _unplanned(gaps.lengths(tx, number, since_us, None, now_us)).items():
            found[what] = found.get(what, 0) + length
        for what, length in found.items():
            self._told[what] = max(self._told.get(what, 0), length)

    @contextmanager
    def _opened(self) -> Iterator[tuple[Transaction, int | None]]:
        with self._catalog().read() as tx:
            yield tx, nodes.find(tx, self._node)


def _unplanned(lengths: dict[tuple[StreamKey, str], int]) -> Lost:
    return {
        (key, GapReason(reason)): length
        for (key, reason), length in lengths.items()
        if GapReason(reason) not in PLANNED
    }

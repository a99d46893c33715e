"""What loops of the worker share that take passes with a catalog of their own: a thread that outlives whatever fails.

A catalog that was replaced, that another URL names, or that a pass failed with is opened anew. What is wrong is said
once, tried again with the next look, and said once more when it is over.

Not here: what a pass does (retention_loop, memory_loop), rows that are worked on (work_loop), the index (catalog_loop).
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

import structlog

from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.core.config import Loaded
from holdfast.core.errors import HoldfastError

TICK_S = 5.0  # chosen: of what fills meanwhile all reserves hold more; whoever looks says how much that is
LAST_S = 5.0  # what the pass at hand gets to end after its file
_AGAIN_S = 0.1  # chosen: how often whatever the first look waits for is asked for


class PassLoop(ABC):
    """Runs on a thread of its own from `start` to the end of `join`.

    Args:
        name: What the thread and its lines in the log are called.
        clock: Time.
        node: Name of this node.
        open_catalog: Opens the catalog of a URL.
        ready: Asked before the first look, which comes as soon as it says True.

    Attributes:
        first_s: Seconds that the first look waits for `ready` at most.
        problem: What is wrong, in words; empty for nothing.
    """

    first_s = 10.0

    def __init__(
        self, name: str, clock: Clock, *, node: str, open_catalog: Callable[[str], Catalog], ready: Callable[[], bool]
    ) -> None:
        self.problem = ""
        self._name = name
        self._clock = clock
        self._node = node
        self._open_catalog = open_catalog
        self._ready = ready
        self._loaded: Loaded | None = None
        self._catalog: Catalog | None = None
        self._url = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._log = structlog.stdlib.get_logger(f"holdfast.{name}")

    def start(self, loaded: Loaded) -> None:
        """Begin."""
        self._loaded = loaded
        self._thread.start()

    def follow(self, loaded: Loaded) -> None:
        """Use another configuration from the next look on."""
        self._loaded = loaded

    def ask_stop(self) -> None:
        """Ask for the end after the file at hand."""
        self._stop.set()

    def join(self, timeout_s: float = LAST_S) -> bool:
        """Wait for the end; returns whether it came. A pass that hangs in a disk may be left behind."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def tick(self) -> None:
        """Look once.

        Raises:
            HoldfastError: Catalog or disk are away; the next tick tries again.
        """
        if self._loaded is not None:
            self.look(self._loaded)

    @abstractmethod
    def look(self, loaded: Loaded) -> None:
        """Look once, under a configuration; as `tick`."""

    def catalog(self, url: str) -> Catalog:
        """Return the catalog of a URL, as it is there by now.

        Raises:
            CatalogUnavailable: It does not answer.
        """
        if self._catalog is not None and (self._url != url or self._catalog.replaced()):
            self.close()
        if self._catalog is None:
            self._catalog, self._url = self._open_catalog(url), url
        return self._catalog

    def say(self, problem: str, hint: str = "", trace: Exception | None = None) -> None:
        """Log what is wrong where that is new, and that nothing is any more."""
        if problem and problem != self.problem:
            self._log.error(f"{self._name}.problem", reason=problem, hint=hint, exc_info=trace)
        elif self.problem and not problem:
            self._log.info(f"{self._name}.goes_on")
        self.problem = problem

    def failed(self, error: Exception) -> None:
        """Take it that a look ended with an error."""
        if isinstance(error, HoldfastError):
            self.say(str(error), error.hint)
        else:
            self.say(f"{type(error).__name__}: {error}", trace=error)
        self.close()

    def close(self) -> None:
        """Let go of the catalog."""
        catalog, self._catalog = self._catalog, None
        if catalog is not None:
            catalog.close()

    def _run(self) -> None:
        left = round(self.first_s / _AGAIN_S)
        while left > 0 and not self._ready() and not self._stop.wait(_AGAIN_S):
            left -= 1
        while not self._stop.is_set():
            try:
                self.tick()
            except Exception as error:  # noqa: BLE001 - this loop supervises passes: whatever one raises, the next is tried
                self.failed(error)
            self._stop.wait(TICK_S)
        self.close()

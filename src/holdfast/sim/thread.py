"""The simulator beside blocking code: its event loop on a thread of its own.

with SimThread(SimServer([CameraSpec(name="gate")])) as sim:
    record(sim.url("gate"))
"""

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from holdfast.core.errors import UsageError
from holdfast.sim.camera import SessionCounts
from holdfast.sim.faults import Fault
from holdfast.sim.server import SimServer

_T = TypeVar("_T")


class SimThread:
    """Runs a `SimServer` from `with` until its end. Its methods may be called from any thread."""

    def __init__(self, server: SimServer) -> None:
        self.server = server
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="holdfast-sim", daemon=True)

    def __enter__(self) -> Self:
        """Return once cameras can be connected to; what went wrong there is raised here."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and wait for the thread's end."""
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def url(self, camera: str, stream: str = "main", *, credentials: bool = True) -> str:
        """Return where a stream is to be had."""
        return self.server.url(camera, stream, credentials=credentials)

    def counts(self, camera: str) -> SessionCounts:
        """Return what became of a camera's sessions so far; the object goes on changing."""
        return self.server.counts(camera)

    def inject(self, fault: str, camera: str, for_s: float = 0.0, **params: Any) -> None:
        """Make a fault happen now; return once it has set in."""
        self._call(self.server.inject(Fault(camera=camera, fault=fault, for_s=for_s, params=params)))

    def _call(self, work: Coroutine[Any, Any, _T]) -> _T:
        if self._loop is None:
            raise UsageError("the simulator is not running", hint="use it inside `with`")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits, whatever it is
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with self.server:
            self._loop = asyncio.get_running_loop()
            self._ready.set()
            await self._stop.wait()

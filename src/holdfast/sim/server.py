"""The simulator: an RTSP server with many cameras that fail when told to.

    async with SimServer([CameraSpec(name="gate")]) as sim:
        print(sim.url("gate"))

One asyncio event loop, one thread. `SimThread` runs it beside blocking code. Not here: what RTSP says (`connection`),
what is sent (`stream`), what faults do (`camera`).
"""

import asyncio
import errno
import functools
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from holdfast.core.camera import STREAMS
from holdfast.core.clock import Clock, SystemClock
from holdfast.core.errors import AlreadyRunning, UsageError
from holdfast.sim.camera import Camera, CameraSpec, SessionCounts, Studio
from holdfast.sim.connection import Connection
from holdfast.sim.faults import Fault, combinations
from holdfast.sim.ledger import Ledger
from holdfast.sim.stream import BURST_US

_REPORT_S = 1.0
_WAITS_S = 0.1  # chosen: a script counts in seconds


class SimServer:
    """Serves cameras from `async with` until its end.

    Args:
        cameras: What to serve.
        host: Address to listen on.
        port: Port, 0 for any free one; with `port_per_camera` the first of a row.
        port_per_camera: A port of its own for each camera, so that `refuse` really closes it.
        script: Faults to come.
        ledger: File for the facts, or None.
        hashes: Also write one line for each frame, with its SHA-256.
        clock: What time it is.

    Attributes:
        studio: Makes their pictures and sound; may be replaced until `async with`.
        script_waits: Whether the script begins when every camera was asked for media, and not at the start; may be set
            until `async with`.
    """

    def __init__(
        self,
        cameras: Sequence[CameraSpec],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        port_per_camera: bool = False,
        script: Iterable[Fault] = (),
        ledger: Path | None = None,
        hashes: bool = False,
        clock: Clock | None = None,
    ) -> None:
        names = [spec.name.lower() for spec in cameras]
        if len(set(names)) < len(names):
            raise UsageError("two simulated cameras have the same name")
        self.specs = {spec.name: spec for spec in cameras}
        self.script = list(script)
        for fault in self.script:
            self._known(fault.camera)
        self._host, self._port, self._port_per_camera = host, port, port_per_camera
        self._clock = clock or SystemClock()
        self._ledger = Ledger(ledger, self._clock, hashes=hashes)
        self.studio = Studio()
        self.script_waits = False
        self._cameras: dict[str, Camera] = {}
        self._listeners: dict[str, asyncio.Server] = {}
        self._held: dict[str, socket.socket] = {}
        self._failures: list[BaseException] = []
        self.ports: dict[str, int] = {}
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.started_us = 0

    # Life.

    async def __aenter__(self) -> Self:
        """Encode what is needed, listen, and start the script."""
        try:
            await asyncio.to_thread(self._encode)
            await self._listen_all()
        except BaseException:
            self._close_listeners()
            self._ledger.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the script, close listeners and connections, and write the last lines."""
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._close_listeners()
        for camera in self._cameras.values():
            for stream in camera.streams.values():
                stream.stop()
        for connection in list(self._connections):
            connection.reset()
        await self._empty.wait()  # aborted transports say goodbye in the loop's next rounds
        self._ledger.write("stop")
        self._ledger.close()
        for failure in [*self._failures, *ended]:
            if isinstance(failure, Exception):
                raise failure  # a script that broke off half-way must not look like one that ran

    def _encode(self) -> None:
        for name, spec in self.specs.items():
            mine = [fault for fault in self.script if fault.camera == name]
            self.studio.prepare(spec, combinations(mine, self._clock.wall_us()))

    async def _listen_all(self) -> None:
        self.started_us = self._clock.wall_us()
        for number, spec in enumerate(self.specs.values()):
            # Cameras are not in step with each other: spread over a frame, or over a burst.
            spread_us = BURST_US if spec.bursts else round(1e6 / spec.video.fps)
            phase_us = spread_us * number // len(self.specs)
            self._cameras[spec.name] = Camera(spec, self.studio, self._clock, self._ledger, phase_us=phase_us)
        if self._port_per_camera:
            for number, name in enumerate(self._cameras):
                self.ports[name] = await self._listen(name, self._port + number if self._port else 0)
        else:
            self.ports = dict.fromkeys(self._cameras, await self._listen("", self._port))
        self._ledger.write("start", urls={name: self.url(name, credentials=False) for name in self.specs})
        self._spawn(self._report())
        self._spawn(self._play_script())

    async def _listen(self, name: str, port: int) -> int:
        cameras = {name: self._cameras[name]} if name else self._cameras
        loop = asyncio.get_running_loop()
        factory = functools.partial(self._connect, cameras)
        try:
            listener = await loop.create_server(factory, self._host, port, backlog=256)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise AlreadyRunning(
                    f"port {port} on {self._host} is in use by another program",
                    hint=f"`ss -ltnp 'sport = :{port}'` shows which; or choose another with --port, 0 for any free one",
                ) from error
            raise UsageError(f"cannot listen on {self._host}, port {port}: {error.strerror or error}") from error
        self._listeners[name] = listener
        return int(listener.sockets[0].getsockname()[1])

    def _connect(self, cameras: dict[str, Camera]) -> Connection:
        connection = Connection(cameras, self._clock, self._ledger, self._gone)
        self._connections.add(connection)
        self._empty.clear()
        return connection

    def _gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _close_listeners(self) -> None:
        for listener in self._listeners.values():
            listener.close()
        for held in self._held.values():
            held.close()
        self._listeners.clear()
        self._held.clear()

    def _shut(self, name: str) -> None:
        """Close a camera's port. It stays bound, so that nobody else takes it; connecting is refused all the same."""
        listener = self._listeners.pop(name, None)
        if listener is not None:
            listener.close()
            held = socket.socket()
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind((self._host, self.ports[name]))
            self._held[name] = held

    async def _reopen(self, name: str) -> None:
        held = self._held.pop(name, None)
        if held is not None:
            held.close()
            await self._listen(name, self.ports[name])

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failures.append(failure)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_S)
            for connection in list(self._connections):
                connection.report()

    # What callers ask.

    def url(self, camera: str, stream: str = "main", *, credentials: bool = True) -> str:
        """Return where a stream is to be had.

        Raises:
            UsageError: There is no such camera.
        """
        spec = self._known(camera)
        login = f"{quote(spec.user, safe='')}:{quote(spec.password, safe='')}@" if credentials and spec.user else ""
        return f"rtsp://{login}{self._host}:{self.ports[camera]}/{camera}/{stream}"

    def counts(self, camera: str) -> SessionCounts:
        """Return what became of a camera's sessions so far; the object goes on changing."""
        self._known(camera)
        return self._cameras[camera].counts

    async def inject(self, fault: Fault) -> None:
        """Make a fault happen now, whatever its `at_s`; returns once it has set in, and ends it by itself.

        Raises:
            UsageError: There is no such camera.
        """
        spec = self._known(fault.camera)
        active = self._cameras[fault.camera].faults
        await asyncio.to_thread(self.studio.prepare, spec, [[fault], [*active, fault]])
        await self._begin(fault)
        self._spawn(self._finish(fault))

    def _known(self, camera: str) -> CameraSpec:
        if camera not in self.specs:
            raise UsageError(f"there is no simulated camera {camera!r}", hint=f"there are {', '.join(self.specs)}")
        return self.specs[camera]

    # Faults.

    async def _play_script(self) -> None:
        while self.script_waits and not all(camera.counts.opened for camera in self._cameras.values()):
            await asyncio.sleep(_WAITS_S)
            self.started_us = self._clock.wall_us()
        for fault in self.script:
            self._spawn(self._perform(fault))

    async def _perform(self, fault: Fault) -> None:
        await asyncio.sleep(max(0.0, (fault.begin_us(self.started_us) - self._clock.wall_us()) / 1e6))
        await self._begin(fault)
        await self._finish(fault)

    async def _begin(self, fault: Fault) -> None:
        camera = self._cameras[fault.camera]
        if fault.fault == "refuse" and self._port_per_camera:
            self._shut(fault.camera)
        self._ledger.write(
            "fault_begin", camera=fault.camera, fault=fault.fault, params=fault.params, for_s=fault.length_s
        )
        camera.begin(fault)

    async def _finish(self, fault: Fault) -> None:
        await asyncio.sleep(fault.length_s)
        camera = self._cameras[fault.camera]
        camera.end(fault)
        if not any(camera.has("refuse", stream) for stream in STREAMS):
            await self._reopen(fault.camera)
        self._ledger.write("fault_end", camera=fault.camera, fault=fault.fault)

"""The connection to a camera: one socket, one buffer, and no wait without an end.

Used by the stream's thread; only `interrupt` may be called from another.

Not here: what the bytes mean (frames), what failures mean (reader).
"""

import select
import socket
import struct
import threading
from contextlib import suppress
from typing import Any

from holdfast.core.clock import Clock
from holdfast.core.timing import SECOND_US

ROOM_BYTES = 256 * 1024  # chosen: a burst of 200 ms at 8 Mb/s, or a keyframe, in one read
SLACK_BYTES = 64  # headers are unpacked where they begin, without asking first whether all of them has come
LOW_BYTES = (
    64 * 1024 + 8
)  # one interleaved packet at its longest: with less room left, what waits is moved to the front
_KERNEL_BYTES = 1024 * 1024  # chosen: two seconds at 4 Mb/s, so that a busy machine does not make the camera drop
_TICK_S = 0.1  # how late an interruption is noticed where the kernel cannot be told to wake us
_LINGER_S = 0.3  # chosen: what a camera gets to answer TEARDOWN


class Told(Exception):
    """Another thread said to stop."""


class NoName(OSError):
    """The host's name cannot be resolved."""


class Wire:
    """A TCP connection with a buffer of its own.

    Attributes:
        buf: What was read; `at` to `end` is not taken yet. Never resized, so `view` stays valid.
        view: The same, to cut pieces from without copying.
        at: Where the first byte stands that nobody has taken.
        end: Where the next byte will be put.
        arrived_us: Boot time of the last read.
        connected: Whether the camera accepted the connection.
    """

    def __init__(self, clock: Clock) -> None:
        self.buf = bytearray(ROOM_BYTES + SLACK_BYTES)
        self.view = memoryview(self.buf)
        self.at = self.end = 0
        self.arrived_us = 0
        self.connected = False
        self._boot_us = clock.boot_us
        self._told = False
        self._socket: Any = None
        self._tls = False

    def connect(self, host: str, port: int, deadline_us: int, *, tls: bool, verify: bool = False) -> None:
        """Connect to the first address of a host that answers.

        Args:
            host: Name or address.
            port: TCP port.
            deadline_us: Boot time at which to give up.
            tls: Speak TLS.
            verify: Whether the certificate must be one that this host trusts; cameras sign their own.

        Raises:
            NoName: The name cannot be resolved.
            TimeoutError: It took too long.
            OSError: The connection was refused or broke.
            Told: `interrupt` was called.
        """
        self.drop()
        self.connected = False
        self.at = self.end = 0
        failure: OSError = NoName(host)
        for family, place in self._resolve(host, port, deadline_us):
            try:
                self._try(family, place, deadline_us)
            except TimeoutError:
                raise
            except OSError as error:
                failure = error
                self.drop()
            else:
                self.connected = True
                if tls:
                    self._secure(host, deadline_us, verify=verify)
                return
        raise failure

    def read(self) -> bool:
        """Read once into the buffer; False where nothing came within the time set by `patience` or `until`.

        Raises:
            EOFError: The other side closed.
            OSError: The connection broke.
            Told: `interrupt` was called.
        """
        try:
            got = self._socket.recv_into(self.view[self.end : ROOM_BYTES])
        except (BlockingIOError, TimeoutError):
            got = -1
        self.arrived_us = self._boot_us()
        if self._told:
            raise Told
        if got < 0:
            return False
        if not got:
            raise EOFError
        self.end += got
        return True

    def send(self, data: bytes) -> None:
        """Send all of it, within the time set by `patience` or `until`.

        Raises:
            TimeoutError: It did not go out in time.
            OSError: The connection broke.
        """
        try:
            self._socket.sendall(data)
        except BlockingIOError as error:
            raise TimeoutError from error

    def until(self, deadline_us: int) -> None:
        """Make the next read end at a boot time.

        Raises:
            TimeoutError: It is past already.
            Told: `interrupt` was called.
        """
        self._socket.settimeout(self._left_s(deadline_us))

    def patience(self, seconds: float) -> None:
        """Make every read from now on end after so many seconds.

        The kernel keeps that time where it can: Python's own way asks it twice a read.
        """
        if not self._tls:
            with suppress(OSError):
                span = struct.pack("@ll", int(seconds), int(seconds % 1 * SECOND_US))
                self._socket.settimeout(None)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, span)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, span)
                return
        self._socket.settimeout(seconds)

    def settle(self) -> None:
        """Move what is not taken to the front; nobody may hold pieces of the buffer."""
        left = self.end - self.at
        if left:
            self.buf[:left] = self.buf[self.at : self.end]
        self.at, self.end = 0, left

    def interrupt(self) -> None:
        """End the present wait and every later one. From any thread."""
        self._told = True
        sock = self._socket
        if sock is not None:
            # Reading alone: the farewell can still be sent.
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RD)

    def farewell(self, data: bytes) -> None:
        """Send last words and give the other side a moment to read them; never raises."""
        sock = self._socket
        if sock is None:
            return
        with suppress(OSError, ValueError):
            sock.settimeout(_LINGER_S)
            sock.sendall(data)
            if not self._tls:
                sock.shutdown(socket.SHUT_WR)
            until_us = self._boot_us() + int(_LINGER_S * SECOND_US)
            # Closing with bytes unread resets the connection, and a reset may overtake our words.
            while self._boot_us() < until_us:
                got = sock.recv(ROOM_BYTES)
                if b"RTSP/1." in got:
                    break
                if not got:
                    if not self._told:
                        break
                    select.select([], [], [], _TICK_S / 10)
        self.drop()

    def drop(self) -> None:
        """Close without a word. Safe to call twice."""
        sock, self._socket = self._socket, None
        if sock is not None:
            with suppress(OSError):
                sock.close()

    def _left_s(self, deadline_us: int) -> float:
        if self._told:
            raise Told
        left_us = deadline_us - self._boot_us()
        if left_us <= 0:
            raise TimeoutError
        return left_us / SECOND_US

    def _resolve(self, host: str, port: int, deadline_us: int) -> list[tuple[int, Any]]:
        """Look a name up; the system's resolver knows no deadline, so it asks on a thread of its own."""
        for family in (socket.AF_INET, socket.AF_INET6):
            with suppress(OSError, ValueError, UnicodeError):
                socket.inet_pton(family, host)
                return [(family, (host, port))]
        found: list[tuple[int, Any]] = []
        done = threading.Event()

        def ask() -> None:
            with suppress(OSError, UnicodeError):
                found.extend(
                    (family, place)
                    for family, _, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                )
            done.set()

        threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
        while not done.wait(min(_TICK_S, self._left_s(deadline_us))):
            pass
        return found

    def _try(self, family: int, place: Any, deadline_us: int) -> None:
        sock = self._socket = socket.socket(family, socket.SOCK_STREAM)
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)  # noqa: FBT003 - the library's signature
        code = sock.connect_ex(place)
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        # In short waits: a socket that is still connecting cannot be shut down from another thread.
        while not poll.poll(min(_TICK_S, self._left_s(deadline_us)) * 1000):
            pass
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, "connecting")

    def _secure(self, host: str, deadline_us: int, *, verify: bool) -> None:
        import ssl  # noqa: PLC0415 - two megabytes that only rtsps needs

        context = ssl.create_default_context()
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            # Cameras live long and are not updated: an old cipher is better than no picture.
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        self._tls = True
        self.until(deadline_us)
        self._socket = context.wrap_socket(self._socket, server_hostname=host)

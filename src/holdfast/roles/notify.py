"""Telling systemd how the supervisor is doing: its notify protocol, which is one datagram a message.

Outside systemd there is no socket to tell, and every call does nothing. A service manager that does not listen must
never hold recording up, so sending never waits and a lost message is dropped.

Used by the supervisor's one thread. Not here: deciding when all is well (supervisor).
Source: sd_notify(3), sd_watchdog_enabled(3).
"""

import os
import socket
from collections.abc import MutableMapping

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Notifier:
    """A line to the service manager, or to nobody.

    Attributes:
        watchdog_s: Seconds between pings that the manager asks for (half of its patience), or None where it does not.
    """

    def __init__(self, address: str = "", *, watchdog_us: int = 0) -> None:
        """Open the line.

        Args:
            address: Path of the manager's socket; `@name` is one without a file (Linux); empty is nobody.
            watchdog_us: Silence after which the manager restarts the unit, in microseconds; 0 for never.
        """
        # systemd recommends half of the limit, so that one late ping is no death sentence.
        self.watchdog_s = watchdog_us / 2e6 if address and watchdog_us > 0 else None
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket: socket.socket | None = None
        if address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.settimeout(0)

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str]) -> "Notifier":
        """Take the line over from the environment.

        The variables are removed from it: a child that found them would speak for the whole unit.
        """
        address, limit, owner = (environ.pop(name, "") for name in VARIABLES)
        meant_for_us = not owner or owner == str(os.getpid())
        return cls(address, watchdog_us=int(limit) if limit.isdigit() and meant_for_us else 0)

    def close(self) -> None:
        """Let the line go. Later messages go nowhere."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ready(self, status: str) -> None:
        """Say that start-up, or a reload, is finished; `status` is what `systemctl status` shows."""
        self._send("READY=1", f"STATUS={status}", f"MAINPID={os.getpid()}")

    def reloading(self) -> None:
        """Say that the configuration is being read again; `ready` ends it."""
        self._send("RELOADING=1", "STATUS=reading the configuration again")

    def stopping(self) -> None:
        """Say that stopping has begun."""
        self._send("STOPPING=1", "STATUS=finishing files")

    def status(self, status: str) -> None:
        """Change the line that `systemctl status` shows."""
        self._send(f"STATUS={status}")

    def watchdog(self) -> None:
        """Ping: every loop reports progress."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if self._socket is None:
            return
        message = "\n".join(line.replace("\n", " ") for line in lines)
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError:
            # The manager is restarting itself or its queue is full. It asks again by what it hears next.
            return

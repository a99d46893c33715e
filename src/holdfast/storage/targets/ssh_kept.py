"""One connection over SSH that is kept for a while, so that not every command signs in anew.

It is OpenSSH's own sharing of connections: a master in the background, which commands find by its socket. Where there
is none, each connects by itself; what is wrong with a host is therefore said by the command, never from here. The
master ends by itself a while after the last command, also where we were killed.

Any thread. Not here: commands (rsync_ssh, rsync).
"""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from holdfast.core.errors import TargetAway
from holdfast.storage.targets import child
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.stage import folder_in_memory

_IDLE_S = 60  # chosen: longer than the pause between two batches; firewalls forget connections after minutes
_ASK_S = 3.0  # chosen: a master answers at once, or hangs


class Kept:
    """The connection to one host.

    Args:
        target: For errors.
        argv: The command that connects, without the host.
        host: The host, with a user where one is named.
        quiet_s: Seconds that it may take to connect.
    """

    def __init__(self, target: str, argv: Sequence[str], host: str, quiet_s: float) -> None:
        self._target = target
        self._argv = tuple(argv)
        self._host = host
        self._quiet_s = quiet_s
        self._lock = threading.Lock()
        self._held = ExitStack()
        self._socket: Path | None = None
        self._worth = False

    @contextmanager
    def used(self, going: Going) -> Iterator[tuple[str, ...]]:
        """Give what makes SSH go through it, for one command; the connection is made if the host has answered before.

        Raises:
            TargetAway: Told to stop, or no answer.
        """
        try:
            yield self._options(going)
        except TargetAway:
            self.heard(good=False)
            raise

    def heard(self, *, good: bool) -> None:
        """Hear how a command ended.

        Args:
            good: The host answered: the next one is worth a connection that is kept. Otherwise nobody new goes through
                this one; whoever does so now may end in peace.
        """
        self._worth = good
        if not good:
            self._ask("stop")

    def close(self) -> None:
        """End it, and whoever goes through it."""
        with self._lock:
            self._worth = False
            self._ask("exit")
            self._socket = None
            self._held.close()

    def _options(self, going: Going) -> tuple[str, ...]:
        # Whoever comes while another connects does so by itself, which takes no longer.
        if self._worth and self._lock.acquire(blocking=False):
            try:
                if not self._answers():
                    self._connect(going)
            finally:
                self._lock.release()
        path = self._socket
        return () if path is None else ("-o", "ControlMaster=no", "-o", f"ControlPath={path}")

    def _connect(self, going: Going) -> None:
        if self._socket is None:
            self._socket = Path(self._held.enter_context(folder_in_memory()), "ssh")
        self._socket.unlink(missing_ok=True)  # of one that was killed
        more = ("-o", f"ControlPath={self._socket}", "-o", f"ControlPersist={_IDLE_S}")
        argv = [*self._argv, *more, "-M", "-N", "-f", self._host]
        self._worth = child.begun(argv, going, target=self._target, quiet_s=self._quiet_s) == 0

    def _answers(self) -> bool:
        path = self._socket
        if path is None:
            return False
        with socket.socket(socket.AF_UNIX) as asking, suppress(OSError):
            asking.settimeout(_ASK_S)
            asking.connect(str(path))
            return True
        return False

    def _ask(self, what: str) -> None:
        path = self._socket
        if path is not None and self._answers():
            argv = [*self._argv, "-o", f"ControlPath={path}", "-O", what, self._host]
            with suppress(TargetAway):
                child.begun(argv, Going(), target=self._target, quiet_s=_ASK_S)

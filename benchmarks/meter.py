"""What processes cost: CPU from the scheduler, memory as their share of it (PSS), bytes they had written. Linux."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_STOP_S = 30.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a group of processes used.

    Attributes:
        cpu_s: User and system time together, of all threads, over the span that was measured.
        wall_s: Length of that span.
        pss_bytes: Memory at its end; what processes share is counted once, in parts.
    """

    cpu_s: float
    wall_s: float
    pss_bytes: int

    @property
    def cores(self) -> float:
        """CPU time a second."""
        return self.cpu_s / self.wall_s


class Group:
    """Child processes that are measured together, started by us and ended through their own handles."""

    def __init__(self, commands: Sequence[Sequence[str]], log: Path, **environment: str) -> None:
        # What is measured is recording; a benchmark of the server says so in its own environment.
        environ = {"HOLDFAST_WEB__ENABLED": "false", **os.environ, "PYTHONUNBUFFERED": "1", **environment}
        self._log = log.open("ab")
        self.children = [
            subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=environ, start_new_session=True
            )
            for argv in commands
        ]

    def alive(self) -> bool:
        """Say whether all of them still run."""
        return all(child.poll() is None for child in self.children)

    def measure(self, seconds: float) -> Usage:
        """Watch for a while."""
        before, begun = self._cpu_ns(), time.monotonic()
        time.sleep(seconds)
        after, wall_s = self._cpu_ns(), time.monotonic() - begun
        # Threads that ended meanwhile are missing: recorders keep theirs, so the error is far below one percent.
        spent_ns = sum(after[key] - before.get(key, 0) for key in after)
        return Usage(spent_ns / 1e9, wall_s, sum(_pss(child.pid) for child in self.children))

    def stop(self) -> int:
        """End them in order; return how many bytes they caused to be written to disks in their whole lives."""
        for child in self.children:
            child.send_signal(signal.SIGINT if child.args[0] == "ffmpeg" else signal.SIGTERM)  # type: ignore[index]  # a list, as we started it
        deadline = time.monotonic() + _STOP_S
        written = 0
        for child in self.children:
            written += 512 * _reap(child, deadline)  # getrusage(2): blocks of 512 bytes
        self._log.close()
        return written

    def _cpu_ns(self) -> dict[str, int]:
        found = {}
        for child in self.children:
            for task in Path(f"/proc/{child.pid}/task").glob("*"):
                try:
                    found[task.name] = int((task / "schedstat").read_text(encoding="ascii").split()[0])
                except OSError:  # the thread ended while we looked
                    continue
        return found


def _reap(child: subprocess.Popen[bytes], deadline: float) -> int:
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_oublock
        if time.monotonic() > deadline:
            child.kill()
            deadline = float("inf")
        time.sleep(0.02)


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0

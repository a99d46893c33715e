"""A source that encodes, or that a library reads for us, in a process of its own: `python -m holdfast.roles.source`.

Started by the recorder's `media.source.child` alone, one a connection. It reads a plan from its standard input, which
is a socket, and writes tracks and samples back to the same; when the other side is gone, so is this.

Not here: what the sources do (media.source).
"""

import ctypes
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import replace

from holdfast.core.clock import SystemClock
from holdfast.core.errors import HoldfastError, SourceError, Unsupported
from holdfast.core.plan import Plan, StreamPlan
from holdfast.media.source import pipe
from holdfast.media.source.contract import Source, TracksChanged
from holdfast.media.source.make import make_inner

_NICE = 5  # chosen: behind those who only copy: their work is little, and late footage of them would be lost
_LEAVE_S = 0.5  # a driver that holds its thread for longer is left to the kernel
_MOST_PLAN_BYTES = 1 << 20
_SET_DEATH_SIGNAL = 1  # prctl(2): PR_SET_PDEATHSIG


def main(argv: list[str]) -> int:
    """Open what the plan names and hand on what comes, until told to stop.

    Args:
        argv: The recorder's process id; `software` after it forbids the hardware's encoders.

    Returns:
        The exit code: 0, whatever the source did, for that was said.
    """
    if not _follow(int(argv[0])):
        return 0
    with suppress(OSError):
        os.nice(_NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the recorder, which then ends this
    with socket.socket(fileno=os.dup(0)) as line:
        plan = _plan(line)
        if plan is None:
            return 0
        if "software" in argv[1:]:
            plan = replace(plan, encode=replace(plan.encode, encoder="software"))
        with suppress(BrokenPipeError, ConnectionError):
            _serve(plan, line)
    return 0


def _follow(parent: int) -> bool:
    """End with the recorder, however that ends; False where it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent


def _plan(line: socket.socket) -> StreamPlan | None:
    data = bytearray()
    while not data.endswith(b"\0"):
        more = line.recv(65_536)
        if not more or len(data) > _MOST_PLAN_BYTES:
            return None
        data += more
    return Plan.from_json(bytes(data[:-1])).streams[0]


def _serve(plan: StreamPlan, line: socket.socket) -> None:
    source: Source | None = None
    try:
        source = make_inner(plan, SystemClock())
        threading.Thread(target=_wait_for_end, args=(line, source), name="end", daemon=True).start()
        line.sendall(pipe.loaded())
        tracks = source.open()
        line.sendall(
            pipe.opened(
                pipe.Opening(
                    tracks,
                    source.notes,
                    float(getattr(source, "quiet_s", 0.0)),
                    tuple(getattr(source, "passed_over", ())),
                )
            )
        )
        for item in source.samples():
            line.sendall(pipe.changed(item.tracks) if isinstance(item, TracksChanged) else pipe.sample(item))
    except SourceError as error:
        line.sendall(pipe.failed(error))
    except HoldfastError as error:
        line.sendall(pipe.failed(Unsupported(str(error), hint=error.hint)))
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - this process's supervisor: the recorder must hear what happened
        detail = f"{plan.key}: an error in the source: {type(error).__name__}: {error}"
        line.sendall(pipe.failed(SourceError(detail, hint="holdfast logs shows it; please report it")))
    finally:
        if source is not None:
            source.close()


def _wait_for_end(line: socket.socket, source: Source) -> None:
    """Read until the recorder hangs up; then end the source, and this process where that does not end."""
    with suppress(OSError):
        while line.recv(1):
            pass
    source.interrupt()
    threading.Event().wait(_LEAVE_S)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

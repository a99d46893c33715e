import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.core.clock import SystemClock
from holdfast.roles import children
from holdfast.roles.children import Backoff, Child, ChildState, died_how

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"


def until(child: Child, done: Callable[[], bool], limit_s: float = 60.0) -> list[str]:
    """Look after a child until something holds; returns what happened meanwhile."""
    happened: list[str] = []
    end = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < end, f"{child.status()} after {happened}"
        if said := child.tick():
            happened.append(said)
        time.sleep(0.005)
    return happened


def script(tmp_path: Path, text: str) -> list[str]:
    """Write a child's program; returns its command line."""
    path = tmp_path / "child.py"
    path.write_text(text, encoding="utf-8")
    return [sys.executable, str(path)]


@pytest.fixture
def keep() -> Iterator[list[Child]]:
    """Children to end when the test is over."""
    kept: list[Child] = []
    yield kept
    for child in kept:
        child.stop()
        child.kill()
        until(child, lambda c=child: not c.alive)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("lives", "waits"),
    [
        ([0.1] * 9, [0, 1, 2, 4, 8, 16, 30, 30, 30]),
        ([0.1, 0.1, 0.1, 11.0, 0.1], [0, 1, 2, 0, 1]),
        ([9.0, 9.0], [0, 1]),
    ],
)
def test_backoff(lives: list[float], waits: list[float]) -> None:
    """The first restart is immediate, then 1 s doubles to 30 s; ten healthy seconds begin anew (F03)."""
    backoff = Backoff()
    assert [backoff.ended(ran_s) for ran_s in lives] == waits


def test_crash_loop_is_called_and_withdrawn() -> None:
    """Five ends without ten healthy seconds are a crash loop, until the child has run for them (F03)."""
    backoff = Backoff()
    for _ in range(4):
        backoff.ended(0.1)
    assert not backoff.crash_loop(0.0)
    backoff.ended(0.1)
    assert backoff.crash_loop(5.0)
    assert not backoff.crash_loop(10.0)


def test_words_for_an_end() -> None:
    """A code is said in words, an unknown signal too."""
    assert [died_how(c) for c in (0, 75, -9, -63)] == [
        "exited with 0", "exited with 75", "killed by SIGKILL", "killed by signal 63",
    ]  # fmt: skip


def test_killed_twenty_times(tmp_path: Path, keep: list[Child]) -> None:
    """Each of 20 kill -9 is followed by a new process, and the count and the loop are visible (F03)."""
    child = Child("victim", script(tmp_path, SLEEPER), clock=SystemClock(), backoff=Backoff(first_s=0.01, cap_s=0.05))
    keep.append(child)
    child.start()
    seen = {child.pid}
    for count in range(1, 21):
        os.kill(child.pid, signal.SIGKILL)
        until(child, lambda: child.alive and child.pid not in seen)
        seen.add(child.pid)
        assert child.status().restarts == count
    assert child.status().crash_loop
    assert child.status().last_end == "killed by SIGKILL"
    assert len(seen) == 21


def test_a_reload_at_any_moment_of_its_start_ends_no_child(tmp_path: Path, keep: list[Child]) -> None:
    """C006: SIGHUP from the first instant of a child's life on is passed over until its role listens, then heard."""
    heard = tmp_path / "heard"
    argv = script(
        tmp_path,
        "import pathlib, signal, sys, time\n"
        "time.sleep(0.3)\n"
        "assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()\n"
        f"signal.signal(signal.SIGHUP, lambda *_: pathlib.Path({str(heard)!r}).touch())\n"
        "time.sleep(60)\n",
    )
    child = Child("deaf", argv, clock=SystemClock())
    keep.append(child)
    child.start()
    until(child, lambda: child.alive)

    def told() -> bool:
        child.send(signal.SIGHUP)
        return heard.exists()

    assert until(child, told) == []
    assert child.alive


def test_stops_through_its_handle(tmp_path: Path, keep: list[Child]) -> None:
    """A stopped child is asked, ends, and is not started again."""
    child = Child("calm", script(tmp_path, SLEEPER), clock=SystemClock())
    keep.append(child)
    child.start()
    child.stop()
    assert child.status().state is ChildState.STOPPING
    until(child, lambda: not child.alive)
    assert child.tick() == ""
    assert child.status().state is ChildState.STOPPED


def test_standstill_is_replaced(tmp_path: Path, keep: list[Child], monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that lives but shows no progress, and ignores being asked, is killed and replaced (F02)."""
    monkeypatch.setattr(children, "STOP_GRACE_S", 0.2)
    deaf = tmp_path / "deaf"
    text = f"import signal, time; signal.signal(15, signal.SIG_IGN); open({str(deaf)!r}, 'w').close(); time.sleep(60)"

    def marker() -> str | None:
        return "same" if deaf.exists() else None  # before it ignores being asked it would end of that

    child = Child("stuck", script(tmp_path, text), clock=SystemClock(), marker=marker, stale_s=0.3)
    keep.append(child)
    child.start()
    first = child.pid
    happened = until(child, lambda: child.alive and child.pid != first)
    assert happened[0].startswith("asked to end: no progress")
    assert "killed by SIGKILL" in happened[-2]


@pytest.mark.best_of_three
def test_progress_keeps_it(tmp_path: Path, keep: list[Child]) -> None:
    """A marker that moves, or one that cannot be judged, keeps the process."""
    counter = iter(range(10**9))
    moving = Child("m", script(tmp_path, SLEEPER), clock=SystemClock(), marker=lambda: next(counter), stale_s=0.05)
    silent = Child("s", script(tmp_path, SLEEPER), clock=SystemClock(), marker=lambda: None, stale_s=0.05)
    keep += [moving, silent]
    for child in keep:
        child.start()
        pid, end = child.pid, time.monotonic() + 0.3
        until(child, lambda: time.monotonic() > end)  # noqa: B023 - used up within this round
        assert child.pid == pid


def test_flood_on_stderr_blocks_nobody(tmp_path: Path, keep: list[Child], monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that writes 10 MB to standard error gets through, and the file that takes it stays capped (F02)."""
    monkeypatch.setattr(children, "ERRORS_CAP_BYTES", 100_000)
    done = tmp_path / "done"
    text = f"import sys, time\nfor _ in range(1000): sys.stderr.write('x' * 10000)\nopen({str(done)!r}, 'w').close()\n"
    errors = tmp_path / "logs" / "flood.txt"
    child = Child("flood", script(tmp_path, text + "time.sleep(60)"), clock=SystemClock(), errors=errors)
    keep.append(child)
    child.start()
    until(child, done.exists)
    child.tick()
    assert errors.stat().st_size <= 100_000
    assert 0 < errors.with_name("flood.txt.1").stat().st_size <= 100_000


def test_unwritable_log_folder_does_not_stop_it(tmp_path: Path, keep: list[Child]) -> None:
    """Where its error file cannot be made the child runs all the same."""
    (tmp_path / "file").touch()
    child = Child("c", script(tmp_path, SLEEPER), clock=SystemClock(), errors=tmp_path / "file" / "x.txt")
    keep.append(child)
    child.start()
    assert child.tick() == ""
    assert child.alive


def test_last_words_are_kept(tmp_path: Path, keep: list[Child]) -> None:
    """How a child ended says the last line of its traceback, of this life alone, without a password (F03)."""
    errors = tmp_path / "errors.txt"
    errors.write_text("words of an earlier life\n", encoding="utf-8")
    text = "raise SystemExit('no way to rtsp://user:hunter2@192.0.2.1/')"
    child = Child("c", script(tmp_path, text), clock=SystemClock(), errors=errors, backoff=Backoff(first_s=30))
    keep.append(child)
    child.start()
    until(child, lambda: child.status().last_end != "")
    assert child.status().last_end == "exited with 1 (no way to rtsp://user:****@192.0.2.1/)"


def test_missing_program_is_tried_again(tmp_path: Path, keep: list[Child]) -> None:
    """A program that cannot be executed ends at once and backs off; nothing is raised."""
    child = Child("none", [str(tmp_path / "nothing")], clock=SystemClock(), backoff=Backoff(first_s=30))
    keep.append(child)
    child.start()
    until(child, lambda: child.status().retry_in_s is not None and child.status().restarts >= 1)
    assert child.status().last_end == "exited with 1"


PARENT = """
import sys, time
from holdfast.core.clock import SystemClock
from holdfast.roles.children import Child
child = Child("c", [sys.executable, "-c", "import time; time.sleep(60)"], clock=SystemClock())
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_children_follow_a_killed_parent() -> None:
    """After kill -9 of the parent the child is asked to end, so that no orphan keeps a lock (F07)."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        # Our own end of the story: the child must have become its program before the parent goes.
        end = time.monotonic() + 60
        while b"getppid" in Path(f"/proc/{pid}/cmdline").read_bytes():
            assert time.monotonic() < end
            time.sleep(0.01)
        parent.kill()
    while _running(pid):
        assert time.monotonic() < end
        time.sleep(0.01)


def _running(pid: int) -> bool:
    """A process that ended but was not reaped by this container's init counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False

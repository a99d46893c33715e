import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.errors import MissingDependency, TargetAway
from holdfast.storage.targets import child
from holdfast.storage.targets.child import Silence, begun, run
from holdfast.storage.targets.contract import Going


def test_lines_and_complaints_come_back(no_leaks: Any) -> None:
    """A program's lines, also those that overwrite each other, its complaints and its code come back."""
    program = "import sys; sys.stdout.write('a\\rb\\nc\\n'); sys.stderr.write('oh ' * 50000); sys.exit(3)"
    seen: list[str] = []
    done = run([sys.executable, "-c", program], Going(), target="t", silence=Silence(20), line=seen.append)
    assert (done.code, done.lines, seen) == (3, ("a", "b", "c"), ["a", "b", "c"])
    assert done.errors.startswith("oh oh")


def test_silence_ends_it_with_all_that_it_started(tmp_path: Path, no_leaks: Any) -> None:
    """A program that says nothing for too long is ended, and so is what it started, also where it heeds no signal."""
    beat, deaf = tmp_path / "beat", "import signal, time, pathlib, subprocess, sys; signal.signal(15, signal.SIG_IGN)"
    inner = f"{deaf}\nwhile True: pathlib.Path({str(beat)!r}).write_text(str(time.time())); time.sleep(0.05)"
    program = f"{deaf}\nsubprocess.Popen([sys.executable, '-c', {inner!r}])\ntime.sleep(60)"
    with pytest.raises(TargetAway, match="nothing moved"):
        run([sys.executable, "-c", program], Going(), target="t", silence=Silence(1.5))
    last = beat.read_text() if beat.exists() else ""
    threading.Event().wait(0.3)
    assert (beat.read_text() if beat.exists() else "") == last


@pytest.mark.needs("linux")
def test_it_ends_when_we_are_killed(tmp_path: Path) -> None:
    """A program does not outlive a process of ours that was killed."""
    beat = tmp_path / "beat"
    inner = (
        f"import time, pathlib\nwhile True: pathlib.Path({str(beat)!r}).write_text(str(time.time())); time.sleep(0.05)"
    )
    ours = (
        "import sys\nfrom holdfast.storage.targets.child import Silence, run\n"
        "from holdfast.storage.targets.contract import Going\n"
        f"run([sys.executable, '-c', {inner!r}], Going(), target='t', silence=Silence(60))"
    )
    with subprocess.Popen([sys.executable, "-c", ours]) as process:
        until = time.monotonic() + 60
        while not beat.exists():
            assert time.monotonic() < until
            threading.Event().wait(0.05)
        process.kill()
        process.wait(60)
    threading.Event().wait(0.5)
    last = beat.read_text()
    threading.Event().wait(0.5)
    assert beat.read_text() == last


@pytest.mark.best_of_three
def test_being_told_to_stop_ends_it(no_leaks: Any) -> None:
    """A program is ended soon after the transfer is told to stop."""
    began_s = time.monotonic()
    going = Going(told_to_stop=lambda: time.monotonic() - began_s > 0.3)
    with pytest.raises(TargetAway, match="told to stop"):
        run(["sleep", "60"], going, target="t", silence=Silence(60))
    assert time.monotonic() - began_s < 10


@pytest.mark.best_of_three
def test_a_program_that_cannot_be_ended_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that no signal ends, as one on a dead share, is left to itself: nobody waits for it (F27)."""
    made: list[subprocess.Popen[bytes]] = []

    class Kept(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            made.append(self)

    began_s = time.monotonic()
    try:
        with monkeypatch.context() as patched:
            patched.setattr(subprocess, "Popen", Kept)
            patched.setattr(os, "killpg", lambda _group, _number: None)
            patched.setattr(child, "_END_S", 0.1)
            with pytest.raises(TargetAway, match="told to stop"):
                run(["sleep", "20"], Going(told_to_stop=lambda: True), target="t", silence=Silence(60))
        assert time.monotonic() - began_s < 10
        assert all(pipe is not None and pipe.closed for pipe in (made[0].stdout, made[0].stderr))
    finally:
        for one in made:
            one.kill()
            one.wait(60)


def test_a_program_that_is_not_there() -> None:
    """A program that is not installed is named, with what would bring it."""
    for start in (
        lambda argv: run(argv, Going(), target="t", silence=Silence(1)),
        lambda argv: begun(argv, Going(), target="t", quiet_s=1),
    ):
        with pytest.raises(MissingDependency) as caught:
            start(["no-such-program"])
        assert "no-such-program" in caught.value.hint


def test_one_that_leaves_something_running_is_let_go_of(no_leaks: Any) -> None:
    """What only begins something is waited for until it has, is told to stop, and may not take for ever."""
    assert begun(["sh", "-c", 'test "$LC_ALL" = C.UTF-8 && exit 3'], Going(), target="t", quiet_s=20) == 3
    with pytest.raises(TargetAway, match="told to stop"):
        begun(["sleep", "60"], Going(told_to_stop=lambda: True), target="t", quiet_s=60)
    with pytest.raises(TargetAway, match="nothing moved"):
        begun(["sleep", "60"], Going(), target="t", quiet_s=0.1)


def test_silence_is_waited_for_while_its_host_is_there(no_leaks: Any) -> None:
    """A program that may say nothing for long is not ended while its host gives signs of life, and soon without one."""
    asked: list[int] = []
    silence = Silence(0.2, 60, lambda: asked.append(1))
    done = run(["sleep", "1"], Going(), target="t", silence=silence)
    assert done.code == 0
    assert asked
    with pytest.raises(TargetAway, match="nothing moved"):
        run(["sleep", "60"], Going(), target="t", silence=Silence(0.1, 0.3, lambda: None))

    def gone() -> None:
        raise TargetAway("it is gone")

    with pytest.raises(TargetAway, match="it is gone"):
        run(["sleep", "60"], Going(), target="t", silence=Silence(0.1, 60, gone))


def test_it_reads_what_it_is_given(no_leaks: Any) -> None:
    """More than a pipe holds reaches its input while it answers; one that reads nothing of it is no error."""
    given = b"a line that comes back\n" * 40_000
    done = run(["cat"], Going(), target="t", silence=Silence(20), given=given)
    assert (done.code, "\n".join(done.lines) + "\n") == (0, given.decode())
    assert run(["true"], Going(), target="t", silence=Silence(20), given=given).code == 0

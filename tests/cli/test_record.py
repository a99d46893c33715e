import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.recording import play, uncut_s, until
from support.sim import simulated, small_camera

HOLDFAST = str(Path(sys.executable).with_name("holdfast"))


def _uncut() -> tuple[str, str]:
    """Say how long files are; asked when it is recorded: tests may wait for half an hour until it is their turn."""
    return "--segment", f"{uncut_s()}s"


def _record(*options: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    argv = [HOLDFAST, "record", *options]
    return subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **(env or {})}
    )


@pytest.mark.best_of_three
@pytest.mark.needs("ffprobe")
def test_a_camera_is_recorded_by_hand(tmp_path: Path) -> None:
    """One command records one address for a while, without a configuration, and leaves a file that plays (C151)."""
    with simulated() as sim:
        done = _record("--url", sim.url("cam1"), "--out", str(tmp_path), "--for", "3s", "--camera", "gate", *_uncut())
        until(lambda: sim.counts("cam1").torn_down == 1)  # the camera hears of it a moment later
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("footage/gate/main/*/gate_*.mp4")
    assert f"1 file in {file.parent.parent}" in done.stderr
    assert float(play(file)["video"]["duration"]) == pytest.approx(3, abs=1.5)


@pytest.mark.best_of_three
@pytest.mark.needs("ffprobe")
@pytest.mark.parametrize("address", ["{}", "file://{}"])
def test_a_media_file_is_a_source_too(tmp_path: Path, address: str) -> None:
    """What was recorded once can be recorded again from its file (C151)."""
    with simulated() as sim:
        _record("--url", sim.url("cam1"), "--out", str(tmp_path / "a"), "--for", "2s", *_uncut())
    (file,) = (tmp_path / "a").rglob("*.mp4")
    done = _record("--url", address.format(file), "--out", str(tmp_path / "b"), "--for", "3s", *_uncut())
    assert done.returncode == 0, done.stderr
    assert int(play(next((tmp_path / "b").rglob("*.mp4")))["video"]["nb_read_frames"]) >= 25


@pytest.mark.best_of_three
def test_ctrl_c_finishes_the_file(tmp_path: Path) -> None:
    """Interrupted by its user, it seals what it has and leaves the camera in order (C135, C151)."""
    with simulated() as sim:
        argv = [HOLDFAST, "record", "--url", sim.url("cam1"), "--out", str(tmp_path), *_uncut()]
        child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: list(tmp_path.rglob("*.part")))
        until(lambda: next(tmp_path.rglob("*.part")).stat().st_size > 50_000)
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 0
        assert sim.counts("cam1").left_behind == 0
    assert len(list(tmp_path.rglob("*.mp4"))) == 1


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ([], 64, "--url and --out are needed"),
        (["--url", "rtsp://127.0.0.1:1/x"], 64, "--url and --out are needed"),
        (["--url", "rtsp://127.0.0.1:1/x", "--out", ".", "--for", "soon"], 64, "soon"),
        (["--url", "rtsp://127.0.0.1:1/x", "--out", ".", "--camera", "../up"], 64, "not a camera id"),
        (["--url", "rtsp://127.0.0.1:1/x", "--out", ".", "--audio", "loud"], 64, "optional, required or off"),
        (["--url", "no-such-file.mp4", "--out", "."], 69, "no-such-file.mp4"),
        (["--url", "file:///no-such-file.mp4", "--out", "."], 69, "/no-such-file.mp4"),
        (["--url", "rtsp://127.0.0.1:99999/x", "--out", "."], 64, "out of range"),
        (["--url", "rtsp://", "--out", "."], 64, "names no host"),
        (["--url", "gopher://127.0.0.1/x", "--out", "."], 64, "gopher:// cannot be recorded"),
        (["--url", "rtsp://127.0.0.1:1/x", "--out", ".", "--segment", "0.4s"], 64, "no length for a file"),
        (["--url", "rtsp://127.0.0.1:1/x", "--out", ".", "--segment", "0s"], 64, "no length for a file"),
        (["--shard", "0"], 64, "--state-dir"),
    ],
)
def test_bad_input_gets_one_line_and_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], code: int, says: str
) -> None:
    """A mistake is answered with what and what to try, and an exit code of its own, never a traceback (C151)."""
    monkeypatch.chdir(tmp_path)
    done = _record(*options)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "try:" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_camera_there_ends_at_once(tmp_path: Path) -> None:
    """Somebody who waits at a terminal is told that nothing answers, instead of watching retries."""
    done = _record("--url", "rtsp://127.0.0.1:1/x", "--out", str(tmp_path), "--for", "60s")
    assert done.returncode == 69
    assert "cannot be reached" in done.stderr


def test_a_password_shows_nowhere(tmp_path: Path) -> None:
    """A wrong password is refused without being repeated, and one from the environment works (F61, C131)."""
    with simulated(small_camera(user="viewer", password="right-horse")) as sim:
        url = sim.url("cam1", credentials=False)
        wrong = _record("--url", url.replace("://", "://viewer:wrong-horse@"), "--out", str(tmp_path), "--for", "3s")
        right = _record(
            "--url", url, "--out", str(tmp_path), "--for", "2s", "--username", "viewer", "--password-env", "CAMERA_PW",
            env={"CAMERA_PW": "right-horse"},
        )  # fmt: skip
    assert wrong.returncode == 69
    assert "horse" not in wrong.stderr + wrong.stdout
    assert right.returncode == 0, right.stderr


def test_two_recorders_of_one_stream_do_not_meet(tmp_path: Path) -> None:
    """A second recorder of the same folder and camera is refused with the holder's process id (F07, C134)."""
    with simulated() as sim:
        argv = [HOLDFAST, "record", "--url", sim.url("cam1"), "--out", str(tmp_path), "--for", "600s"]
        first = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: list(tmp_path.rglob("*.part")))
        second = _record("--url", sim.url("cam1"), "--out", str(tmp_path), "--for", "2s")
        first.send_signal(signal.SIGTERM)
        assert first.wait(60) == 0
    assert second.returncode == 75
    assert str(first.pid) in second.stderr


EARLY = """
import os, signal, sys, threading
from pathlib import Path
from holdfast.cli import record
record.set_up_logging = lambda *_: os.kill(os.getpid(), signal.SIGHUP)
threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
sys.exit(record._shard(Path(sys.argv[1]), 0))
"""


def test_a_reload_during_the_start_of_a_recorder_is_no_end(tmp_path: Path) -> None:
    """A recorder that is told to read its plan again before it listens goes on starting, and stops in order later."""
    done = subprocess.run(
        [sys.executable, "-c", EARLY, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr

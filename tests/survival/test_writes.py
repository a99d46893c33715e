import os
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.core.journal import Sealed
from holdfast.media.synthetic import VideoSpec
from holdfast.media.synthetic_sound import AudioSpec
from holdfast.sim.camera import CameraSpec
from holdfast.sim.server import SimServer
from holdfast.sim.thread import SimThread
from support.survival import Ground, footage

FAST = VideoSpec(width=640, height=480, fps=25, bitrate_bps=2_000_000, gop=50)
PAGE = 4096


def _written(pid: int) -> int:
    """Bytes that a process had the kernel bring to storage, less what was deleted before it got there."""
    facts = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines())
    return int(facts["write_bytes"]) - int(facts["cancelled_write_bytes"])


@pytest.mark.best_of_three
@pytest.mark.needs("linux")
@pytest.mark.parametrize("seconds", [12.0, pytest.param(300.0, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_little_is_written_besides_the_media(
    tmp_path: Path, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 2 Mb/s recorders bring at most a tenth more to the disk than pictures and sound weigh (P6, F68)."""
    names = [f"cam{n}" for n in range(1, 5)]
    specs = [CameraSpec(name=name, video=FAST, audio=AudioSpec(), sub_size=(64, 64)) for name in names]
    with SimThread(SimServer(specs)) as sim, Ground(tmp_path, {n: sim.url(n) for n in names}) as node:
        for name in names:
            node.cameras[name]["segment_s"] = 600  # a file holds room for its index, which is as long as the file
        node.write()
        node.begin()
        recorder = node.pids()["recorder-0"]
        began, before, calls = time.monotonic(), _written(recorder), _calls(recorder)
        sizes = _sizes(node)
        node.until(lambda: time.monotonic() - began >= seconds, seconds + 10)
        took = time.monotonic() - began
        written, said, grown = _written(recorder) - before, _calls(recorder) - calls, _sizes(node) - sizes
        assert node.stop() == 0
    media = sum(sealed.media_bytes for name in names for sealed in node.events(name, Sealed))
    whole = sum(path.stat().st_size for name in names for path in (node.volume / "footage" / name).rglob("*.*"))
    assert media * 8 / len(names) / (took + 2) >= 1_500_000, "the cameras did not send what the goal is about"
    assert whole / media <= 1.10
    if written:  # a file system in memory brings nothing to storage
        assert written / grown <= 1.10
    per_camera = said / took / len(names)
    assert per_camera <= 12, "writes a second"
    with capsys.disabled():
        ratio = f"{written / grown:.3f}" if written else "not measurable here"
        print(f" [files/media {whole / media:.4f}, to storage/files {ratio}, {per_camera:.1f} writes/s]", end="")  # noqa: T201 - the figure is for the docs


def _sizes(node: Ground) -> int:
    return sum(path.stat().st_size for name in node.cameras for path in footage(node.volume, name))


def _calls(pid: int) -> int:
    facts = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines())
    return int(facts["syscw"])


@pytest.mark.best_of_three
def test_the_catalog_commits_once_a_second_at_most(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Eight cameras that cut their files each second cost one commit a second, all together (P6)."""
    names = [f"cam{n}" for n in range(1, 9)]
    small = replace(FAST, width=160, height=128, fps=10, bitrate_bps=100_000, gop=10)
    specs = [CameraSpec(name=name, video=small, audio=None, sub_size=(64, 64)) for name in names]
    with SimThread(SimServer(specs)) as sim, Ground(tmp_path, {n: sim.url(n) for n in names}) as node:
        for name in names:
            node.cameras[name]["segment_s"] = 1
        node.write()
        node.begin().until(lambda: node.role("worker").get("indexed_us"))
        commits = 0
        with closing(sqlite3.connect(f"file:{tmp_path}/state/catalog.sqlite?mode=ro", uri=True)) as catalog:
            # What a worker writes once, when it begins, ends with its first look at what may be deleted.
            node.until(lambda: catalog.execute("SELECT 1 FROM retention WHERE passed_us > 0").fetchone())
            began = time.monotonic()
            seen = catalog.execute("PRAGMA data_version").fetchone()
            while time.monotonic() - began < 8:
                # Each look is far shorter than what one commit takes to follow another, so none is missed.
                now = catalog.execute("PRAGMA data_version").fetchone()
                commits += now != seen
                seen = now
                time.sleep(0.005)
            took = time.monotonic() - began
            rows = catalog.execute("SELECT count(*) FROM segments").fetchone()[0]
        assert node.stop() == 0
    assert rows >= 8 * 5
    assert 1 <= commits <= took + 1
    with capsys.disabled():
        print(f" [{commits} commits in {took:.1f} s, {rows} rows, {os.cpu_count()} cores]", end="")  # noqa: T201 - the figure is for the docs

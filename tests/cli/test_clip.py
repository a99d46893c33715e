"""`holdfast clip` over footage that a recorder left behind."""

import json
from pathlib import Path

import pytest

from holdfast.cli.main import main
from holdfast.core.clock import SystemClock
from holdfast.sim.mark import find_marks
from support.clips import first_times
from support.probe import probe
from support.recording import footage_files, recording, stream_plan, until
from support.sim import simulated, small_camera


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


@pytest.fixture(name="path", scope="module")
def _path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node whose camera was recorded for some seconds; nobody records any more."""
    root = tmp_path_factory.mktemp("node")
    path = root / "holdfast.toml"
    path.write_text(
        'state_dir = "state"\n[volumes.main]\npath = "disk"\n'
        '[cameras.cam1]\nurl = "rtsp://camera.test/1"\nside = "left"\n'
    )
    with simulated(small_camera(bframes=2)) as sim:
        plan = stream_plan(root / "disk", sim.url("cam1"), segment_s=2)
        with recording(plan):
            until(lambda: len(footage_files(plan)) >= 3)
    return path


@pytest.mark.needs("ffprobe")
def test_writes_a_clip(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """C101: the verb of the API as a command: one file, every picture, JSON that says what it is; none written over."""
    target = tmp_path / "out.mp4"
    # A second more than now: with B-frames the last pictures are shown after they came.
    begin, end = SystemClock().wall_us() - 120_000_000, SystemClock().wall_us() + 1_000_000
    span = ["--camera", "cam1", "--from", str(begin), "--to", str(end), "--out", str(target), "-c", str(path)]
    assert _run("clip", *span, "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert body["bytes"] == target.stat().st_size
    assert body["gaps"][-1]["reason"] == "recorder-down"
    assert body["side"] == "left"
    found = probe(target)
    assert found.complaints == ""
    recorded = [
        m.counter for p in footage_files(stream_plan(path.parent / "disk", "")) for m in find_marks(p.read_bytes())
    ]
    assert [m.counter for m in find_marks(target.read_bytes())] == recorded
    assert found.frames("video") == len(recorded)
    first = first_times(found)
    assert abs(first["video"] - first["audio"]) < 0.05
    assert _run("clip", *span) == 65
    assert "exists already" in capsys.readouterr().err
    assert _run("clip", *span, "--force") == 0
    assert "left out:" in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize(
    ("span", "code", "said"),
    [
        (("cam1", "2020-01-01", "2020-01-01T01:00"), 66, "nothing was recorded"),
        (("cam1", "today", "yesterday"), 64, "ends before it begins"),
        (("cam1", "soon", "now"), 64, "is not a time"),
        (("nobody", "yesterday", "today"), 66, "nothing was recorded"),
        (("cam/1", "yesterday", "today"), 64, "not a stream"),
    ],
)
def test_what_cannot_be_says_why(
    path: Path, tmp_path: Path, span: tuple[str, str, str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """F55: a span without footage, and one that makes no sense, end with their own codes and leave no file."""
    camera, begin, end = span
    target = tmp_path / "out.mp4"
    assert _run("clip", "--camera", camera, "--from", begin, "--to", end, "--out", str(target), "-c", str(path)) == code
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

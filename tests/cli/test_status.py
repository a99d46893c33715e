import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from holdfast.cli.status import age, render
from holdfast.core.plan import Plan, StreamPlan
from holdfast.core.status import StreamState
from holdfast.library.status import read_now
from support.node import Node, holdfast
from support.supervised import write_status

VIDEO = {"kind": "video", "codec": "h264", "width": 1920, "height": 1080}


def soon_us() -> int:
    """When a recorder said it for whom starts a command now, which takes its time; 5 s off it is no word any more."""
    return time.time_ns() // 1000 + 4_500_000


def published(root: Path, *cameras: str) -> Node:
    """Make a node whose plan names these cameras, as a worker would have left it."""
    node = Node(root, dict.fromkeys(cameras, "rtsp://127.0.0.1:9/x"))
    streams = tuple(StreamPlan(camera=c, stream="main", url="rtsp://127.0.0.1:9/x", volume="/v") for c in cameras)
    (root / "state").mkdir()
    (root / "run").mkdir()
    plan = Plan(streams=streams, runtime_dir=str(root / "run"))
    (root / "state" / "streams.json").write_text(plan.to_json(), encoding="utf-8")
    return node


def test_all_well(tmp_path: Path) -> None:
    """Exit code 0, and a table with everything that people ask for first."""
    node = published(tmp_path, "gate")
    now_us = soon_us()
    write_status(
        tmp_path / "run", "gate", StreamState.RECORDING, now_us, tracks=[VIDEO], fps=25.0, bitrate_bps=4_100_000,
        segment="footage/gate/main/2026-05-01/gate_20260501T120000Z.mp4", last_sample_us=now_us, restarts=3,
    )  # fmt: skip
    result = node.command("status")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith("● recording\n")
    for part in ("1920×1080", "25.0", "4.1 Mb/s", "3", "gate_20260501T120000Z.mp4"):  # noqa: RUF001 - the sign for "by"
        assert part in result.stdout
    assert "\x1b" not in result.stdout


def test_what_encodes_is_named(tmp_path: Path) -> None:
    """Where pictures are encoded here the encoder that was chosen stands with them, in `--json` too (C025)."""
    node = published(tmp_path, "card")

    def recording() -> None:
        now_us = soon_us()
        write_status(
            tmp_path / "run", "card", StreamState.RECORDING, now_us, tracks=[{**VIDEO, "encoder": "h264_v4l2m2m"}],
            last_sample_us=now_us,
        )  # fmt: skip

    recording()
    assert "1920×1080 h264_v4l2m2m" in node.command("status").stdout  # noqa: RUF001 - the sign for "by"
    recording()
    (stream,) = json.loads(node.command("status", "--json").stdout)["streams"]
    assert stream["tracks"][0]["encoder"] == "h264_v4l2m2m"


def test_something_wrong(tmp_path: Path) -> None:
    """Exit code 1, the state sentence first, then what to try; `--json` says the same."""
    node = published(tmp_path, "gate", "dock")
    now_us = soon_us()
    write_status(tmp_path / "run", "gate", StreamState.RECORDING, now_us)
    write_status(
        tmp_path / "run", "dock", StreamState.WAITING, now_us, reason="auth", detail="wrong password", hint="mend it"
    )
    result = node.command("status", "--json")
    assert result.returncode == 1
    body = json.loads(result.stdout)
    assert body["sentence"].startswith("dock is not recording for ")
    assert body["sentence"].endswith(": wrong password")
    assert body["hint"] == "mend it"
    assert [stream["health"] for stream in body["streams"]] == ["well", "lost"]


def test_nothing_runs(tmp_path: Path) -> None:
    """With nothing running it says what to start, once, without a traceback."""
    result = published(tmp_path, "gate", "yard").command("status")
    assert result.returncode == 1
    assert result.stdout.startswith("✖ Nothing is recording: no recorder is running\n  try: holdfast run starts it")
    assert result.stdout.count("holdfast run") == 1


def test_no_configuration(tmp_path: Path) -> None:
    """Without a configuration the error names the file and how to get one, with its exit code."""
    result = holdfast("status", "-c", str(tmp_path / "none.toml"))
    assert result.returncode == 78
    assert "none.toml" in result.stderr
    assert "holdfast init" in result.stderr


def test_watch_ends_with_ctrl_c(tmp_path: Path) -> None:
    """`--watch --json` writes a line a second until Ctrl-C, whose exit code is the last verdict."""
    node = published(tmp_path, "gate")
    with subprocess.Popen(
        [sys.executable, "-m", "holdfast", "status", "--watch", "--json", "-c", str(node.config)],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        for _ in range(2):
            assert json.loads(process.stdout.readline())["well"] is False
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 1


def test_narrow_terminal_keeps_numbers(tmp_path: Path) -> None:
    """On 80 columns the file's name goes, and no other column is cut."""
    node = published(tmp_path, "gate")
    write_status(
        tmp_path / "run", "gate", StreamState.RECORDING, 10**15, tracks=[VIDEO], fps=25.0, bitrate_bps=4_100_000,
        segment="a/gate_20260501T120000Z.mp4", last_sample_us=10**15,
    )  # fmt: skip
    plan = Plan.from_json((tmp_path / "state" / "streams.json").read_bytes())
    console = Console(width=80, highlight=False)
    with console.capture() as capture:
        console.print(render(read_now(plan, tmp_path / "run", 10**15), narrow=True))
    assert node.config.exists()
    assert "● recording" in capture.get()
    assert "4.1 Mb/s" in capture.get()
    assert "…" not in capture.get()


@pytest.mark.parametrize(("seconds", "words"), [(0.44, "0.4 s"), (12, "12 s"), (600, "10 min"), (7200, "2 h")])
def test_age(seconds: float, words: str) -> None:
    """An age is said in the unit that matters at its size."""
    assert age(seconds) == words

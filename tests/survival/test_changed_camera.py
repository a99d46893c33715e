import json
from pathlib import Path

from holdfast.core.journal import Closed
from support.node import simulate
from support.survival import Ground, holes


def test_changing_one_camera_at_run_time_costs_the_other_nothing(tmp_path: Path) -> None:
    """A camera that gets another length of files is connected anew; the other loses no picture (C008, C126)."""
    with simulate("same", "changed") as sim:
        urls = {name: sim.url(name) for name in ("same", "changed")}
        with Ground(tmp_path, urls) as node:
            node.begin()
            recorder = node.pids()["recorder-0"]
            done = node.command("cameras", "change", "changed", "segment_s=7200")
            assert done.returncode == 0, done.stderr
            node.until(lambda: sim.counts("changed").opened == 2 and node.recording("same", "changed"))
            wanted = node.marks("same")[-1].sent_us + 1_000_000
            node.until(lambda: node.marks("same")[-1].sent_us >= wanted)
            # Taken back, it is the file's again, and the other one still does not notice.
            assert node.command("cameras", "change", "changed", "--reset", "segment_s").returncode == 0
            node.until(lambda: sim.counts("changed").opened == 3 and node.recording("same", "changed"))
            assert node.pids()["recorder-0"] == recorder
            plan = json.loads((tmp_path / "state" / "streams.json").read_text(encoding="utf-8"))
            assert {stream["camera"]: stream["segment_s"] for stream in plan["streams"]} == {
                "same": 86_400, "changed": 86_400,
            }  # fmt: skip
            assert node.stop() == 0
        assert sim.counts("same").opened == 1
    assert holes(node.marks("same")) == []
    assert len(node.marks("same")) >= 20
    assert [c.reason for c in node.events("changed", Closed)] == ["restarted", "restarted", "recorder-down"]

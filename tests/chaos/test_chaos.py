from pathlib import Path

import pytest

from chaos.drill import Drill

SHORT = "silent,reset,refuse,size_change,unauthorized,timestamp_jump"


@pytest.mark.needs("ffprobe", "gst-rtsp")
def test_faults_and_kills_leave_exactly_the_gaps_that_they_must(tmp_path: Path) -> None:
    """Under a fault script and kills, footage and gaps are what the script alone says they must be (C011, R5, F03)."""
    groups = (("h264", "aac", "paced", ("north", "east", "south")),)
    drill = Drill(tmp_path, 75, only=SHORT, settle_s=10, groups=groups, gst_cameras=1, kills=2)
    drill.run()
    verdict = drill.judged()
    assert verdict.facts["faults"] == 6
    assert verdict.facts["kills"] == 2
    assert verdict.problems == []


@pytest.mark.soak
@pytest.mark.needs("ffprobe", "gst-rtsp")
@pytest.mark.parametrize("kills", [0, 50])
def test_ten_minutes_of_every_fault(tmp_path: Path, kills: int) -> None:
    """Eight simulated and two GStreamer cameras for ten minutes, every fault at least three times (R5, I6)."""
    drill = Drill(tmp_path, 600, each=2, kills=kills)
    drill.run()
    verdict = drill.judged()
    print(verdict.facts)  # noqa: T201 - the matrix of faults against reasons, for docs/reliability.md
    assert verdict.facts["kills"] == kills
    assert verdict.problems == []

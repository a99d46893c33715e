"""The work of a tier in this process: what it does where the machine is too slow, and where footage is missing."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.errors import Unsupported
from holdfast.core.gap import GapReason
from holdfast.core.journal import Down
from holdfast.core.timing import SECOND_US
from holdfast.library import footage
from holdfast.library.tiering import POSITION_FILE, STATUS_FILE, Tiering, Work
from holdfast.media import tier
from holdfast.media.tier import PRESETS
from holdfast.storage.journal import JournalWriter
from support.clips import write_run
from support.clock import PushedClock
from support.media import GATE, WALL_US, encode
from support.pictures import Recorded, being_recorded, tell
from support.recording import until

KEY = StreamKey("cam1", "main")


@pytest.fixture(scope="module", name="tree")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with being_recorded(tmp_path_factory.mktemp("tiering"), "h264", segment_s=600, first_file=False) as tree:
        yield tree


def _work(volumes: dict[str, Path], key: StreamKey, root: Path, from_us: int | None = None) -> Work:
    root.mkdir()
    return Work(volumes=volumes, source=key, key=key, preset=PRESETS["sd"], root=root, from_us=from_us)


def _status(root: Path) -> dict[str, Any]:
    path = root / STATUS_FILE
    body: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    return body


@pytest.mark.best_of_three
def test_slow_encoder_leaves_pictures_out(
    tree: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> None:
    """A machine that takes 0.3 s a picture stays within seconds of now: it leaves pictures out, and says so."""
    encode_one = tier._packets

    def slowly(encoder: Any, frame: Any) -> list[Any]:
        if frame is not None:
            time.sleep(0.3)  # the slow machine itself
        return encode_one(encoder, frame)

    monkeypatch.setattr(tier, "_packets", slowly)
    stop = threading.Event()
    root = tmp_path / "spool"
    work = _work(tree.volumes, KEY, root)
    thread = threading.Thread(target=Tiering(work, SystemClock(), stop.is_set).run)
    thread.start()
    try:
        until(lambda: _status(root).get("left_out", 0) > 100)
        status = _status(root)
        assert not status["keeps_up"]
        assert SystemClock().wall_us() - status["end_us"] < 12 * SECOND_US
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


class _Turns:
    """Stops a tier once it has nothing more to read: it asks at each step, and sleeps only where nothing comes."""

    def __init__(self) -> None:
        self.clock = PushedClock(WALL_US + 3600 * SECOND_US)

    def over(self) -> bool:
        return self.clock.boot_us() > 90 * SECOND_US


def test_gap_of_the_source_is_told_in_the_spool(tmp_path: Path) -> None:
    """A tier of the past goes on behind a gap, as a run of its own, and its journal says why there is nothing."""
    disk = tmp_path / "vol"
    disk.mkdir()
    footage_of = encode(seconds=4, audio=False)
    later_us = WALL_US + 600 * SECOND_US
    first = write_run(disk, footage_of, per_file=99)
    turns = _Turns()
    tell(disk, first, turns.clock)
    second = write_run(disk, footage_of, per_file=99, start_us=later_us, run="run-2")
    with JournalWriter(disk, GATE, turns.clock) as journal:
        journal.write(Down(from_us=WALL_US + 4 * SECOND_US, reason="stalled", detail="nothing came"), sync=False)
    tell(disk, second, turns.clock)
    root = tmp_path / "spool"
    work = _work({"main": disk}, GATE, root, WALL_US + SECOND_US)
    (root / POSITION_FILE).write_text(str(WALL_US + SECOND_US), encoding="ascii")
    Tiering(work, turns.clock, turns.over).run()
    now_us = turns.clock.wall_us()
    found = footage.find({"s": root}, GATE, 0, now_us, now_us=now_us, catalog=None)
    assert [piece.start_us for piece in found.pieces] == [WALL_US + SECOND_US, later_us]
    told = [gap for gap in found.gaps if gap.end_us == later_us]
    assert [gap.reason for gap in told] == [GapReason.STALLED]


def test_sound_alone_ends_with_the_reason(tmp_path: Path) -> None:
    """A stream without pictures ends the work with an error that says so."""
    disk = tmp_path / "vol"
    disk.mkdir()
    tell(disk, write_run(disk, encode("", seconds=2)), PushedClock(WALL_US + 3600 * SECOND_US))
    turns = _Turns()
    work = _work({"main": disk}, GATE, tmp_path / "spool")
    with pytest.raises(Unsupported, match="no pictures"):
        Tiering(work, turns.clock, turns.over).run()

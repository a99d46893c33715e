import os
from pathlib import Path

import pytest

from holdfast.core.clock import SystemClock
from holdfast.core.errors import NotFound
from holdfast.core.plan import Capture
from holdfast.core.timing import SECOND_US
from holdfast.library.folder_listing import listing
from support.folders import film, folder_plan, picture, put
from support.media import WALL_US
from support.still_films import order

CLOCK = SystemClock()
BEGAN_S = WALL_US / SECOND_US  # 2026-09-21 14:13:20 UTC


def test_each_file_is_told_with_what_becomes_of_it(tmp_path: Path) -> None:
    """Kind, instant and where it comes from, the name as a still; or why it is passed over. Nothing changes (C148)."""
    put(tmp_path, "test_capture_000001.jpg", picture(40), modified_s=BEGAN_S)
    put(tmp_path, "capture_20260921161321.jpg", picture(50), modified_s=BEGAN_S + 1.25)
    put(tmp_path, "test_capture_000002.jpg", picture(60), modified_s=BEGAN_S + 1.9)
    put(tmp_path, "segment_003.ts", film(1.0), modified_s=BEGAN_S + 4)
    put(tmp_path, "test_capture_000003.jpg", picture(60)[:-300], modified_s=BEGAN_S + 5)
    put(tmp_path, "capture_1_thumbnail.jpg", picture(60), modified_s=BEGAN_S + 6)
    put(tmp_path, "output.m3u8", b"#EXTM3U\n" * 40, modified_s=BEGAN_S + 7)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    plan = folder_plan(tmp_path, camera="gate", capture=Capture(zone="Europe/Zurich"))
    files, left_out = listing(plan, order(2), CLOCK)
    assert left_out == 0
    assert [(one.file, one.kind, one.known_by, one.still, one.passed_over) for one in files] == [
        ("test_capture_000001.jpg", "picture", "modified", "stills/gate/2026-09-21/gate_20260921T141320.000Z.jpg", ""),
        ("capture_20260921161321.jpg", "picture", "name", "", ""),
        ("test_capture_000002.jpg", "picture", "modified", "stills/gate/2026-09-21/gate_20260921T141322.000Z.jpg", ""),
        ("segment_003.ts", "segment", "modified", "", ""),
        ("test_capture_000003.jpg", "", "", "", "not whole yet, or broken off"),
        ("capture_1_thumbnail.jpg", "", "", "", "a thumbnail"),
        ("output.m3u8", "", "", "", "neither a picture nor a segment"),
    ]
    assert files[1].captured_us == WALL_US + 1_250_000
    assert abs((files[3].captured_us or 0) - WALL_US - 3 * SECOND_US) < 150_000
    assert files[1].to_dict()["captured"] == "2026-09-21T14:13:21.250Z"
    assert before == {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert [one.still for one in listing(plan, None, CLOCK)[0]] == [""] * 7


def test_of_very_many_files_the_newest_are_told(tmp_path: Path) -> None:
    """A look at a full folder stays short, and says how much it left out."""
    for number in range(40):
        put(tmp_path, f"{number}.txt", b"x", modified_s=BEGAN_S + number)
    files, left_out = listing(folder_plan(tmp_path), None, CLOCK, most=10)
    assert ([one.file for one in files], left_out) == ([f"{n}.txt" for n in range(30, 40)], 30)


def test_any_name_can_be_shown(tmp_path: Path) -> None:
    """Names that are no text, or that would move a terminal's cursor, are listed without that."""
    for name in (b"\xff.jpg", b"\x1b[2J\n.jpg"):
        put(tmp_path, os.fsdecode(name), b"x" * 300, modified_s=BEGAN_S)
    files = [one.file for one in listing(folder_plan(tmp_path), None, CLOCK)[0]]
    assert sorted(files) == ["\ufffd.jpg", "\ufffd[2J\ufffd.jpg"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The error names the folder and what to check."""
    with pytest.raises(NotFound, match="gone cannot be read") as caught:
        listing(folder_plan(tmp_path / "gone"), None, CLOCK)
    assert "mounted" in caught.value.hint

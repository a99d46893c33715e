"""Words of people on the timeline."""

from pathlib import Path

import pytest

from holdfast.catalog.db import Catalog
from holdfast.core.errors import UsageError, VolumeMissing
from holdfast.library import notes
from support.clock import PushedClock


def test_a_note_is_in_the_file_before_the_catalog(catalog: Catalog, tmp_path: Path) -> None:
    """A note is readable from its file whether or not the catalog ever heard of it (C012)."""
    clock = PushedClock()
    note = notes.write({"disk": tmp_path}, clock, " lens\ncleaned ü ", camera="gate", at_us=5)
    asked = {"camera": "GATE", "from_us": 0, "to_us": 6}
    assert notes.between(None, {"disk": tmp_path}, **asked) == [note]  # type: ignore[arg-type]
    assert notes.between(catalog, {"disk": tmp_path}, **asked) == []  # type: ignore[arg-type]
    notes.record(catalog, [note], clock)
    assert notes.between(catalog, {}, **asked) == [note]  # type: ignore[arg-type]
    assert (note.words, note.at_us, note.created_us) == ("lens\ncleaned ü", 5, clock.wall_us())


def test_files_of_all_volumes_are_read(tmp_path: Path) -> None:
    """Notes are read from every volume, by time; torn and strange lines are passed over."""
    clock = PushedClock()
    roots = {"one": tmp_path / "one", "two": tmp_path / "two"}
    for root in roots.values():
        root.mkdir()
    notes.write({"two": roots["two"]}, clock, "first", at_us=1)
    notes.write({"one": roots["one"]}, clock, "second", at_us=2)
    with (roots["one"] / notes.NOTES_FILE).open("a") as file:
        file.write('[1]\n{"uid": 1}\n{"v": 1, "ui')
    assert [note.words for note in notes.read(roots)] == ["first", "second"]


def test_the_first_volume_that_is_there_is_written(tmp_path: Path) -> None:
    """A disk that is away does not keep a note from being written."""
    notes.write({"away": tmp_path / "away", "here": tmp_path}, PushedClock(), "x")
    assert len(notes.read({"here": tmp_path})) == 1
    assert not (tmp_path / "away").exists()


def test_what_cannot_be_noted_is_refused(tmp_path: Path) -> None:
    """A note needs words, and a volume."""
    with pytest.raises(UsageError):
        notes.write({"disk": tmp_path}, PushedClock(), "  ")
    with pytest.raises(VolumeMissing):
        notes.write({"disk": tmp_path / "none"}, PushedClock(), "x")


def test_a_torn_line_does_not_swallow_the_next_note(tmp_path: Path) -> None:
    """A power cut that left half a line costs that line alone."""
    path = tmp_path / notes.NOTES_FILE
    path.write_text('{"v": 1, "uid": "a", "wor')
    note = notes.write({"disk": tmp_path}, PushedClock(), "after the cut")
    assert notes.read({"disk": tmp_path}) == [note]

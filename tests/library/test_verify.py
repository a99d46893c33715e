"""Evidence: what was changed, cut off or removed shows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.catalog.journals import Read
from holdfast.core.footage import journal_path
from holdfast.core.journal import Sealed
from holdfast.library.verify import verify
from holdfast.storage.journal import read_journal
from support.clock import PushedClock
from support.journals import Told

DAY = "2026-09-21"


@pytest.fixture(name="told")
def _told(tmp_path: Path) -> Told:
    return Told(tmp_path / "disk", PushedClock())


@pytest.fixture(name="pieces")
def _pieces(told: Told) -> list[Sealed]:
    told.open()
    found = [told.record(600) for _ in range(4)]
    told.remove(found[0])
    told.die()
    return found


def found(told: Told, remembered: Read | None = None) -> list[tuple[str, str]]:
    """Return numbers and kinds of what is found."""
    known = {told.key: {("disk", DAY): remembered}} if remembered else None
    return [(f.number, f.kind) for f in verify({"disk": told.root}, remembered=known).findings]


def journal(told: Told) -> Path:
    """Return the one journal."""
    return told.root / journal_path(told.key, DAY)


def test_what_is_untouched_verifies(told: Told, pieces: list[Sealed]) -> None:
    """Footage as it was recorded has no findings, and what policy removed is none either."""
    steps: list[tuple[int, int]] = []
    result = verify({"disk": told.root}, progress=lambda done, total: steps.append((done, total)))
    assert (result.findings, result.files, result.lines) == ((), 3, 10)
    assert steps[-1][0] == steps[-1][1] == sum(piece.bytes for piece in pieces[1:])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("kind", "harm"),
    [("changed", _flip), ("cut-off", lambda path: path.write_bytes(path.read_bytes()[:-3])), ("removed", Path.unlink)],
)
def test_harm_to_a_file_shows(told: Told, pieces: list[Sealed], kind: str, harm: Callable[[Path], object]) -> None:
    """A file with another bit, a shorter file, and a file that is gone are told apart."""
    harm(told.root / pieces[2].file)
    assert found(told) == [("C3", kind)]


def test_a_changed_line_shows(told: Told, pieces: list[Sealed]) -> None:
    """A changed line breaks the chain once, where it was changed."""
    path = journal(told)
    path.write_bytes(path.read_bytes().replace(b'"video_samples":25', b'"video_samples":26', 1))
    assert found(told) == [("C1", "changed")]


def test_a_line_taken_out_shows(told: Told, pieces: list[Sealed]) -> None:
    """A line taken out of the middle breaks the chain, and its file stays behind unaccounted."""
    path = journal(told)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5] + lines[6:]))
    assert ("C1", "changed") in found(told)


def test_a_chain_spans_days(told: Told, pieces: list[Sealed]) -> None:
    """A journal of a whole day that is taken away breaks the chain of the next one."""
    for day in (1, 2):
        told.clock.advance(86_400)
        told.open()
        told.record(600, f"d{day}")
        told.die()
    assert found(told) == []
    (told.root / journal_path(told.key, "2026-09-22")).unlink()
    assert found(told) == [("C1", "changed")]


def test_lines_cut_off_the_end_show(told: Told, pieces: list[Sealed]) -> None:
    """Lines cut off the end leave a chain that is whole; the catalog's memory of its length does not."""
    path = journal(told)
    entries = list(read_journal(path))
    assert entries[-1].line is not None
    remembered = Read(entries[-1].offset_after, entries[-1].line.chain)
    assert found(told, remembered) == []
    path.write_bytes(path.read_bytes()[: entries[-3].offset_after])
    assert ("C2", "cut-off") in found(told, remembered)
    path.unlink()
    assert ("C2", "removed") in found(told, remembered)


def test_only_what_was_asked_for_is_read(told: Told, pieces: list[Sealed]) -> None:
    """A span and a camera narrow what is read."""
    third = pieces[2]
    result = verify({"disk": told.root}, from_us=third.start_us, to_us=third.end_us)
    assert result.files == 1
    assert verify({"disk": told.root}, camera="yard").files == 0
    assert verify({"disk": told.root}, camera="GATE").files == 3

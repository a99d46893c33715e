"""C083: what an export holds is all that is known of the span, and what is not there is listed."""

from pathlib import Path

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.errors import NotFound, UsageError
from holdfast.core.journal import Begun
from holdfast.core.kept import Deleted
from holdfast.core.manifest import PieceState, StreamPart, uncovered
from holdfast.library import kept
from holdfast.library.export_plan import Draft, draft
from holdfast.storage.volume import create_marker
from support.clock import PushedClock
from support.exports import Yard
from support.journals import Told


@pytest.fixture(name="yard")
def _yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def drafted(yard: Yard, **more: object) -> Draft:
    """Work one out now."""
    return draft(yard.volumes, yard.asked(**more), yard.clock.wall_us())


def only(made: Draft) -> StreamPart:
    """Return its one stream."""
    (stream,) = made.streams
    return stream


def test_a_span_is_pieces_and_gaps(yard: Yard) -> None:
    """Files that are there, one that policy removed, and the outage together cover the span."""
    stream = only(drafted(yard))
    states = [piece.state for piece in stream.pieces]
    assert states == [PieceState.REMOVED, *[PieceState.WHOLE] * 4]
    assert stream.pieces[0].why == "removed: reserve"
    assert [(gap.reason, gap.detail) for gap in stream.gaps] == [("unreachable", "it was unreachable")]
    assert uncovered(stream) == []
    assert [piece.sha256 for piece in stream.pieces] == [piece.sha256 for piece in yard.pieces]
    assert all(len(piece.chain) == 64 for piece in stream.pieces)


def test_only_what_touches_the_span_goes_in(yard: Yard) -> None:
    """Whole files that touch the span are taken, and no others."""
    second = yard.pieces[1]
    stream = only(drafted(yard, from_us=second.start_us + 1, to_us=second.end_us))
    assert [piece.source for piece in stream.pieces] == [f"main:{second.file}"]
    assert stream.gaps == ()


def test_a_file_that_is_gone_without_a_word_is_missing(yard: Yard) -> None:
    """What nobody removed and is not there is named as missing; its volume away, all of it is."""
    (yard.disk / yard.pieces[2].file).unlink()
    piece = only(drafted(yard)).pieces[2]
    assert (piece.state, piece.file) == (PieceState.MISSING, "")
    assert "nobody wrote that down" in piece.why


@pytest.mark.parametrize("one", [1, 2])
def test_what_policy_deleted_is_removed_with_its_reason(yard: Yard, one: int) -> None:
    """C083: a file that policy deleted, which only the kept journal says, is named with why; it is not called lost."""
    gone = yard.pieces[one]
    said = Deleted(file=gone.file, sha256=gone.sha256, bytes=gone.bytes, why="older than 7 days")
    create_marker(yard.disk, 0)
    kept.deleted(yard.volumes, [("main", said)], yard.clock.wall_us())
    (yard.disk / gone.file).unlink()
    stream = only(drafted(yard))
    piece = stream.pieces[one]
    assert (piece.state, piece.file, piece.why) == (PieceState.REMOVED, "", "removed: older than 7 days")
    assert uncovered(stream) == []
    with pytest.raises(NotFound, match="removed: older than 7 days"):
        drafted(yard, from_us=gone.start_us, to_us=gone.end_us, cut=True)


def test_before_the_first_word_nothing_is_known(yard: Yard) -> None:
    """Time before the first journal line is a gap of its own, not silence."""
    stream = only(drafted(yard, from_us=yard.began_us - 3_600_000_000))
    assert (stream.gaps[0].start_us, stream.gaps[0].reason) == (yard.began_us - 3_600_000_000, "unknown")
    assert uncovered(stream) == []


def test_the_future_is_left_out(yard: Yard) -> None:
    """A span that reaches beyond now ends now."""
    made = drafted(yard, to_us=yard.clock.wall_us() + 3_600_000_000)
    assert made.to_us == yard.clock.wall_us()
    assert only(made).to_us == made.to_us


def test_files_of_one_name_on_two_volumes_both_go_in(yard: Yard, tmp_path: Path) -> None:
    """A camera that was moved to another disk may have files of one name there."""
    clock = PushedClock(yard.began_us)
    other = Told(tmp_path / "second", clock)
    other.open()
    other.record(600)
    other.close()
    made = draft({**yard.volumes, "second": other.root}, yard.asked(), yard.clock.wall_us())
    names = [item.name for item in made.items]
    assert len(set(names)) == len(names)
    assert {journal.volume for journal in only(made).journals} == {"main", "second"}


def test_the_journal_comes_along(yard: Yard) -> None:
    """The lines from the first that concerns the span to the last are taken whole, chained to the one before."""
    fourth = yard.pieces[3]
    made = drafted(yard, from_us=fourth.start_us, to_us=fourth.end_us)
    (journal,) = only(made).journals
    item = next(item for item in made.items if item.name == journal.file)
    lines = b"".join(item.read()).splitlines()
    assert (len(lines), journal.breaks) == (journal.lines, ())
    assert fourth.file.encode() in lines[0] + lines[1]
    whole = (yard.disk / "footage/gate/main/2026-09-21.journal").read_bytes()
    assert b"\n".join(lines) in whole
    assert journal.previous.encode() in whole


def test_a_chain_that_is_broken_already_is_said(yard: Yard) -> None:
    """An export of a journal that somebody changed tells where, instead of failing its own check."""
    path = yard.disk / "footage/gate/main/2026-09-21.journal"
    path.write_bytes(path.read_bytes().replace(b'"video_samples":25', b'"video_samples":26', 1))
    (journal,) = only(drafted(yard)).journals
    assert journal.breaks == (2,)


def test_nothing_there_says_why(yard: Yard) -> None:
    """A span of which nothing is left, an unknown stream and spans without sense are refused in words."""
    first = yard.pieces[0]
    with pytest.raises(NotFound, match="removed: reserve"):
        drafted(yard, from_us=first.start_us, to_us=first.end_us)
    gap_us = yard.pieces[2].end_us
    with pytest.raises(NotFound, match="unreachable"):
        drafted(yard, from_us=gap_us + 1, to_us=gap_us + 1_000_000)
    with pytest.raises(NotFound, match="unknown: nothing is known about this time"):
        drafted(yard, from_us=yard.began_us - 2_000_000, to_us=yard.began_us - 1_000_000)
    with pytest.raises(NotFound, match="no footage of yard/main"):
        drafted(yard, streams=(StreamKey("yard", "main"),))
    for words in (
        {"format": "rar"}, {"streams": ()}, {"to_us": yard.began_us}, {"from_us": yard.clock.wall_us() + 1},
        {"format": "mp4", "streams": (StreamKey("gate", "main"), StreamKey("gate", "sub"))},
    ):  # fmt: skip
        with pytest.raises(UsageError):
            drafted(yard, **words)


def test_a_begun_file_of_which_nothing_is_known_is_passed_over(yard: Yard) -> None:
    """A file that was begun this moment has no length yet, and is no piece."""
    yard.told.open()
    yard.told.say(Begun(file="footage/gate/main/2026-09-21/x.mp4", run="r", start_us=yard.clock.wall_us(), why="cut"))
    assert len(only(drafted(yard)).pieces) == 5
    yard.told.die()

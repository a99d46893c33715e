import os
from functools import partial
from pathlib import Path

import pytest

from holdfast.core.errors import BadInput, NotFound
from holdfast.core.footage import PART
from holdfast.media.boxread import Fragment
from holdfast.media.footage import opened, read_fragments
from holdfast.media.index_of import FileIndex, Indexes, index_of
from holdfast.media.segment import SegmentFile
from support.clips import write_run
from support.media import WALL_US, Footage, end_of, fragments, head, wall_of, write_part


def _index(path: Path) -> FileIndex | None:
    with opened(path) as fd:
        return index_of(fd)


def _pieces(path: Path) -> list[Fragment]:
    return [piece for piece in read_fragments(path) if isinstance(piece, Fragment)]


@pytest.mark.parametrize("kind", ["h264", "hevc", "sound"])
def test_stored_index_says_what_the_fragments_say(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest, no_leaks: None
) -> None:
    """C095: the index at the front of a finished file and a walk through its fragments name the same pieces."""
    footage: Footage = request.getfixturevalue(kind)
    (path,) = write_run(tmp_path, footage, per_file=99)
    stored = _index(path)
    assert stored is not None
    keys = [piece for piece in _pieces(path) if piece.keyframe]
    assert list(stored.offsets) == [piece.offset for piece in keys]
    assert list(stored.walls_us) == pytest.approx([piece.wall_us for piece in keys], abs=100)
    assert stored.finished
    assert stored.bytes == path.stat().st_size
    assert stored.end == _pieces(path)[-1].offset + _pieces(path)[-1].bytes
    # Without its index, as after a power cut, the file is walked through, with the same result.
    with path.open("r+b") as file:
        file.seek(stored.head.reserved_at + 4)
        file.write(b"free")
    walked = _index(path)
    assert walked is not None
    assert (walked.offsets, walked.ticks, walked.end, walked.end_ticks) == (
        stored.offsets, stored.ticks, stored.end, stored.end_ticks,
    )  # fmt: skip


def test_growing_file_is_read_on(tmp_path: Path, h264: Footage) -> None:
    """F12: what was listed of a growing file stays as it was listed, until it is finished and afterwards."""
    indexes = Indexes()
    segment = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600)
    final = tmp_path / segment.file
    grown: list[FileIndex] = []
    for group in fragments(h264):
        segment.write(group, wall_of(h264, group))
        found = indexes.of("gate", partial(opened, final.with_name(final.name + PART)))
        assert found is not None
        assert found.bytes == segment.bytes
        if grown:
            before = grown[-1].offsets
            assert found.offsets[: len(before)] == before
        grown.append(found)
    assert not grown[-1].finished
    segment.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
    found = indexes.of("gate", partial(opened, final))
    assert found is not None
    assert found.finished
    assert found.offsets == grown[-1].offsets
    assert found.bytes == final.stat().st_size
    assert indexes.of("gate", partial(opened, final)) is found


def test_sound_before_the_first_picture_belongs_to_its_piece(tmp_path: Path, h264: Footage) -> None:
    """C002: where a file begins with late sound, the first piece holds it and is dated by the picture."""
    pictures = [s for s in h264.of(0) if s.dts_ticks >= h264.of(0)[50].dts_ticks]
    sound = h264.of(1)
    segment = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600, after_ticks=[None, sound[0].dts_ticks])
    segment.write(sound[:10], WALL_US)
    segment.write(pictures[:25], WALL_US + 2_000_000)
    segment.write(pictures[25:], WALL_US + 3_000_000)
    part = tmp_path / (segment.file + PART)
    walked = _index(part)
    segment.seal(start_us=WALL_US + 2_000_000, end_us=WALL_US + 4_000_000, ended="cut")
    stored = _index(tmp_path / segment.file)
    assert walked is not None
    assert stored is not None
    assert len(walked.offsets) == 2
    assert walked.offsets == stored.offsets
    assert walked.ticks == stored.ticks
    assert walked.offsets[0] == walked.head.fragments_at


def test_forgets_what_was_not_asked_for(tmp_path: Path, h264: Footage) -> None:
    """Only so many files are remembered; one that was forgotten is read again."""
    files = write_run(tmp_path, h264, per_file=1)
    indexes = Indexes(most=2)
    for path in (*files, *files):
        found = indexes.of(path.name, partial(opened, path))
        assert found is not None
        assert len(indexes._known) <= 2
    indexes.most = 1
    indexes.of("again", partial(opened, files[0]))
    assert len(indexes._known) == 1


def test_damage_is_named(tmp_path: Path, h264: Footage, no_leaks: None) -> None:
    """A foreign file, an empty one and one that is gone are told apart."""
    with pytest.raises(NotFound):
        Indexes().of("x", partial(opened, tmp_path / "absent"))
    foreign = tmp_path / "foreign"
    foreign.write_bytes(os.urandom(100_000))
    with pytest.raises(BadInput):
        Indexes().of("x", partial(opened, foreign))
    foreign.write_bytes(b"")
    assert Indexes().of("x", partial(opened, foreign)) is None
    cut = write_part(tmp_path, h264, run="run-2")
    cut.abandon()
    part = tmp_path / (cut.file + PART)
    with part.open("r+b") as file:
        file.truncate(part.stat().st_size - 7)
    index = _index(part)
    assert index is not None
    assert not index.finished
    assert index.bytes == _pieces(part)[-1].offset + _pieces(part)[-1].bytes

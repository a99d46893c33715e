"""Single pictures out of recorded files, judged by the number that each of them shows."""

import random
from pathlib import Path

import av
import numpy as np
import pytest

from holdfast.core.errors import BadInput
from holdfast.media.footage import opened
from holdfast.media.index_of import FileIndex, index_of
from holdfast.media.still import MOST_GROUP_SAMPLES, Form, Sheet, packed, shot_at
from holdfast.media.synthetic_picture import read_counter
from support.clips import write_run
from support.media import WALL_US, Footage, encode, write_part
from support.pictures import Recorded, frames_of, number_in, recorded, size_of
from support.recording import footage_files


def _index(fd: int) -> FileIndex:
    index = index_of(fd)
    assert index is not None
    return index


@pytest.fixture(scope="module", name="tree", params=["h264", "h265"])
def _tree(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Recorded:
    return recorded(tmp_path_factory.mktemp(request.param), request.param, seconds=3)


def test_picture_is_the_one_that_was_recorded_at_that_instant(tree: Recorded, no_leaks: None) -> None:
    """C010: at any instant of a file the number in the picture is the one that was recorded then."""
    chooser = random.Random(7)
    pictures = tree.pictures
    path = footage_files(tree.plan)[1]
    with opened(path) as fd:
        index = _index(fd)
        begin, end = index.walls_us[0], index.walls_us[-1] + 900_000
        inside = [at for at, _ in pictures if begin <= at < end]
        for at_us in [*chooser.sample(inside, 8), *(chooser.randrange(inside[0], inside[-1]) for _ in range(4))]:
            shot = shot_at(fd, index, at_us)
            assert number_in(packed(shot).body) == tree.number_at(at_us)
            assert shot.at_us == max(at for at, _ in pictures if at <= at_us)
            key = shot_at(fd, index, at_us, exact=False)
            assert key.at_us <= at_us
            assert key.at_us in [pytest.approx(wall, abs=1000) for wall in index.walls_us]
        newest = shot_at(fd, index, None)
        assert newest.at_us == pytest.approx(index.walls_us[-1], abs=1000)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_picture_out_of_order_is_found_by_when_it_is_shown(
    tmp_path: Path, codec: str, request: pytest.FixtureRequest
) -> None:
    """With B-frames, too, the picture of an instant is the one shown then, byte for byte as libav's reader decodes."""
    footage: Footage = request.getfixturevalue(codec)
    (path,) = write_run(tmp_path, footage, per_file=99)
    with av.open(str(path)) as media:
        frames = [frame.to_ndarray(format="gray") for frame in media.decode(video=0)]
    with opened(path) as fd:
        index = _index(fd)
        for number in (0, 1, 2, 24, 25, 26, 61, 99):
            shot = shot_at(fd, index, WALL_US + number * 40_000 + 100)
            assert np.array_equal(shot.frame.to_ndarray(format="gray"), frames[number])


def test_picture_is_scaled_down_and_never_up(tree: Recorded) -> None:
    """C015: a width makes a picture smaller, keeps its aspect, and what is asked for beyond the true size is that."""
    with opened(footage_files(tree.plan)[0]) as fd:
        shot = shot_at(fd, _index(fd), None)
    small, large, web = packed(shot, width=160), packed(shot, width=4000), packed(shot, form=Form.WEBP)
    assert (size_of(small.body), size_of(large.body)) == ((160, 120), (320, 240))
    assert (small.source_width, small.source_height) == (320, 240)
    assert web.body.startswith(b"RIFF")
    assert number_in(web.body) == number_in(small.body) == number_in(large.body)


def test_file_that_grows_is_read_as_far_as_it_is_whole(tmp_path: Path, h264: Footage) -> None:
    """The newest picture of a file that is being written is its newest keyframe; a later instant shows the last one."""
    part = tmp_path / f"{write_part(tmp_path, h264).file}.part"
    with opened(part) as fd:
        index = _index(fd)
        assert shot_at(fd, index, None).at_us == index.walls_us[-1]
        assert shot_at(fd, index, WALL_US + 60_000_000).at_us > index.walls_us[-1]
        assert shot_at(fd, index, WALL_US - 60_000_000).at_us == index.walls_us[0]


@pytest.mark.parametrize("seed", range(3))
def test_damage_is_an_error_of_ours_or_another_picture(tmp_path: Path, h264: Footage, seed: int) -> None:
    """Overwritten payload gives a picture or `BadInput`, never an error of libav and never a hang."""
    path = write_run(tmp_path, h264)[0]
    whole = bytearray(path.read_bytes())
    chooser = random.Random(seed)
    with opened(path) as fd:
        index = _index(fd)
    for _ in range(40):
        at = chooser.randrange(index.offsets[0], len(whole) - 200)
        whole[at : at + 60] = chooser.randbytes(60)
    path.write_bytes(whole)
    outcomes = set()
    with opened(path) as fd:
        for step in range(12):
            try:
                outcomes.add(shot_at(fd, index, WALL_US + step * 150_000).width)
            except BadInput:
                outcomes.add(0)
    assert outcomes <= {0, 160}


def test_file_without_pictures_says_so(tmp_path: Path) -> None:
    """A recording of sound alone has no still, in words."""
    path = write_run(tmp_path, encode("", seconds=2))[0]
    with opened(path) as fd, pytest.raises(BadInput, match="no pictures"):
        shot_at(fd, _index(fd), None)


def test_long_group_is_not_decoded_without_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a group of pictures beyond every measure the picture is the last one within the limit."""
    assert MOST_GROUP_SAMPLES >= 60 * 25
    monkeypatch.setattr("holdfast.media.still.MOST_GROUP_SAMPLES", 20)
    path = write_run(tmp_path, encode(seconds=4, gop=100, b_frames=0, audio=False))[0]
    with opened(path) as fd:
        shot = shot_at(fd, _index(fd), WALL_US + 3_900_000)
    assert WALL_US + 600_000 < shot.at_us <= WALL_US + 21 * 40_000


def test_sheet_shows_each_picture_in_its_place(tree: Recorded) -> None:
    """A sheet is one JPEG; each tile holds its own picture, and a tile without one stays dark."""
    with opened(footage_files(tree.plan)[1]) as fd:
        index = _index(fd)
        shots = [shot_at(fd, index, wall, exact=False) for wall in index.walls_us[:2]]
    sheet = Sheet(5, (320, 240), 3)
    sheet.place(0, shots[0])
    sheet.place(4, shots[1])
    (frame,) = frames_of(sheet.packed())
    pixels = frame.to_ndarray(format="gray")
    assert pixels.shape == (480, 960)
    for shot, row, column in ((shots[0], 0, 0), (shots[1], 1, 1)):
        tile = pixels[row * 240 : row * 240 + 240, column * 320 : column * 320 + 320]
        assert read_counter(tile) == tree.number_at(shot.at_us)
    assert pixels[:240, 320:].max() < 60

"""Streams in other sizes: what comes out of a transcoder, at which times, and how it looks to a player."""

import io
from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.core.camera import Kind
from holdfast.core.errors import BadInput, Unsupported
from holdfast.media.boxread import read_head
from holdfast.media.decode import codings, fitted
from holdfast.media.footage import opened, samples_of
from holdfast.media.tier import PRESETS, TIMESCALE, Coded, Transcoder
from support.clips import write_run
from support.media import WALL_US, Footage, encode


def _converted(path: Path, tier: str, *, skip: int = 0, hurry: bool = False) -> tuple[Transcoder, list[Coded]]:
    with opened(path) as fd:
        head = read_head(fd)
        assert head is not None
        coding = codings(head, io.FileIO(fd, closefd=False).read(head.init_bytes))
    transcoder = Transcoder(PRESETS[tier], coding)
    transcoder.hurry(hurry)
    out: list[Coded] = []
    count = 0
    for sample in samples_of(path):
        of, ticks = sample.sample, sample.sample.pts_ticks * 1_000_000 // head.tracks[sample.track].timescale
        if head.tracks[sample.track].kind is Kind.AUDIO:
            out += transcoder.sound(sample.payload, of.dts_ticks, of.duration_ticks, WALL_US + ticks)
        else:
            count += 1
            late = bool(skip) and count % skip == 0
            times = (of.pts_ticks, of.dts_ticks)
            out += transcoder.picture(sample.payload, times, WALL_US + ticks, key=of.keyframe, skip=late)
    return transcoder, out + transcoder.flush()


def _pictures(out: list[Coded]) -> list[Coded]:
    return [coded for coded in out if coded.sample.track == 0]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_every_picture_comes_out_once_at_its_time(
    tmp_path: Path, codec: str, request: pytest.FixtureRequest, no_leaks: None
) -> None:
    """C022: pictures come out in the order of presentation, each at its own time, a keyframe every two seconds."""
    footage: Footage = request.getfixturevalue(codec)
    (path,) = write_run(tmp_path, footage, per_file=99)
    transcoder, out = _converted(path, "sd")
    pictures = _pictures(out)
    assert len(pictures) == len(footage.of(0))
    assert [later.wall_us - earlier.wall_us for earlier, later in pairwise(pictures)] == [40_000] * 99
    assert {coded.sample.duration_ticks for coded in pictures} == {TIMESCALE // 25}
    assert [n for n, coded in enumerate(pictures) if coded.sample.keyframe] == [0, 50]
    video, sound = transcoder.tracks
    assert (video.codec, video.profile, video.width, video.height) == ("h264", "Main", 160, 96)
    assert (sound.codec, sound.sample_rate) == ("aac", 16000)
    assert [c.sample.payload for c in out if c.sample.track == 1] == [s.payload for s in footage.of(1)]


def test_hls_preset_is_baseline_with_64_kbit_of_sound(tmp_path: Path, h264: Footage) -> None:
    """C021: the list's preset is H.264 baseline, and its sound is encoded anew, as long as before."""
    (path,) = write_run(tmp_path, h264, per_file=99)
    transcoder, out = _converted(path, "hls")
    assert transcoder.tracks[0].profile in {"Baseline", "Constrained Baseline"}
    sound = [coded for coded in out if coded.sample.track == 1]
    assert abs(len(sound) - len(h264.of(1))) <= 2
    assert {later.sample.dts_ticks - earlier.sample.dts_ticks for earlier, later in pairwise(sound)} == {1024}
    assert [c.sample.payload for c in sound] != [s.payload for s in h264.of(1)]


def test_low_tier_halves_the_pictures(tmp_path: Path, h264: Footage) -> None:
    """C022: the lowest tier shows at most fifteen pictures a second."""
    (path,) = write_run(tmp_path, h264, per_file=99)
    _, out = _converted(path, "low")
    assert len(_pictures(out)) == 50


def test_what_is_skipped_is_counted_and_keeps_its_place(tmp_path: Path, h264: Footage) -> None:
    """A slow machine leaves pictures out: the others keep their times, and the number of those left out is known."""
    (path,) = write_run(tmp_path, h264, per_file=99)
    transcoder, out = _converted(path, "sd", skip=2)
    pictures = _pictures(out)
    assert 40 <= len(pictures) <= 60
    assert transcoder.left_out == 100 - len(pictures)
    steps = [later.sample.dts_ticks - earlier.sample.dts_ticks for earlier, later in pairwise(pictures)]
    assert [coded.sample.duration_ticks for coded in pictures[:-1]] == steps
    _, keys = _converted(path, "sd", hurry=True)
    assert len(_pictures(keys)) == 4


def test_size_fits_and_never_grows() -> None:
    """C022: aspect is kept, sizes are even, and nothing is scaled up."""
    assert fitted(1920, 1080, 1280, 720) == (1280, 720)
    assert fitted(2560, 1920, 1280, 720) == (960, 720)
    assert fitted(1080, 1920, 640, 360) == (202, 360)
    assert fitted(320, 240, 1280, 720) == (320, 240)
    assert fitted(5000, 10, 640, 360) == (640, 2)
    with pytest.raises(BadInput):
        fitted(0, 10, 640, 360)


def test_sound_alone_has_no_tier(tmp_path: Path) -> None:
    """A stream without pictures cannot be converted, and that is said before anything is written."""
    (path,) = write_run(tmp_path, encode("", seconds=1), per_file=99)
    with pytest.raises(Unsupported, match="no pictures"):
        _converted(path, "sd")

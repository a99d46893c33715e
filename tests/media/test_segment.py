import hashlib
import os
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.core.camera import Kind, Sample, StreamKey
from holdfast.core.errors import BadInput, DiskError, DiskFull, Unsupported, VolumeMissing
from holdfast.core.footage import PART, segment_path
from holdfast.media.footage import samples_of
from holdfast.media.recover import describe
from holdfast.media.segment import SegmentFile
from support.media import GATE, WALL_US, Footage, encode, end_of, fragments, head, wall_of, write_part
from support.probe import probe
from support.small_disk import fill, small_disk


def _md5(samples: list[Sample]) -> list[str]:
    return ["MD5:" + hashlib.md5(s.payload, usedforsecurity=False).hexdigest() for s in samples]


def _seal(segment: SegmentFile, footage: Footage, ended: str = "cut") -> Path:
    event = segment.seal(start_us=WALL_US, end_us=end_of(footage), ended=ended)
    return Path(event.file)


@pytest.mark.needs("ffprobe")
@pytest.mark.parametrize("name", ["h264", "hevc", "sound"])
def test_what_goes_in_comes_out(tmp_path: Path, request: pytest.FixtureRequest, name: str) -> None:
    """R10: every payload, decode time, presentation time and keyframe mark that ffprobe reads is the one written."""
    footage: Footage = request.getfixturevalue(name)
    segment = write_part(tmp_path, footage)
    seen = probe(tmp_path / _seal(segment, footage))
    assert seen.complaints == ""
    lowest = min(s.dts_ticks / footage.tracks[s.track].timescale for s in footage.samples)
    for number, track in enumerate(footage.tracks):
        sent, got = footage.of(number), seen.of(track.kind.value)
        assert [p["data_hash"] for p in got] == _md5(sent)
        assert ["K" in p["flags"] for p in got] == [s.keyframe for s in sent]
        offset = round(lowest * track.timescale)
        assert [(p["dts"], p["pts"]) for p in got] == [(s.dts_ticks - offset, s.pts_ticks - offset) for s in sent]
        if track.kind is Kind.VIDEO:
            assert seen.frames("video") == len(sent)
    starts = min(float(p["dts_time"]) for p in seen.packets)
    assert starts == 0.0


@pytest.mark.needs("ffprobe")
def test_length_is_known_from_the_index(tmp_path: Path, h264: Footage) -> None:
    """A player learns the length from the index at the front, without reading the fragments."""
    path = tmp_path / _seal(write_part(tmp_path, h264), h264)
    seen = probe(path)
    (video,) = [s for s in seen.streams if s["codec_type"] == "video"]
    assert float(video["duration"]) - float(video["start_time"]) == pytest.approx(4.0, abs=0.05)
    assert float(seen.format["duration"]) == pytest.approx(4.1, abs=0.15)


@pytest.mark.needs("ffprobe")
@pytest.mark.parametrize("at_s", [0.1, 1.5, 2.0, 3.9])
def test_seeking_lands_on_the_keyframe_before(tmp_path: Path, h264: Footage, at_s: float) -> None:
    """Seeking finds the keyframe at or before the wanted time, though fragments begin between keyframes, too."""
    path = tmp_path / _seal(write_part(tmp_path, h264), h264)
    argv = ["ffprobe", "-v", "error", "-select_streams", "v", "-read_intervals", f"{at_s + 0.08}%+#1",
            "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", str(path)]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    time_s, flags = done.stdout.split()[0].split(",")[:2]
    assert flags.startswith("K")
    assert float(time_s) == pytest.approx(int(at_s) + 0.08, abs=0.001)


def test_event_describes_the_file(tmp_path: Path, h264: Footage) -> None:
    """The journal line carries size, hash and counts of the file as it lies there; the file says the same itself."""
    segment = write_part(tmp_path, h264)
    size = segment.bytes
    event = segment.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
    path = tmp_path / event.file
    assert event.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert event.bytes == path.stat().st_size > size
    assert (event.video_samples, event.audio_samples) == (len(h264.of(0)), len(h264.of(1)))
    assert event.media_bytes == sum(len(s.payload) for s in h264.samples)
    assert (event.run, event.began, event.start_boot_us) == ("run-1", "opened", 7_000_000)
    assert [t["codec"] for t in event.tracks] == ["h264", "aac"]
    assert describe(path, boot="boot-1") == event


def test_final_name_appears_only_when_finished(tmp_path: Path, h264: Footage) -> None:
    """C005, F12: until it is sealed, a file carries `.part`; somebody who watches never sees a partial one."""
    segment = write_part(tmp_path, h264)
    final = tmp_path / segment.file
    sizes: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            if final.exists():
                sizes.append(final.stat().st_size)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        assert final.with_name(final.name + PART).exists()
        event = segment.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
        while not sizes:
            done.wait(0.001)
    finally:
        done.set()
        watcher.join()
    assert set(sizes) == {event.bytes}
    assert [p.name for p in final.parent.iterdir()] == [final.name]


def test_names_follow_the_layout(tmp_path: Path, h264: Footage) -> None:
    """C004: camera, stream, UTC day, and the first picture's time to the second."""
    segment = write_part(tmp_path, h264, start_us=1_767_225_599_900_000)
    segment.abandon()
    assert segment.file == "footage/gate/main/2025-12-31/gate_20251231T235959Z.mp4"


def test_names_never_collide(tmp_path: Path, h264: Footage) -> None:
    """F14: three cameras in one second, the repeated hour of autumn, and one second three times: each its own file."""
    autumn_us = 1_792_890_000_000_000  # 2026-10-25T01:00:00Z: the hour that Berlin's clocks show twice
    files: list[str] = []
    for key in (StreamKey("a", "main"), StreamKey("b", "main"), StreamKey("c", "main"), StreamKey("c", "sub")):
        for start_us in (autumn_us - 3_600_000_000, autumn_us, autumn_us, autumn_us + 999_999):
            segment = SegmentFile.create(tmp_path, head(key, start_us=start_us), h264.tracks, segment_s=600)
            segment.write(fragments(h264)[0], start_us)
            if len(files) % 2:
                segment.seal(start_us=start_us, end_us=start_us + 1, ended="cut")
            else:
                segment.abandon()
            files.append(segment.file)
    assert len(set(files)) == 16
    found = sorted(p.relative_to(tmp_path).as_posix().removesuffix(PART) for p in tmp_path.glob("footage/*/*/*/*"))
    assert found == sorted(files)


def test_taken_final_name_is_never_overwritten(tmp_path: Path, h264: Footage) -> None:
    """C004: a file that appears under the final name meanwhile is kept; the segment waits for recovery."""
    segment = write_part(tmp_path, h264)
    (tmp_path / segment.file).write_text("mine")
    with pytest.raises(DiskError, match="exists already"):
        segment.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
    segment.abandon()
    assert (tmp_path / segment.file).read_text() == "mine"


@pytest.mark.needs("mount", "ffprobe")
def test_full_disk_leaves_a_playable_file_and_a_usable_writer(tmp_path: Path) -> None:
    """R6: a fragment that does not fit is no loss of those before; with room again, the same file goes on."""
    footage = encode("h264", seconds=3, audio=False)
    groups = fragments(footage, length_s=0.2)
    with small_disk(tmp_path / "disk", size_bytes=4 << 20) as disk:
        segment = SegmentFile.create(disk, head(), footage.tracks, segment_s=600)
        for group in groups[:4]:
            segment.write(group, wall_of(footage, group))
        ballast = fill(disk, leave_bytes=8192)
        failed = 0
        size = segment.bytes
        part = disk / (segment.file + PART)
        big = [replace(s, payload=s.payload * 50) for s in groups[4]]
        for _ in range(3):
            with pytest.raises(DiskFull):
                segment.write(big, wall_of(footage, groups[4]))
            failed += 1
        assert part.stat().st_size == size == segment.bytes
        assert probe(part).frames("video") == sum(map(len, groups[:4]))
        ballast.unlink()
        for group in groups[4:]:
            segment.write(group, wall_of(footage, group))
        path = disk / _seal(segment, footage)
        seen = probe(path)
    assert failed == 3
    assert seen.complaints == ""
    assert [p["data_hash"] for p in seen.packets] == _md5(list(footage.samples))


@pytest.mark.needs("mount", "ffprobe")
def test_seal_on_a_full_disk_can_be_tried_again(tmp_path: Path, h264: Footage) -> None:
    """A seal that finds no room for its end box leaves the fragments as they were, and works once there is room."""
    with small_disk(tmp_path / "disk", size_bytes=4 << 20) as disk:
        segment = write_part(disk, h264)
        # Up to the end of a page, so that the end box needs a new one.
        last = h264.of(1)[-1]
        padding = -(segment.bytes + 136) % 4096  # the boxes of a fragment with one block of sound take 136 bytes
        segment.write([replace(last, payload=bytes(padding))], end_of(h264))
        assert segment.bytes % 4096 == 0
        ballast = fill(disk, leave_bytes=0)
        with pytest.raises(DiskFull):
            segment.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
        assert (disk / (segment.file + PART)).stat().st_size == segment.bytes
        ballast.unlink()
        event = segment.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
        assert probe(disk / event.file).frames("video") == len(h264.of(0))
        assert describe(disk / event.file, boot="boot-1") == event


@pytest.mark.parametrize("step", ["fdatasync", "fsync", "rename"])
def test_seal_that_fails_anywhere_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, h264: Footage, step: str
) -> None:
    """Whichever step the disk refuses, the second attempt gives the same file as an undisturbed one."""
    segment = write_part(tmp_path, h264)
    real = os.fsync
    calls = 0

    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    def refuse_folder(fd: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:  # the first one is the file, the second one its folder, after the rename
            refuse()
        real(fd)

    with monkeypatch.context() as broken:
        if step == "rename":
            broken.setattr(os, "fsync", refuse_folder)
        else:
            broken.setattr(os, step, refuse)
        with pytest.raises(DiskError):
            segment.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
    event = segment.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
    assert describe(tmp_path / event.file, boot="boot-1") == event
    assert len(list((tmp_path / event.file).parent.iterdir())) == 1


def test_sound_older_than_the_file_is_dropped_and_counted(tmp_path: Path, h264: Footage) -> None:
    """Late sound from before the first picture has no place in an unsigned time; it is counted, not hidden."""
    first, second = fragments(h264)[:2]
    segment = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600)
    segment.write(first, WALL_US)
    old = replace(h264.of(1)[0], dts_ticks=-90_000, pts_ticks=-90_000)
    assert segment.write([old], WALL_US) == 0
    assert segment.write([old, *second], wall_of(h264, second)) > 0
    assert segment.dropped_samples == 2
    event = segment.seal(start_us=WALL_US, end_us=WALL_US + 1_000_000, ended="cut")
    assert event.audio_samples == sum(1 for s in [*first, *second] if s.track == 1)


def test_far_older_sound_does_not_shift_the_picture(tmp_path: Path, h264: Footage) -> None:
    """Sound whose clock is off by minutes is dropped, instead of starting the picture minutes into the file."""
    first = fragments(h264)[0]
    old = [replace(s, dts_ticks=s.dts_ticks - 960_000, pts_ticks=s.pts_ticks - 960_000) for s in first if s.track]
    segment = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600)
    segment.write([s for s in first if s.track == 0] + old, WALL_US)
    assert segment.dropped_samples == len(old) > 0
    segment.abandon()


@pytest.mark.needs("ffprobe")
@pytest.mark.parametrize("lag_s", [0.3, 0.9, 2.9])
def test_sound_that_comes_late_goes_on_in_the_next_file(tmp_path: Path, h264: Footage, lag_s: float) -> None:
    """C002: sound that belongs before a cut and comes after it is kept, in step, whichever fragment brings it."""
    pictures, sounds = h264.of(0), h264.of(1)
    scale, rate = (track.timescale for track in h264.tracks)
    cut = next(n for n, s in enumerate(pictures) if s.keyframe and n > 60)
    in_time = [s for s in sounds if s.dts_ticks / rate < pictures[cut].dts_ticks / scale - lag_s]
    late = sounds[len(in_time) :]
    first = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600)
    first.write([*pictures[:cut], *in_time], WALL_US)
    first.seal(start_us=WALL_US, end_us=WALL_US + 3_000_000, ended="cut")
    second = SegmentFile.create(
        tmp_path, head(start_us=WALL_US + 3_000_000), h264.tracks, segment_s=600, after_ticks=first.reached_ticks
    )
    second.write(pictures[cut : cut + 6], WALL_US + 3_000_000)
    second.write([*pictures[cut + 6 :], *late], WALL_US + 3_240_000)
    event = second.seal(start_us=WALL_US + 3_000_000, end_us=WALL_US + 4_000_000, ended="cut")
    assert (event.audio_samples, event.dropped_samples) == (len(late), 0)
    seen = probe(tmp_path / event.file)
    assert seen.complaints == ""
    assert [p["data_hash"] for p in seen.of("audio")] == _md5(late)
    sound_s = float(seen.of("audio")[0]["pts_time"])
    picture_s = min(float(p["pts_time"]) for p in seen.of("video"))
    shown = min(s.pts_ticks for s in pictures[cut:])
    assert picture_s - sound_s == pytest.approx(shown / scale - late[0].pts_ticks / rate, abs=0.001)
    assert 0 <= sound_s < 0.1, "only the room of one block of sound is left unused"


def test_sound_that_stopped_long_ago_leaves_no_room(tmp_path: Path, h264: Footage) -> None:
    """A track that was silent for long does not put seconds of nothing before the picture of the next file."""
    first = fragments(h264)[0]
    shift = [100 * track.timescale for track in h264.tracks]
    later = [
        replace(s, dts_ticks=s.dts_ticks + shift[0], pts_ticks=s.pts_ticks + shift[0]) for s in first if not s.track
    ]
    reached = [first[0].dts_ticks, first[-1].dts_ticks]
    segment = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600, after_ticks=reached)
    segment.write(later, WALL_US)
    segment.seal(start_us=WALL_US, end_us=WALL_US + 500_000, ended="cut")
    assert next(samples_of(tmp_path / segment.file)).sample.dts_ticks == 0


def test_decode_times_that_go_back_are_held(tmp_path: Path, h264: Footage) -> None:
    """A source that breaks its promise and steps back in decode time cannot break the file."""
    group = [s for s in fragments(h264)[0] if s.track == 0]
    group[3] = replace(group[3], dts_ticks=group[1].dts_ticks)
    segment = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600)
    segment.write(group, WALL_US)
    segment.seal(start_us=WALL_US, end_us=WALL_US + 500_000, ended="cut")
    times = [payload.sample.dts_ticks for payload in samples_of(tmp_path / segment.file)]
    assert len(times) == len(group)
    assert times == sorted(times)


def test_times_that_do_not_fit_are_refused(tmp_path: Path, h264: Footage) -> None:
    """A presentation time hours from its decode time is refused; the file takes the next fragment."""
    first, second = fragments(h264)[:2]
    segment = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600)
    segment.write(first, WALL_US)
    size = segment.bytes
    with pytest.raises(BadInput):
        segment.write([replace(second[0], pts_ticks=second[0].dts_ticks + (1 << 40))], WALL_US)
    assert segment.bytes == size
    segment.write(second, wall_of(h264, second))
    segment.abandon()


def test_empty_file_is_discarded_and_footage_is_not(tmp_path: Path, h264: Footage) -> None:
    """A file that nothing was written to leaves no trace; one with footage is never thrown away."""
    segment = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600)
    with pytest.raises(BadInput):
        segment.seal(start_us=WALL_US, end_us=WALL_US, ended="cut")
    segment.discard()
    assert list(tmp_path.glob("footage/*/*/*/*")) == []
    segment = write_part(tmp_path, h264)
    with pytest.raises(BadInput):
        segment.discard()
    segment.abandon()
    assert len(list(tmp_path.glob("footage/*/*/*/*"))) == 1


def test_unsupported_codec_leaves_no_file(tmp_path: Path, h264: Footage) -> None:
    """A codec that cannot be stored is refused before a file exists."""
    with pytest.raises(Unsupported):
        SegmentFile.create(tmp_path, head(), [replace(h264.tracks[0], codec="vp9")], segment_s=600)
    assert list(tmp_path.iterdir()) == []


def test_absent_volume_is_not_made(tmp_path: Path, h264: Footage) -> None:
    """An unmounted disk is not replaced by a folder."""
    with pytest.raises(VolumeMissing):
        SegmentFile.create(tmp_path / "absent", head(), h264.tracks, segment_s=600)
    assert list(tmp_path.iterdir()) == []


def test_files_leave_no_descriptor(tmp_path: Path, no_leaks: None, h264: Footage) -> None:
    """Sealed, abandoned and discarded files all give back their descriptors."""
    for number in range(17):
        segment = write_part(tmp_path, h264, start_us=WALL_US + number)
        segment.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
        segment = write_part(tmp_path, h264, start_us=WALL_US + number)
        segment.abandon()
        SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600).discard()
    assert segment.file != str(segment_path(GATE, WALL_US))


@pytest.mark.needs("ffprobe")
def test_other_users_cannot_read_footage(tmp_path: Path, h264: Footage) -> None:
    """F63: the group may read footage, others may not, whatever the umask allows."""
    old = os.umask(0)
    try:
        path = tmp_path / _seal(write_part(tmp_path, h264), h264)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.parent.stat().st_mode & 0o777 == 0o750

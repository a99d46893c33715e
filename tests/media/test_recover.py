import hashlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from holdfast.core.errors import BadInput, NotFound
from holdfast.core.footage import PART
from holdfast.core.journal import Begun, Emptied, Removed, Sealed
from holdfast.media.boxread import Ended, Fragment
from holdfast.media.footage import read_fragments, samples_of
from holdfast.media.recover import DAMAGED, MOST_LENGTH_US, describe, leftovers, recover, recover_stream
from holdfast.media.segment import SegmentFile
from holdfast.storage.journal import JournalWriter
from support.clock import PushedClock
from support.media import GATE, WALL_US, Footage, encode, end_of, fragments, head, wall_of, write_part
from support.probe import probe
from support.ram import in_memory, room, shm

QUICK = settings(deadline=None, max_examples=12)
MANY = settings(deadline=None, max_examples=80)


def _part(root: Path, footage: Footage) -> tuple[Path, bytes]:
    """Leave an interrupted file; return its path and its bytes."""
    segment = write_part(root, footage)
    segment.abandon()
    part = root / (segment.file + PART)
    return part, part.read_bytes()


def _whole_until(part: Path, size: int) -> list[Fragment]:
    found = [f for f in read_fragments(part) if isinstance(f, Fragment)]
    return [f for f in found if f.offset + f.bytes <= size]


def _recover(root: Path) -> list[Sealed | Emptied | Removed]:
    return list(recover_stream(root, GATE, skip=None))


def _clean(root: Path) -> None:
    for path in root.glob("footage/*/*/*/*"):
        path.unlink()


@pytest.mark.needs("ffprobe")
@pytest.mark.parametrize("name", ["h264", "hevc", "sound"])
def test_killed_at_any_byte(tmp_path: Path, request: pytest.FixtureRequest, name: str) -> None:
    """F10, F11, C003: cut at any byte, a file plays to its end and has lost no more than the fragment it was in."""
    footage: Footage = request.getfixturevalue(name)

    @QUICK
    @example(share=0.43, zeros=70_144)  # inside the first fragment, which then looks whole by its boxes
    @given(share=st.floats(min_value=0.0, max_value=1.0), zeros=st.sampled_from([0, 512, 4096, 70_144]))
    def cut(share: float, zeros: int) -> None:
        _clean(tmp_path)
        part, data = _part(tmp_path, footage)
        size = round(share * len(data))
        if zeros:
            size -= size % 512  # a disk loses whole sectors
        whole = _whole_until(part, size)
        part.write_bytes(data[:size] + bytes(zeros))
        (event,) = _recover(tmp_path)
        if not whole:
            assert isinstance(event, Emptied)
            assert list(tmp_path.glob("footage/*/*/*/*.mp4")) == []
            return
        assert isinstance(event, Sealed)
        assert (event.recovered, event.ended, event.start_us) == (True, "recovered", WALL_US)
        assert event.video_samples + event.audio_samples == sum(len(s) for f in whole for s in f.slices)
        seen = probe(tmp_path / event.file)
        assert seen.complaints == ""
        assert seen.frames("video") if footage is not request.getfixturevalue("sound") else True
        assert len(seen.packets) == event.video_samples + event.audio_samples
        assert describe(tmp_path / event.file) == event

    cut()


def test_garbage_anywhere_is_survived(tmp_path: Path, h264: Footage) -> None:
    """F11: whatever is overwritten wherever, recovery ends, keeps what lies before, and never loses the file."""

    @MANY
    @given(share=st.floats(min_value=0.0, max_value=0.999), garbage=st.binary(min_size=1, max_size=64))
    def overwrite(share: float, garbage: bytes) -> None:
        _clean(tmp_path)
        part, data = _part(tmp_path, h264)
        at = int(share * len(data))
        before = _whole_until(part, at)
        part.write_bytes(data[:at] + garbage + data[at + len(garbage) :])
        (event,) = _recover(tmp_path)
        if isinstance(event, Sealed):
            assert event.video_samples + event.audio_samples >= sum(len(s) for f in before for s in f.slices)
            assert describe(tmp_path / event.file) == event
            assert WALL_US <= event.end_us <= WALL_US + 25 * 3_600_000_000
        else:
            assert before == []
            assert len(list(tmp_path.glob(f"footage/*/*/*/*{DAMAGED}"))) == 1
        assert list(tmp_path.glob(f"footage/*/*/*/*{PART}")) == []

    overwrite()


def test_garbage_behind_the_last_fragment_is_cut_off(tmp_path: Path, h264: Footage) -> None:
    """Whatever a power cut leaves behind the last whole fragment, all fragments before it stay."""

    @MANY
    @given(garbage=st.binary(min_size=1, max_size=5000))
    def append(garbage: bytes) -> None:
        _clean(tmp_path)
        part, data = _part(tmp_path, h264)
        part.write_bytes(data + garbage)
        (event,) = _recover(tmp_path)
        assert isinstance(event, Sealed)
        assert (event.video_samples, event.audio_samples) == (len(h264.of(0)), len(h264.of(1)))
        assert event.end_us == end_of(h264)

    append()


def test_pages_that_never_reached_the_disk_are_noticed(tmp_path: Path, h264: Footage) -> None:
    """A power cut that leaves a zero page inside the last fragment's payload costs that fragment, not the file."""
    part, data = _part(tmp_path, h264)
    last = _whole_until(part, len(data))[-1]
    video = last.slice_of(0)
    assert video is not None
    at = video.data_at + video.media_bytes // 2
    part.write_bytes(data[:at] + bytes(64) + data[at + 64 :])
    (event,) = _recover(tmp_path)
    assert isinstance(event, Sealed)
    assert event.video_samples == len(h264.of(0)) - len(video)


def test_camera_that_pads_its_pictures_loses_nothing(tmp_path: Path, h264: Footage) -> None:
    """NAL units that end in zeros are unusual, but some cameras send them; that alone is no damage."""
    segment = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600)
    for group in fragments(h264):
        for sample in group:
            if sample.track == 0:
                first = int.from_bytes(sample.payload[:4], "big")
                rest = sample.payload[4 + first :]
                padded = (first + 3).to_bytes(4, "big") + sample.payload[4 : 4 + first] + bytes(3)
                sample = type(sample)(0, padded + rest, sample.dts_ticks, sample.pts_ticks, 512, sample.keyframe, 0)  # noqa: PLW2901 - the padded one takes its place
            segment.write([sample], WALL_US)
    segment.abandon()
    (event,) = _recover(tmp_path)
    assert isinstance(event, Sealed)
    assert event.video_samples == len(h264.of(0))


WRITE = """
import pickle, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support.media import encode, fragments, head, wall_of
from holdfast.media.segment import SegmentFile
from holdfast.storage.journal import JournalWriter
from support.clock import PushedClock
footage = encode("h264", seconds=2)
segment = SegmentFile.create(Path(sys.argv[1]), head(), footage.tracks, segment_s=600)
print("writing", flush=True)
for group in fragments(footage, length_s=0.1):
    segment.write(group, wall_of(footage, group))
    print(segment.fragments, flush=True)
sys.stdin.read()
"""


@pytest.mark.needs("ffprobe")
@pytest.mark.parametrize("after", [1, 7])
def test_killed_process(tmp_path: Path, after: int) -> None:
    """F10, R1: a writer killed with signal 9 leaves every fragment that it had reported, playable."""
    tests = str(Path(__file__).parents[1])
    argv = [sys.executable, "-c", WRITE, str(tmp_path), tests]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.strip() == str(after):
                break
        child.send_signal(signal.SIGKILL)
        child.communicate()
    (event,) = _recover(tmp_path)
    assert isinstance(event, Sealed)
    seen = probe(tmp_path / event.file)
    assert seen.complaints == ""
    pieces = list(read_fragments(tmp_path / event.file))
    assert len(pieces) - 1 >= after
    assert isinstance(pieces[-1], Ended)


def test_interrupted_seal_is_finished(tmp_path: Path, h264: Footage, monkeypatch: pytest.MonkeyPatch) -> None:
    """F11: killed between end box and name, a file keeps the end that was written into it."""
    segment = write_part(tmp_path, h264)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            segment.seal(start_us=WALL_US + 1, end_us=end_of(h264) - 1, ended="stalled")
    segment.abandon()
    assert (tmp_path / (segment.file + PART)).exists()
    (event,) = recover_stream(tmp_path, GATE, skip=None, boot="boot-1")
    assert isinstance(event, Sealed)
    assert (event.start_us, event.end_us, event.ended) == (WALL_US + 1, end_of(h264) - 1, "stalled")
    assert (event.recovered, event.start_boot_us) == (False, 7_000_000)
    assert describe(tmp_path / event.file, boot="boot-1") == event


def test_interrupted_rename_is_finished(tmp_path: Path, h264: Footage) -> None:
    """A power cut between the two halves of a rename leaves one file under two names; the final one stays."""
    segment = write_part(tmp_path, h264)
    sealed = segment.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
    final = tmp_path / sealed.file
    final.with_name(final.name + PART).hardlink_to(final)
    with JournalWriter(tmp_path, GATE, PushedClock()) as journal:
        journal.write(Begun(file=sealed.file, run="run-1", start_us=WALL_US, why="opened"), sync=False)
    assert list(recover_stream(tmp_path, GATE, skip=None, boot="boot-1")) == [sealed]
    assert [p.name for p in final.parent.iterdir()] == [final.name]


def test_file_that_the_journal_does_not_know_is_accounted_for(tmp_path: Path, h264: Footage) -> None:
    """F11, C067: killed between rename and journal line, a finished file is described once, from itself."""
    with JournalWriter(tmp_path, GATE, PushedClock()) as journal:
        sealed = write_part(tmp_path, h264).seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
        journal.write(Begun(file=sealed.file, run="run-1", start_us=WALL_US, why="opened"), sync=False)
        assert leftovers(tmp_path, GATE) == [sealed.file]
        (event,) = recover(tmp_path, sealed.file, boot="boot-1")
        assert event == sealed
        journal.write(event, sync=False)
        assert leftovers(tmp_path, GATE) == []
        assert list(recover(tmp_path, sealed.file, boot="boot-1")) == []


def test_file_that_vanished_is_accounted_for(tmp_path: Path, h264: Footage) -> None:
    """A file that was begun and is neither there nor explained does not stay open in the journal for ever."""
    segment = write_part(tmp_path, h264)
    segment.abandon()
    with JournalWriter(tmp_path, GATE, PushedClock()) as journal:
        journal.write(Begun(file=segment.file, run="run-1", start_us=WALL_US, why="opened"), sync=False)
    (tmp_path / (segment.file + PART)).unlink()
    (event,) = _recover(tmp_path)
    assert isinstance(event, Emptied)
    assert event.file == segment.file
    (tmp_path / segment.file).write_text("not a segment")
    (event,) = _recover(tmp_path)
    assert isinstance(event, Emptied)
    assert "cannot be read" in event.detail


def test_taken_name_gets_another(tmp_path: Path, h264: Footage) -> None:
    """F14: what took the final name meanwhile is kept, and the recovered footage, too, under the next name."""
    part, _ = _part(tmp_path, h264)
    final = part.with_name(part.name.removesuffix(PART))
    final.write_text("mine")
    emptied, sealed = _recover(tmp_path)
    assert isinstance(emptied, Emptied)
    assert isinstance(sealed, Sealed)
    assert final.read_text() == "mine"
    assert sealed.file.endswith("Z-1.mp4")
    assert sealed.video_samples == len(h264.of(0))


def test_file_being_written_is_left_alone(tmp_path: Path, h264: Footage) -> None:
    """F12: recovery runs beside recording and never touches the file that grows."""
    old = write_part(tmp_path, h264, run="run-0")
    old.abandon()
    now = write_part(tmp_path, h264, start_us=WALL_US + 60_000_000)
    size = now.bytes
    events = list(recover_stream(tmp_path, GATE, skip=now.file))
    assert [e.file for e in events] == [old.file]
    assert (tmp_path / (now.file + PART)).stat().st_size == size
    now.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")


def test_other_boot_has_no_boot_time(tmp_path: Path, h264: Footage) -> None:
    """A boot time of another boot means nothing in this one and is left out."""
    _part(tmp_path, h264)
    (event,) = recover_stream(tmp_path, GATE, skip=None, boot="boot-2")
    assert isinstance(event, Sealed)
    assert event.start_boot_us is None


def test_empty_file_is_removed(tmp_path: Path, h264: Footage) -> None:
    """A file that nothing was written to goes, and the journal can say so."""
    segment = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600)
    segment.abandon()
    assert _recover(tmp_path) == [Emptied(file=segment.file, detail="nothing had been written yet")]
    assert list(tmp_path.glob("footage/*/*/*/*")) == []


def test_recovery_keeps_the_samples(tmp_path: Path, h264: Footage) -> None:
    """R10: recovered footage is byte for byte what was written."""
    part, _ = _part(tmp_path, h264)
    before = list(samples_of(part))
    (event,) = _recover(tmp_path)
    assert [p.payload for p in samples_of(tmp_path / event.file)] == [p.payload for p in before]
    assert len(before) == len(h264.samples)


def test_describe_refuses_what_is_not_finished(tmp_path: Path, h264: Footage) -> None:
    """Only a finished segment file describes itself; anything else is named as what it is."""
    part, data = _part(tmp_path, h264)
    with pytest.raises(BadInput, match="not finished"):
        describe(part)
    part.write_bytes(data[:1000])
    with pytest.raises(BadInput):
        describe(part)
    part.write_bytes(b"RIFF" * 1000)
    with pytest.raises(BadInput):
        describe(part)
    with pytest.raises(NotFound):
        describe(tmp_path / "absent.mp4")


def test_end_without_pictures_in_the_last_fragment(tmp_path: Path, h264: Footage) -> None:
    """The end of recovered footage is that of its last picture, also where sound alone came after it."""
    groups = fragments(h264)
    segment = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600)
    for group in groups[:4]:
        segment.write(group, wall_of(h264, group))
    sounds = [s for s in groups[4] if s.track == 1]
    segment.write(sounds, wall_of(h264, groups[4]))
    segment.abandon()
    (event,) = _recover(tmp_path)
    assert isinstance(event, Sealed)
    pictures = [s for group in groups[:4] for s in group if s.track == 0]
    last = max(s.pts_ticks + s.duration_ticks for s in pictures) - pictures[0].pts_ticks
    assert event.end_us == WALL_US + last * 1_000_000 // h264.tracks[0].timescale


_WRITTEN = [b"\0", b"\xff", b"9", b"\xff" * 8, b"\0" * 4, b"\x80" + b"\0" * 7, b"1e999999"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    near=st.lists(st.tuples(st.integers(0, 10_000), st.integers(-8, 60)), min_size=1, max_size=4),
    written=st.lists(st.sampled_from(_WRITTEN), min_size=4, max_size=4),
    cut=st.integers(0, 100_000), sealed=st.booleans(),
)  # fmt: skip
def test_whatever_stands_in_a_file_it_is_finished_or_put_aside(
    tmp_path: Path, h264: Footage, near: list[tuple[int, int]], written: list[bytes], cut: int, *, sealed: bool
) -> None:
    """F11: bytes flipped in any box never stop recovery: the file ends sealed and plausible, or aside, and is named."""
    _clean(tmp_path)
    segment = write_part(tmp_path, h264)
    part = tmp_path / (segment.file + PART)
    if sealed:
        segment.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
        (tmp_path / segment.file).rename(part)
    else:
        segment.abandon()
    data = bytearray(part.read_bytes())
    marks = [m.start() for m in re.finditer(b"moof|traf|trun|tfdt|tfhd|prft|mdat|uuid|_us|ticks|scale|bytes", data)]
    for (mark, beside), bytes_ in zip(near, written, strict=False):
        at = min(len(data) - 1, max(0, marks[mark % len(marks)] + beside))
        data[at : at + len(bytes_)] = bytes_
    part.write_bytes(data[: len(data) - cut // 2] if cut % 2 else data)
    events = _recover(tmp_path)
    assert events
    for event in events:
        assert event.file == segment.file
        if isinstance(event, Sealed):
            assert abs(event.start_us - WALL_US) <= MOST_LENGTH_US
            assert event.start_us <= event.end_us <= event.start_us + 2 * MOST_LENGTH_US
            assert hashlib.sha256((tmp_path / event.file).read_bytes()).hexdigest() == event.sha256
            assert describe(tmp_path / event.file).sha256 == event.sha256
    assert not list(tmp_path.rglob("*" + PART))


@pytest.mark.parametrize(
    "claim", [b'"start_us":1e999', b'"start_boot_us":-1', b'"timescale":1e30', b'"offsets_ticks":[1e80']
)
def test_a_head_that_claims_the_impossible_is_damaged(tmp_path: Path, h264: Footage, claim: bytes) -> None:
    """Times and rates that fit nowhere make a file damaged: it is put aside by another name, and accounted for."""
    part, data = _part(tmp_path, h264)
    at = data.index(claim.split(b":")[0])
    end = data.index(b",", at)
    head_at = data.index(b"holdfast-head-v1") - 8
    length = int.from_bytes(data[head_at : head_at + 4], "big") + len(claim) - (end - at)
    part.write_bytes(data[:head_at] + length.to_bytes(4, "big") + data[head_at + 4 : at] + claim + data[end:])
    (event,) = _recover(tmp_path)
    assert isinstance(event, Emptied)
    assert event.detail.startswith("the head box")
    assert [p.name.endswith(".damaged") for p in part.parent.iterdir()] == [True]


def test_a_flipped_digit_moves_no_footage_by_years(tmp_path: Path, h264: Footage) -> None:
    """A begin that is not the one of the file's name is damage: the file is put aside and accounted for (F11)."""
    part, data = _part(tmp_path, h264)
    at = data.index(b'"start_us":1') + len(b'"start_us":')
    part.write_bytes(data[:at] + b"9" + data[at + 1 :])
    (event,) = _recover(tmp_path)
    assert isinstance(event, Emptied)
    assert event.detail.startswith("the head box is damaged: its begin is not the one that the file is named for")


def test_a_file_in_memory_that_gives_way_or_is_put_aside_lies_on_the_volume(tmp_path: Path) -> None:
    """C081: under another name a link would not be known as one, so the file is moved before it gets that."""
    footage = encode("h264", seconds=1, gop=25)
    with shm() as folder:
        taken = write_part(tmp_path, footage, memory=room(folder))
        taken.abandon()
        (tmp_path / taken.file).write_bytes(b"another file of that second")
        damaged = write_part(tmp_path, footage, start_us=WALL_US + 60_000_000, memory=room(folder))
        damaged.abandon()
        part = tmp_path / f"{damaged.file}.part"
        part.write_bytes(b"\xff" * 5000)
        said = {event.file: event for event in _recover(tmp_path)}
        assert in_memory(room(folder)) == []
    other = taken.file.replace(".mp4", "-1.mp4")
    assert isinstance(said[other], Sealed)
    assert [path.suffix for path in part.parent.glob(f"*{DAMAGED}")] == [DAMAGED]

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path

import pytest

from holdfast.core.camera import Kind, Sample
from holdfast.core.clock import SystemClock
from holdfast.core.errors import Refused, SourceEnded, SourceError, Stalled, Unreachable
from holdfast.core.plan import StreamPlan
from holdfast.core.status import StreamState
from holdfast.core.timing import SECOND_US
from holdfast.media.source.child import ChildSource
from holdfast.media.source.folder import FolderSource
from holdfast.media.source.make import make_source, tcp_answers
from support.encoding import decoded
from support.folders import film, folder_plan, grabber, picture, put, segments, shade_of
from support.recording import footage_files, ledger_of, play, recording, until

pytestmark = pytest.mark.best_of_three  # real time is the subject: who writes and who reads are threads beside others

CLOCK = SystemClock()


@contextmanager
def opened(plan: StreamPlan) -> Iterator[FolderSource]:
    """An open source, read in this process."""
    source = FolderSource(plan, CLOCK)
    try:
        source.open()
        yield source
    finally:
        source.close()


@contextmanager
def writing(folder: Path, *, every_s: float = 0.1, first: int = 0) -> Iterator[None]:
    """A program that writes a picture again and again, each lighter than the one before."""
    stop = threading.Event()

    def write() -> None:
        number = first
        while not stop.wait(every_s):
            put(folder, f"capture_{number % 5}.jpg", picture(number * 4 % 160))
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def samples(source: FolderSource, count: int) -> list[Sample]:
    """The next samples of a stream that does not change."""
    return [item for item in islice(source.samples(), count) if isinstance(item, Sample)]


@pytest.mark.needs("ffmpeg")
@pytest.mark.parametrize(
    "out", [("cap_%06d.jpg",), ("-atomic_writing", "1", "cap_%06d.png"), ("-update", "1", "cap.jpg")]
)
@pytest.mark.parametrize("polls", ["yes", "no"])
def test_pictures_of_another_program_are_recorded(tmp_path: Path, out: tuple[str, ...], polls: str) -> None:
    """What ffmpeg writes at 5 a second, to new names, in place or over one name, is one stream at its times (C148)."""
    plan = folder_plan(tmp_path, options={"polls": polls})
    with grabber(tmp_path, "-f", "image2", *out), opened(plan) as source:
        found = samples(source, 8)
        (track,) = source._tracks()
        assert len(decoded(track, found)) == 8
    assert track.sent_codec in {"mjpeg", "png"}
    steps = [(b.arrived_us - a.arrived_us) / SECOND_US for a, b in pairwise(found)]
    assert all(0.05 < step < 0.75 for step in steps), steps
    # One name that is written over is seen as often as somebody looks.
    slowest_s = 0.45 if polls == "yes" and "-update" in out else 0.3
    assert 0.15 < sum(steps) / len(steps) < slowest_s


@pytest.mark.needs("ffmpeg")
@pytest.mark.parametrize("polls", ["yes", "no"])
def test_segments_of_another_program_are_recorded_as_they_are(tmp_path: Path, polls: str) -> None:
    """A ring of four MPEG-TS files, written over and over, with a list beside it, is one stream with sound (C148)."""
    plan = folder_plan(tmp_path, options={"polls": polls})
    ring = segments("segment_%03d.ts", "-segment_wrap", "4", "-segment_list", "output.m3u8")
    with grabber(tmp_path, *ring, rate=10, sound=True), opened(plan) as source:
        video, sound = source._tracks()
        found = samples(source, 300)
    assert (video.codec, video.encoder, sound.codec) == ("h264", "", "aac")
    for track in (0, 1):
        mine = [one for one in found if one.track == track]
        scale = (video, sound)[track].timescale
        steps = [(b.dts_ticks - a.dts_ticks) / scale for a, b in pairwise(mine)]
        assert max(steps) < 0.15, steps
        assert min(steps) > 0, steps
        assert mine[-1].dts_ticks / scale - mine[0].dts_ticks / scale > 4.5
    late_us = CLOCK.boot_us() - found[-1].arrived_us
    assert late_us < 4 * SECOND_US


@pytest.mark.parametrize("polls", ["yes", "no"])
def test_a_slow_writer_never_gives_half_a_picture(tmp_path: Path, polls: str) -> None:
    """Who pauses in mid-file, even with the file closed, is waited for (F13)."""
    plan = folder_plan(tmp_path, options={"polls": polls}, stall_s=2.0)
    body, path, found = picture(230), tmp_path / "slow.jpg", list[Sample]()
    with writing(tmp_path, every_s=0.15), opened(plan) as source:
        for _ in range(3):
            path.write_bytes(body[: len(body) // 2])
            found += samples(source, 4)
            with path.open("ab") as file:
                file.write(body[len(body) // 2 :])
            found += samples(source, 4)
            path.unlink()
        (track,) = source._tracks()
    frames = [frame.to_ndarray(format="gray") for frame in decoded(track, found)]
    # A decoder makes grey of what is missing at the end: all of a picture must be of one shade.
    assert [round(float(frame[20:60].mean() - frame[180:220].mean())) // 8 for frame in frames] == [0] * len(frames)
    assert sum(float(frame[100:140].mean()) > 180 for frame in frames) == 3


@pytest.mark.parametrize("polls", ["yes", "no"])
def test_under_load_no_picture_is_half_of_another(tmp_path: Path, polls: str) -> None:
    """A program that writes one name over and over in pieces, as fast as it can, never gives a mixture (F13)."""
    bodies = [picture(shade) for shade in range(20, 220, 8)]
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            body = bodies[number % len(bodies)]
            with (tmp_path / "now.jpg").open("wb", buffering=0) as file:
                for begin in range(0, len(body), 700):
                    file.write(body[begin : begin + 700])
            number += 1
            time.sleep(0.02 * (number % 3))  # a moment in which it is whole

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with opened(folder_plan(tmp_path, options={"polls": polls})) as source:
            found = samples(source, 12 if polls == "yes" else 40)
            (track,) = source._tracks()
    finally:
        stop.set()
        thread.join()
    frames = [frame.to_ndarray(format="gray") for frame in decoded(track, found)]
    assert [round(float(frame[20:60].mean() - frame[180:220].mean())) // 4 for frame in frames] == [0] * len(frames)


def test_an_overwritten_name_is_a_new_picture(tmp_path: Path) -> None:
    """Five names that are used again and again give as many pictures as were written."""
    with writing(tmp_path), opened(folder_plan(tmp_path)) as source:
        found = samples(source, 12)
        (track,) = source._tracks()
    shades = [shade_of(frame) for frame in decoded(track, found)]
    assert all(2 <= b - a <= 12 for a, b in pairwise(shades)), shades


def test_a_renamed_picture_is_recorded_once(tmp_path: Path) -> None:
    """A program that renames what another one wrote, as soon as it lies there, makes no second picture of it."""
    with opened_on_first(tmp_path) as source:
        for number in range(4):
            path = tmp_path / f"test_capture_{number}.jpg"
            path.write_bytes(picture(60 + 20 * number))
            time.sleep(0.1)
            path.rename(tmp_path / f"capture_{number}.jpg")
            put(tmp_path, f"capture_{number}_thumbnail.jpg", picture(0, size=(64, 48)))
            time.sleep(0.1)
        put(tmp_path, "last.jpg", picture(160))
        found = samples(source, 5)
        (track,) = source._tracks()
    shades = [shade_of(frame) for frame in decoded(track, found)]
    assert len(shades) == 5
    assert all(b > a + 6 for a, b in pairwise(shades)), shades


@contextmanager
def opened_on_first(folder: Path) -> Iterator[FolderSource]:
    """A source that was opened by one dark picture."""
    source = FolderSource(folder_plan(folder), CLOCK)
    timer = threading.Timer(0.3, lambda: put(folder, "first.jpg", picture(20)))
    timer.start()
    try:
        source.open()
        yield source
    finally:
        source.close()
        timer.join()


def test_what_lies_there_at_the_start_is_the_past(tmp_path: Path) -> None:
    """A thousand files cost no time and are not recorded; the first new one is (C148)."""
    for number in range(1000):
        (tmp_path / f"old_{number:04}.jpg").write_bytes(picture(250))
    began = time.monotonic()
    with opened_on_first(tmp_path) as source:
        assert time.monotonic() - began < 3
        for name in ("second.jpg", "third.jpg"):
            time.sleep(0.15)
            put(tmp_path, name, picture(50))
        found = samples(source, 2)
        (track,) = source._tracks()
    assert [shade_of(frame) < 80 for frame in decoded(track, found)] == [True, True]


def test_who_is_far_behind_takes_the_newest(tmp_path: Path) -> None:
    """Of very many pictures that wait the oldest are left out: footage is not made of the past."""
    with opened_on_first(tmp_path) as source:
        for number in range(120):
            put(tmp_path, f"{number}.jpg", b"x")
        assert [source._next(1) for _ in range(50)] == [f"{number}.jpg" for number in range(70, 120)]


def test_garbage_is_passed_over(tmp_path: Path) -> None:
    """Lists, notes, broken pictures and noise between the pictures disturb nobody."""
    with writing(tmp_path), opened(folder_plan(tmp_path)) as source:
        for name, body in (
            ("output.m3u8", b"#EXTM3U\n"), ("noise.jpg", os.urandom(9000)), ("noise.ts", os.urandom(9000)),
            (os.fsdecode(b"\xff\x1b[2J.jpg"), b"no"),
            ("broken.jpg", b"\xff\xd8\xff\xe0\x00\x04ab\xff\xd9"), ("state.json", b"{}"), ("film.ts", film(0.3)),
        ):  # fmt: skip
            (tmp_path / name).write_bytes(body)
        found = samples(source, 10)
    assert len(found) == 10
    steps = [(b.arrived_us - a.arrived_us) / SECOND_US for a, b in pairwise(found)]
    assert max(steps) < 1.0


def test_a_folder_that_vanishes_ends_the_stream_and_comes_back(tmp_path: Path) -> None:
    """An unmounted or removed folder is unreachable at once; when it is back, so is the stream."""
    folder = tmp_path / "captures"
    plan = folder_plan(folder)
    with pytest.raises(Unreachable, match="is not there"):
        FolderSource(plan, CLOCK).open()
    assert not tcp_answers(plan.url, 1)
    folder.mkdir()
    assert tcp_answers(plan.url, 1)
    with opened_on_first(folder) as source:
        shutil.rmtree(folder)
        with pytest.raises(Unreachable, match="is gone"):
            samples(source, 5)
    folder.mkdir()
    with writing(folder), opened(plan) as source:
        assert samples(source, 2)


def test_a_folder_is_recorded_with_its_gaps(tmp_path: Path) -> None:
    """While the folder is away there is a gap that says so; what is recorded before and after plays (C148)."""
    folder = tmp_path / "captures"
    folder.mkdir()
    plan = folder_plan(folder, volume=str(tmp_path / "vol"), reserve_bytes=0, probe_s=0.2)
    with recording(plan) as recorder:
        with writing(folder):
            until(lambda: recorder.snapshot().state is StreamState.RECORDING)
            time.sleep(2)
        shutil.rmtree(folder)
        until(lambda: recorder.snapshot().state is not StreamState.RECORDING)
        time.sleep(1.5)
        folder.mkdir()
        with writing(folder, first=20):
            until(lambda: recorder.snapshot().state is StreamState.RECORDING)
            time.sleep(1)
    found = ledger_of(plan)
    inner = [gap for gap in found.gaps if gap.end_us < found.segments[-1].end_us]
    assert [gap.reason.value for gap in inner[-1:]] == ["unreachable"], inner
    assert 1.4 < (inner[-1].end_us - inner[-1].start_us) / SECOND_US < 6
    assert len(footage_files(plan)) == 2
    for path in footage_files(plan):
        assert play(path)["video"]["codec_name"] == "h264"


def test_silence_is_a_stall_that_says_what_lies_there(tmp_path: Path) -> None:
    """Nothing new is a stall; files that cannot be recorded are named with the reason; a try is not endless."""
    (tmp_path / "old.jpg").write_bytes(picture(90))
    plan = folder_plan(tmp_path, open_timeout_s=0.5, stall_s=0.5)
    with pytest.raises(Stalled, match="nothing to record came") as caught:
        FolderSource(plan, CLOCK).open()
    assert "mounted" in caught.value.hint
    timer = threading.Timer(0.2, lambda: put(tmp_path, "list.m3u8", b"#EXTM3U\n" * 90))
    timer.start()
    with pytest.raises(Refused, match=r"list\.m3u8: neither a picture nor a segment") as refused:
        FolderSource(plan, CLOCK).open()
    assert "--dry-run" in refused.value.hint
    timer.join()
    apart = make_source(folder_plan(tmp_path, open_timeout_s=2.0), CLOCK)
    with pytest.raises(Stalled, match="nothing to record came"):
        apart.open()
    with opened_on_first(tmp_path) as source:
        source._plan = plan
        with pytest.raises(Stalled, match=r"for 0\.5 s"):
            samples(source, 9)


def test_segments_go_before_pictures_beside_them(tmp_path: Path) -> None:
    """Where both are written, the segments are recorded; a pattern says otherwise."""
    put(tmp_path, "segment_0.ts", film(0.5))
    writers = threading.Timer(0.5, lambda: put(tmp_path, "segment_1.ts", film(0.5)))
    with writing(tmp_path):
        writers.start()
        with opened(folder_plan(tmp_path)) as source:
            assert source._tracks()[0].sent_codec == "h264"
        writers.join()
        put(tmp_path, "segment_2.ts", film(0.5))
        with opened(folder_plan(tmp_path, options={"pattern": "*.jpg"})) as source:
            assert source._tracks()[0].sent_codec == "mjpeg"


def test_an_interruption_ends_the_wait(tmp_path: Path) -> None:
    """Whoever stops the recorder does not wait for the next file."""
    source = FolderSource(folder_plan(tmp_path, open_timeout_s=60), CLOCK)
    timer = threading.Timer(0.3, source.interrupt)
    began = time.monotonic()
    timer.start()
    with pytest.raises(SourceEnded, match="told to stop"):
        source.open()
    assert time.monotonic() - began < 1.5


@pytest.mark.needs("ffmpeg")
def test_kill_of_its_process_costs_a_moment(tmp_path: Path) -> None:
    """Kill -9 of the process that reads the folder is an end like any other, and the next one records on (F52)."""
    plan = folder_plan(tmp_path)
    with grabber(tmp_path, *segments("s_%03d.ts", seconds=0.5), rate=10, sound=True):
        for _ in range(2):
            source = make_source(plan, CLOCK)
            assert isinstance(source, ChildSource)
            try:
                kinds = [track.kind for track in source.open()]
                stream = source.samples()
                assert next(stream)
                os.kill(source.pid, signal.SIGKILL)
                with pytest.raises(SourceError, match="signal 9"):
                    for _item in stream:
                        pass
            finally:
                source.close()
    assert kinds == [Kind.VIDEO, Kind.AUDIO]
    assert {path.suffix for path in tmp_path.iterdir()} == {".ts"}

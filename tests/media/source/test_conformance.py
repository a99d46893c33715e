"""One contract, one suite, every source (F46): what holds for one camera server must hold for each.

Peers: GStreamer's RTSP server and our simulator, each read by our own reader and by libav's, and files; a camera's web
server with MJPEG, single JPEGs and HLS, a screen, and folders into which another program writes segments or pictures,
which run in processes of their own. A further server joins by yielding a `Peer` from a fixture of its own and being
named in `PEERS`.
"""

import gc
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from pathlib import Path

import pytest

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.clock import SystemClock
from holdfast.core.errors import SourceEnded, Unsupported
from holdfast.core.plan import Encoding, StreamPlan
from holdfast.media.nal import split_lengths
from holdfast.media.params import sound_aac
from holdfast.media.source.contract import Source, TracksChanged
from holdfast.media.source.make import APART, make_source
from holdfast.media.synthetic import VideoSpec
from holdfast.media.synthetic_sound import AudioSpec
from holdfast.sim.camera import CameraSpec
from holdfast.sim.server import SimServer
from holdfast.sim.thread import SimThread
from support.folders import grabber, segments
from support.gst_server import GstServer, aac, alaw, h264, h265, mount, mulaw, opus, pcm, vp8
from support.recording import until
from support.screen import xvfb
from support.web_camera import WebCamera, films_of_hls, web_camera

USER, PASSWORD = "viewer", "p@ss:w/rd%41"
STREAMS = {
    "h264-aac": (("h264", "h264"), ("aac", "aac")),
    "h264-alaw": (("h264", "h264"), ("aac", "pcm_alaw")),
    "h265-mulaw": (("hevc", "hevc"), ("aac", "pcm_mulaw")),
    "h265-pcm": (("hevc", "hevc"), ("aac", "pcm_s16")),
    "bframes": (("h264", "h264"),),
}
"""Name of a stream that every peer serves: codec on disk and codec sent, for each track."""


@dataclass(frozen=True)
class Peer:
    """Something that serves `STREAMS`: kind of source, and where each stream is."""

    source: str
    urls: dict[str, str]
    username: str = ""
    password: str = ""
    options: dict[str, str] = field(default_factory=dict)
    sends: tuple[tuple[str, str], ...] = ()
    """What each of its streams is, where that is not what `STREAMS` says: such a peer has one stream, without sound."""

    @property
    def apart(self) -> bool:
        """Whether it is read in a process of its own, which takes a while to start."""
        return self.source in APART

    def plan(self, stream: str, **more: str) -> StreamPlan:
        return StreamPlan(
            camera="gate", stream="main", source=self.source, url=self.urls[stream], volume="/nowhere",
            username=self.username, password=self.password, stall_s=5.0, options=self.options,
            encode=Encoding(frame_rate=20, poll_rate=20, encoder="software"), **more,  # type: ignore[arg-type]
        )  # fmt: skip

    def by_libav(self) -> "Peer":
        """Return the same peer, to be read by libav: it alone understands this option."""
        return replace(self, options={"max_delay": "500000"})


@pytest.fixture(scope="session")
def gstreamer() -> Iterator[Peer]:
    """Serve the streams from GStreamer, behind digest authentication."""
    mounts = {
        "/h264-aac": mount(h264(), aac()),
        "/h264-alaw": mount(h264(), alaw()),
        "/h265-mulaw": mount(h265("160x128", 10), mulaw()),
        "/h265-pcm": mount(h265("160x128", 10), pcm()),
        "/bframes": mount(h264(bframes=2)),
        "/h264-opus": mount(h264(), opus()),
        "/vp8": mount(vp8()),
    }
    with GstServer(mounts, username=USER, password=PASSWORD) as server:
        yield Peer("rtsp", {path[1:]: server.url(path) for path in mounts}, USER, PASSWORD)


@pytest.fixture(scope="session")
def gstreamer_by_libav(gstreamer: Peer) -> Peer:
    """The same through the other reader."""
    return gstreamer.by_libav()


@pytest.fixture(scope="session")
def simulator() -> Iterator[Peer]:
    """Serve what the simulator can, behind digest authentication."""
    avc, hevc = VideoSpec(width=320, height=240), VideoSpec(codec="h265", width=160, height=128, fps=10)
    cameras = {
        "h264-aac": (avc, AudioSpec()),
        "h264-alaw": (avc, AudioSpec(codec="pcma")),
        "h265-mulaw": (hevc, AudioSpec(codec="pcmu")),
        "bframes": (replace(avc, bframes=2), None),
    }
    specs = [
        CameraSpec(name=name, video=video, audio=audio, user=USER, password=PASSWORD)
        for name, (video, audio) in cameras.items()
    ]
    with SimThread(SimServer(specs)) as sim:
        yield Peer("rtsp", {name: sim.url(name, credentials=False) for name in cameras}, USER, PASSWORD)


@pytest.fixture(scope="session")
def simulator_by_libav(simulator: Peer) -> Peer:
    """The same through the other reader."""
    return simulator.by_libav()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    """Lay the streams down as files of different forms, one second each, so that they loop."""
    folder = tmp_path_factory.mktemp("films")
    picture = ["-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=1"]
    small = ["-f", "lavfi", "-i", "testsrc=s=160x128:r=10:d=1"]
    avc = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25"]
    hevc = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none"]

    def tone(rate: int) -> list[str]:
        return ["-f", "lavfi", "-i", f"sine=r={rate}:d=1"]

    films = {
        "h264-aac": ("mp4", [*picture, *tone(48000), *avc, "-c:a", "aac"]),
        "h264-alaw": ("mkv", [*picture, *tone(8000), *avc, "-c:a", "pcm_alaw"]),
        "h265-mulaw": ("mov", [*small, *tone(8000), *hevc, "-c:a", "pcm_mulaw"]),
        "h265-pcm": ("mkv", [*small, *tone(16000), *hevc, "-c:a", "pcm_s16le"]),
        "bframes": ("ts", [*picture, *avc, "-preset", "veryfast", "-bf", "2"]),
        "h264-opus": ("mkv", [*picture, *tone(48000), *avc, "-c:a", "libopus"]),
        "vp8": ("webm", [*small, "-c:v", "libvpx", "-deadline", "realtime"]),
    }
    urls = {}
    for name, (form, arguments) in films.items():
        path = folder / f"{name}.{form}"
        subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments, str(path)], check=True)
        urls[name] = str(path)
    return Peer("file", urls)


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebCamera]:
    """Serve pictures and lists over HTTP, behind digest authentication."""
    films = films_of_hls(tmp_path_factory.mktemp("hls"))
    with web_camera(auth="digest", user=USER, password=PASSWORD, films=films) as camera:
        yield camera


@pytest.fixture(scope="session")
def hls(web: WebCamera) -> Peer:
    """Lists of MPEG-TS and of fragmented MP4."""
    urls = {"h264-aac": web.url("/hls/ts/live.m3u8"), "bframes": web.url("/hls/bframes/live.m3u8")}
    return Peer("http", {**urls, "h264-alaw": urls["h264-aac"]}, USER, PASSWORD)


@pytest.fixture(scope="session")
def mjpeg(web: WebCamera) -> Peer:
    """Pictures in one answer without end."""
    return Peer("http", dict.fromkeys(STREAMS, web.url("/mjpeg")), USER, PASSWORD, sends=(("h264", "mjpeg"),))


@pytest.fixture(scope="session")
def jpeg(web: WebCamera) -> Peer:
    """An address of single pictures."""
    return Peer("http", dict.fromkeys(STREAMS, web.url("/jpeg")), USER, PASSWORD, sends=(("h264", "mjpeg"),))


@pytest.fixture(scope="session")
def screen() -> Iterator[Peer]:
    """A screen of its own."""
    with xvfb("320x240") as display:
        yield Peer("x11", dict.fromkeys(STREAMS, f"x11://{display}"), sends=(("h264", "rawvideo"),))


@pytest.fixture(scope="module")
def folder_of_segments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Folders into which another program writes MPEG-TS."""
    plain, late = tmp_path_factory.mktemp("segments"), tmp_path_factory.mktemp("bframes")
    ring = ("-segment_wrap", "20", "-pix_fmt", "yuv420p", "-g", "12")
    bframes = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2", *ring, "-f", "segment", "-segment_time", "0.4")
    with (
        grabber(plain, *segments("s_%03d.ts", *ring, seconds=0.4), rate=25, sound=True),
        grabber(late, *bframes, "s_%03d.ts", rate=25),
    ):
        sound = f"folder://{plain}"
        yield Peer("folder", {"h264-aac": sound, "h264-alaw": sound, "bframes": f"folder://{late}"})


@pytest.fixture(scope="module")
def folder_of_pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """A folder into which another program writes pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    with grabber(folder, "-f", "image2", "-update", "1", "-atomic_writing", "1", "now.jpg", rate=20):
        yield Peer("folder", dict.fromkeys(STREAMS, f"folder://{folder}"), sends=(("h264", "mjpeg"),))


PEERS = [
    pytest.param("gstreamer", marks=pytest.mark.needs("gst-rtsp")),
    pytest.param("gstreamer_by_libav", marks=pytest.mark.needs("gst-rtsp")),
    "simulator",
    "simulator_by_libav",
    pytest.param("files", marks=pytest.mark.needs("ffmpeg")),
    pytest.param("hls", marks=pytest.mark.needs("ffmpeg")),
    pytest.param("mjpeg", marks=pytest.mark.needs("ffmpeg")),
    pytest.param("jpeg", marks=pytest.mark.needs("ffmpeg")),
    pytest.param("screen", marks=pytest.mark.needs("xvfb")),
    pytest.param("folder_of_segments", marks=pytest.mark.needs("ffmpeg")),
    pytest.param("folder_of_pictures", marks=pytest.mark.needs("ffmpeg")),
]


NOT_SIMULATED = {"h265-pcm", "h264-opus", "vp8"}
"""Streams that the simulator does not serve; GStreamer's server and files do."""


REAL = [PEERS[0], PEERS[1], PEERS[4]]
"""Peers that serve every stream."""

PAIRS = [
    pytest.param(peer, stream, marks=marks)
    for peer, marks in (
        ("gstreamer", pytest.mark.needs("gst-rtsp")),
        ("gstreamer_by_libav", pytest.mark.needs("gst-rtsp")),
        ("simulator", ()),
        ("simulator_by_libav", ()),
        ("files", pytest.mark.needs("ffmpeg")),
    )
    for stream in STREAMS
    if not (peer.startswith("simulator") and stream in NOT_SIMULATED)
] + [
    pytest.param(peer, stream, marks=marks)
    for peer, stream, marks in (
        ("hls", "h264-aac", pytest.mark.needs("ffmpeg")),
        ("hls", "bframes", pytest.mark.needs("ffmpeg")),
        ("mjpeg", "h264-aac", pytest.mark.needs("ffmpeg")),
        ("jpeg", "h264-aac", pytest.mark.needs("ffmpeg")),
        ("screen", "h264-aac", pytest.mark.needs("xvfb")),
        ("folder_of_segments", "h264-aac", pytest.mark.needs("ffmpeg")),
        ("folder_of_segments", "bframes", pytest.mark.needs("ffmpeg")),
        ("folder_of_pictures", "h264-aac", pytest.mark.needs("ffmpeg")),
    )
]


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> Peer:
    """Each peer in turn."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Peer)
    return found


def take(source: Source, count: int) -> list[Sample]:
    """Return the next samples of a stream that is not expected to change."""
    items = list(islice(source.samples(), count))
    assert not any(isinstance(item, TracksChanged) for item in items)
    return [item for item in items if isinstance(item, Sample)]


def check_payload(sample: Sample, track: Track) -> None:
    """Look into one payload: whole length-prefixed units without parameter sets, or a raw AAC frame."""
    if track.kind is Kind.AUDIO:
        assert sample.keyframe
        assert sample.payload[:2] not in {b"\xff\xf1", b"\xff\xf9"}
        return
    nals = split_lengths(sample.payload)
    assert sum(4 + len(n) for n in nals) == len(sample.payload)
    hevc = track.codec == "hevc"
    kinds = [n[0] >> 1 & 63 if hevc else n[0] & 31 for n in nals]
    assert not {32, 33, 34, 35} & set(kinds) if hevc else not {7, 8, 9} & set(kinds)
    assert sample.keyframe == any(16 <= k < 24 for k in kinds) if hevc else sample.keyframe == (5 in kinds)


@pytest.mark.parametrize(("peer", "stream"), PAIRS, indirect=["peer"])
def test_what_is_sent_is_handed_out(peer: Peer, stream: str) -> None:
    """Every codec comes out in recorded form, with whole timestamps, a keyframe first on its track (C010, F46)."""
    source = make_source(peer.plan(stream), SystemClock())
    try:
        tracks = source.open()
        samples = take(source, 40)
    finally:
        source.close()
    assert [t.kind for t in tracks] == [Kind.VIDEO, Kind.AUDIO][: len(tracks)]
    expected = peer.sends or STREAMS[stream]
    assert [t.codec for t in tracks] == [codec for codec, _ in expected]
    assert all(t.sent_codec.startswith(sent) for t, (_, sent) in zip(tracks, expected, strict=True))
    assert (tracks[0].width, tracks[0].height) in {(320, 240), (160, 128)}
    for index, track in enumerate(tracks):
        mine = [s for s in samples if s.track == index]
        assert mine, f"no samples of {track.kind}"
        assert mine[0].keyframe
        for sample in mine:
            check_payload(sample, track)
            assert sample.duration_ticks > 0
            assert sample.pts_ticks >= sample.dts_ticks
        for one, following in pairwise(mine):
            assert one.dts_ticks + one.duration_ticks == following.dts_ticks
            assert one.arrived_us <= following.arrived_us
        if track.kind is Kind.AUDIO:
            assert sound_aac(track.config).sample_rate == track.sample_rate
            # MPEG-TS counts everything in 90 kHz, and what was counted so is not rounded to something else.
            assert track.timescale in ({90_000} if peer.source in {"http", "folder"} else {track.sample_rate})


@pytest.mark.needs("gst-rtsp", "ffmpeg")
def test_pictures_out_of_order_keep_both_times(gstreamer: Peer, simulator: Peer, files: Peer) -> None:
    """With B-frames every picture is shown at its own time and decoded in order, whoever tells the decode times."""
    for peer in (gstreamer, gstreamer.by_libav(), simulator, files):
        source = make_source(peer.plan("bframes"), SystemClock())
        try:
            track = source.open()[0]
            samples = take(source, 40)
        finally:
            source.close()
        shown = sorted(s.pts_ticks for s in samples)
        assert len(set(shown)) == len(shown)
        assert [s.pts_ticks for s in samples] != shown, "no B-frames in this stream: the test is blind"
        step = track.timescale // 25
        inner = shown[:-3]
        assert all(abs(b - a - step) <= step * 0.2 for a, b in pairwise(inner))


@pytest.mark.best_of_three
def test_media_comes_at_its_own_pace(peer: Peer) -> None:
    """Two seconds of media take two seconds: nothing is hurried and nothing waits."""
    source = make_source(peer.plan("h264-aac"), SystemClock())
    try:
        scale = source.open()[0].timescale
        began, ticks = time.monotonic(), list[int]()
        for sample in source.samples():
            assert isinstance(sample, Sample)
            if sample.track == 0:
                ticks.append(sample.dts_ticks * 1000 // scale)
            if time.monotonic() - began > 2:
                break
    finally:
        source.close()
    assert 1500 < ticks[-1] - ticks[0] < 2800


@pytest.mark.parametrize("peer", REAL, indirect=True)
def test_sound_that_cannot_be_recorded_is_noted(peer: Peer) -> None:
    """Unknown sound costs the sound, not the recording, and the source says so (C010)."""
    source = make_source(peer.plan("h264-opus"), SystemClock())
    try:
        tracks = source.open()
        assert {s.track for s in take(source, 10)} == {0}
    finally:
        source.close()
    assert [t.codec for t in tracks] == ["h264"]
    assert any("opus" in note for note in getattr(source, "notes", ()))


def test_sound_can_be_left_out(peer: Peer) -> None:
    """`audio: off` hands out video alone."""
    source = make_source(peer.plan("h264-aac", audio="off"), SystemClock())
    try:
        assert [t.kind for t in source.open()] == [Kind.VIDEO]
        assert {s.track for s in take(source, 10)} == {0}
    finally:
        source.close()


def test_missing_sound_is_no_failure(peer: Peer) -> None:
    """A camera without the sound that is required still records (C001)."""
    source = make_source(peer.plan("bframes", audio="required"), SystemClock())
    try:
        assert [t.kind for t in source.open()] == [Kind.VIDEO]
        assert take(source, 10)
    finally:
        source.close()


@pytest.mark.parametrize("peer", REAL, indirect=True)
def test_video_that_cannot_be_recorded_is_unsupported(peer: Peer) -> None:
    """An unknown video codec ends in words that name it, not in silence (C010)."""
    source = make_source(peer.plan("vp8"), SystemClock())
    with pytest.raises(Unsupported, match=r"gate/main: .*vp8"):
        source.open()


@pytest.mark.best_of_three
def test_a_wait_can_be_interrupted(peer: Peer) -> None:
    """Another thread ends a source that is waiting, within a second, and closing is quick."""
    source = make_source(peer.plan("h264-aac"), SystemClock())
    source.open()
    timer = threading.Timer(0.3, source.interrupt)
    timer.start()
    began = time.monotonic()
    try:
        with pytest.raises(SourceEnded, match="told to stop"):
            deque(source.samples(), maxlen=0)
        assert time.monotonic() - began < 1.3
    finally:
        closing = time.monotonic()
        source.close()
        timer.join()
    assert time.monotonic() - closing < 1


def test_twenty_connections_leave_nothing_behind(peer: Peer) -> None:
    """Opening and closing over and over leaves no descriptor and no thread."""

    def once() -> None:
        source = make_source(peer.plan("h264-alaw"), SystemClock())
        source.open()
        take(source, 3)
        source.close()
        source.close()

    once()
    gc.collect()
    descriptors, threads = len(list(Path("/proc/self/fd").iterdir())), len(os.listdir("/proc/self/task"))  # noqa: PTH208 - the kernel's list, not files
    # A process of its own takes a third of a second to start, and leaves with all that it had.
    for _ in range(5 if peer.apart else 20):
        once()
    gc.collect()
    # The camera is served by this very process, on a thread of its own: it closes its end a moment later.
    until(lambda: len(list(Path("/proc/self/fd").iterdir())) <= descriptors)
    assert len(os.listdir("/proc/self/task")) <= threads  # noqa: PTH208 - the kernel's list, not files

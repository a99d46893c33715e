import hashlib
import re
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.journal import Sealed
from holdfast.media.footage import samples_of
from holdfast.media.synthetic import VideoSpec
from holdfast.media.synthetic_sound import AudioSpec, load_audio
from holdfast.sim.camera import CameraSpec
from holdfast.sim.mark import find_marks
from holdfast.sim.server import SimServer
from holdfast.sim.thread import SimThread
from support import gst_server
from support.gst_server import GstServer
from support.recording import play
from support.sim import read_ledger
from support.survival import Ground, footage

VIDEO, AUDIO = 0, 1  # tracks of a file, in the order in which ours announces them
AAC_FRAME_S = 1024 / 8_000  # of sound that was G.711 and became AAC at the same rate


def _camera(
    name: str, codec: str = "h264", audio: str | None = "aac", *, fps: int = 25, bframes: int = 0
) -> CameraSpec:
    video = VideoSpec(codec=codec, width=160, height=128, fps=fps, bitrate_bps=8_000 * fps, gop=fps, bframes=bframes)
    return CameraSpec(name=name, video=video, audio=AudioSpec(codec=audio) if audio else None, sub_size=(64, 64))


def _hashes(path: Path, kind: str) -> list[str]:
    """Hash each sample of one kind as ffmpeg's own demuxer finds it: a second way, independent of our reader."""
    shown = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-map", f"0:{kind}:0", "-c", "copy", "-f", "framehash",
         "-hash", "sha256", "-"],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    assert shown.stderr == ""
    return [line.rpartition(",")[2].strip() for line in shown.stdout.splitlines() if not line.startswith("#")]


def _mean_level_db(*source: str) -> float:
    shown = subprocess.run(
        ["ffmpeg", "-hide_banner", *source, "-af", "volumedetect", "-f", "null", "-"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found = re.search(r"mean_volume: (-?[\d.]+) dB", shown.stderr)
    assert found, shown.stderr
    return float(found[1])


def _record(node: Ground, seconds: float) -> None:
    """Record until the camera that is furthest behind has so many seconds on disk, then stop in order."""
    node.begin()
    node.until(lambda: all(node.marks(name) for name in node.cameras), 60)
    first = {name: node.marks(name)[0].sent_us for name in node.cameras}
    # A stream that is connected anew says for a moment that it has nothing yet.
    node.until(
        lambda: all((node.role(f"{n}.main")["media_end_us"] or 0) - at >= seconds * 1e6 for n, at in first.items()), 900
    )
    assert node.stop() == 0


def _compare(node: Ground, ledger: Sequence[dict[str, Any]], spec: CameraSpec) -> tuple[int, int]:
    """Hold a camera's files against what the simulator sent; return how many pictures and blocks of sound are equal."""
    key = f"{spec.name}/main"
    sent = {line["counter"]: line["sha256"] for line in ledger if line["what"] == "picture" and line["stream"] == key}
    pictures: list[tuple[int, str]] = []
    sounds: list[str] = []
    for path in footage(node.volume, spec.name):
        assert path.suffix == ".mp4"
        found = list(samples_of(path))
        own = [hashlib.sha256(item.payload).hexdigest() for item in found if item.track == VIDEO]
        pictures += [
            (next(find_marks(item.payload)).counter, digest)
            for item, digest in zip((i for i in found if i.track == VIDEO), own, strict=True)
        ]
        assert _hashes(path, "v") == own
        if spec.audio is not None:
            heard = [hashlib.sha256(item.payload).hexdigest() for item in found if item.track == AUDIO]
            assert _hashes(path, "a") == heard
            sounds += heard
    assert all(b[0] == a[0] + 1 for a, b in pairwise(pictures)), "a picture is missing"
    assert [digest for _, digest in pictures] == [sent[counter] for counter, _ in pictures], "a picture differs"
    if spec.audio is not None and spec.audio.codec == "aac":
        played = [line["sha256"] for line in ledger if line["what"] == "sound" and line["stream"] == key]
        begin = played.index(sounds[0])
        while played[begin : begin + 8] != sounds[:8]:
            begin = played.index(sounds[0], begin + 1)
        assert played[begin : begin + len(sounds)] == sounds, "a block of sound is missing or differs"
    return len(pictures), len(sounds)


@pytest.mark.needs("ffmpeg")
@pytest.mark.parametrize(
    ("copies", "fps", "seconds"),
    [(1, 25, 6.0), pytest.param(8, 100, 330.0, marks=[pytest.mark.soak, pytest.mark.timeout(3000)])],
)
def test_what_is_on_disk_is_what_was_sent(
    tmp_path: Path, copies: int, fps: int, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """H.264, H.264 with B-frames, H.265 and AAC lie on disk bit for bit as sent, none missing (R10, C010)."""
    kinds = [("h264", "aac", 0), ("h264", None, 2), ("h265", "aac", 0), ("h265", "pcma", 0)]
    specs = [
        _camera(f"c{number}-{copy}", codec, audio, fps=fps, bframes=bframes)
        for copy in range(copies)
        for number, (codec, audio, bframes) in enumerate(kinds)
    ]
    ledger = tmp_path / "ledger.jsonl"
    with SimThread(SimServer(specs, ledger=ledger, hashes=True)) as sim:
        node = Ground(tmp_path / "node", {spec.name: sim.url(spec.name) for spec in specs})
        with node:
            _record(node, seconds)
    lines = read_ledger(ledger)
    counts = [_compare(node, lines, spec) for spec in specs]
    assert min(pictures for pictures, _ in counts) >= seconds * fps
    with capsys.disabled():
        print(f" [{sum(c[0] for c in counts)} pictures, {sum(c[1] for c in counts)} blocks of sound equal]", end="")  # noqa: T201 - the figure is for the docs


@pytest.mark.needs("ffmpeg", "ffprobe")
@pytest.mark.parametrize("codec", ["pcma", "pcmu"])
def test_g711_becomes_aac_of_the_same_length_and_level(tmp_path: Path, codec: str) -> None:
    """Sound that MP4 cannot hold is transcoded: as long as the pictures, without a hole, as loud (R10, C010)."""
    with (
        SimThread(SimServer([_camera("gate", audio=codec)])) as sim,
        Ground(tmp_path, {"gate": sim.url("gate")}) as node,
    ):
        _record(node, 6)
    path = max(footage(tmp_path / "vol", "gate"), key=lambda file: file.stat().st_size)
    streams = play(path)
    assert streams["audio"]["codec_name"] == "aac"
    assert (streams["audio"]["sample_rate"], streams["audio"]["channels"]) == ("8000", 1)
    heard = [item.sample for item in samples_of(path) if item.track == AUDIO]
    assert all(b.dts_ticks == a.dts_ticks + a.duration_ticks for a, b in pairwise(heard)), "there is a hole"
    heard_s = sum(sample.duration_ticks for sample in heard) / 8_000
    # One frame may be missing at each end: what was not full when the pictures began, and when they ended.
    assert abs(heard_s - float(streams["video"]["duration"])) <= 2 * AAC_FRAME_S
    raw = tmp_path / "sent.raw"
    raw.write_bytes(b"".join(load_audio(AudioSpec(codec=codec)).frames))
    demuxer = {"pcma": "alaw", "pcmu": "mulaw"}[codec]
    sent_db = _mean_level_db("-f", demuxer, "-ar", "8000", "-ac", "1", "-i", str(raw))
    assert _mean_level_db("-i", str(path), "-vn") == pytest.approx(sent_db, abs=1.0)


@pytest.mark.needs("gst-rtsp", "ffprobe")
def test_another_server_is_recorded_alike(tmp_path: Path) -> None:
    """GStreamer's cameras leave the same kind of files as ours, with sound, without, and with sound of a wrong kind.

    C010; sound that cannot be kept costs no picture, and is said where it was asked for.
    """
    mounts = {
        "/plain": gst_server.mount(gst_server.h264(), gst_server.aac()),
        "/dumb": gst_server.mount(gst_server.h265()),
        "/alaw": gst_server.mount(gst_server.h264(), gst_server.alaw()),
        "/wrong": gst_server.mount(gst_server.h264(), gst_server.opus()),
    }
    with GstServer(mounts) as gst, SimThread(SimServer([_camera("own")])) as sim:
        urls = {name[1:]: gst.url(name) for name in mounts}
        with Ground(tmp_path, {**urls, "own": sim.url("own")}) as node:
            node.cameras["wrong"]["audio"] = "required"
            node.write()
            node.begin()
            ready = [f"{name}.main" for name in node.cameras]
            node.until(lambda: all((node.role(r)["media_end_us"] or 0) - node.role(r)["since_us"] > 4e6 for r in ready))
            mismatch = node.role("wrong.main")["mismatch"]
            assert node.stop() == 0
    assert any("audio" in text for text in mismatch), mismatch
    kinds = {}
    for name in node.cameras:
        for sealed in node.events(name, Sealed):  # more than one where a busy machine interrupted it
            kinds[name] = {kind: of["codec_name"] for kind, of in play(node.volume / sealed.file).items()}
            assert [track["kind"] for track in sealed.tracks] == list(kinds[name])
    assert kinds == {
        "plain": {"video": "h264", "audio": "aac"},
        "own": {"video": "h264", "audio": "aac"},
        "dumb": {"video": "hevc"},
        "alaw": {"video": "h264", "audio": "aac"},
        "wrong": {"video": "h264"},
    }

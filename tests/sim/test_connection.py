import hashlib
import itertools
import json
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import av
import pytest

from holdfast.media.synthetic_picture import read_counter
from holdfast.sim import connection
from holdfast.sim.mark import find_marks
from support.needs import system_python
from support.sim import read_ledger, simulated, small_camera
from support.sim_client import Packet, RawClient, nal_units

pytestmark = pytest.mark.best_of_three  # real time is the subject: who writes and who reads are threads beside others


def _probe(url: str) -> dict[str, dict[str, object]]:
    command = ["ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-show_streams", "-of", "json", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return {stream["codec_type"]: stream for stream in json.loads(done.stdout)["streams"]}


def _counters(packets: list[Packet]) -> list[int]:
    return [mark.counter for packet in packets for mark in find_marks(packet.data)]


@pytest.mark.needs("ffprobe")
@pytest.mark.parametrize(
    ("codec", "audio", "video_name", "audio_name", "rate"),
    [
        ("h264", "aac", "h264", "aac", "48000"),
        ("h265", "pcma", "hevc", "pcm_alaw", "8000"),
        ("h264", "pcmu", "h264", "pcm_mulaw", "8000"),
        ("h265", None, "hevc", None, None),
    ],
)
def test_ffprobe_reads_what_was_asked_for(
    codec: str, audio: str | None, video_name: str, audio_name: str | None, rate: str | None
) -> None:
    """C146: ffprobe finds codecs, size and rates of main and sub stream as they were asked for, without complaint."""
    with simulated(small_camera(codec=codec, audio=audio)) as sim:
        streams = _probe(sim.url("cam1"))
        video = streams["video"]
        assert (video["codec_name"], video["width"], video["height"]) == (video_name, 320, 240)
        assert video["r_frame_rate"] == "25/1"
        found = streams.get("audio", {})
        assert (found.get("codec_name"), found.get("sample_rate")) == (audio_name, rate)
        assert _probe(sim.url("cam1", "sub"))["video"]["width"] == 160


_GST_PLAY = """
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
pipeline = Gst.parse_launch(sys.argv[1])
pipeline.set_state(Gst.State.PLAYING)
end = pipeline.get_bus().timed_pop_filtered(20 * Gst.SECOND, Gst.MessageType.ERROR | Gst.MessageType.EOS)
pipeline.set_state(Gst.State.NULL)
print("nothing" if end is None else end.type.first_value_nick)
"""


@pytest.mark.needs("gst-rtsp")
@pytest.mark.parametrize(("codec", "bframes"), [("h264", 0), ("h265", 2)])
def test_gstreamer_reads_it(codec: str, bframes: int) -> None:
    """GStreamer's RTSP client plays sound and pictures of both codecs to the count that was asked for, and leaves."""
    with simulated(small_camera(codec=codec, bframes=bframes)) as sim:
        pipeline = (
            f"rtspsrc location={sim.url('cam1')} protocols=tcp name=s "
            f"s. ! rtp{codec}depay ! {codec}parse ! fakesink num-buffers=20 "
            "s. ! rtpmp4gdepay ! aacparse ! fakesink num-buffers=20"
        )
        command = [system_python(), "-c", _GST_PLAY, pipeline]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout == "eos\n"
        counts = sim.counts("cam1")
        assert (counts.opened, counts.torn_down) == (1, 1)


@pytest.mark.parametrize(("codec", "bframes"), [("h264", 0), ("h264", 2), ("h265", 0), ("h265", 2)])
def test_pyav_decodes_every_picture_in_order(codec: str, bframes: int) -> None:
    """Libav decodes every picture in display order with rising times, B-frames included, beginning with a keyframe."""
    with simulated(small_camera(codec=codec, bframes=bframes)) as sim:
        options = {"rtsp_transport": "tcp", "analyzeduration": "200000"}
        with av.open(sim.url("cam1"), options=options, timeout=(5, 5)) as container:
            frames = []
            for frame in container.decode(video=0):
                frames.append(frame)
                if len(frames) == 60:
                    break
    numbers = [read_counter(frame.to_ndarray(format="gray")) for frame in frames]
    assert numbers[0] % 25 == 0
    assert numbers == [(numbers[0] + index) % 100 for index in range(60)]
    # libav leaves the time of the first picture open when its RTP time is the one that PLAY announced.
    times = [frame.pts for frame in frames if frame.pts is not None]
    assert len(times) >= 59
    assert {b - a for a, b in itertools.pairwise(times)} == {3600}


def test_sessions_see_the_same_counters(tmp_path: Path) -> None:
    """All sessions of a camera are sent the same pictures, begin with a keyframe, and the ledger counts each."""
    ledger = tmp_path / "ledger.jsonl"
    with simulated(ledger=ledger) as sim, RawClient(sim.url("cam1")) as one, RawClient(sim.url("cam1")) as two:
        one.play()
        first = one.packets(0.3)
        two.play()
        second = two.packets(0.4)
        first += one.packets(0.1)
        for client in (one, two):
            client.send("TEARDOWN")
        shared = {packet.data for packet in first} & {packet.data for packet in second if packet.channel == 0}
        assert len(shared) >= 10
        seen = [_counters(first), _counters(second)]
        end_s = time.monotonic() + 5
        while len(read_ledger(ledger, "torn_down")) < 2 and time.monotonic() < end_s:
            time.sleep(0.02)
    for client, counters in zip((one, two), seen, strict=True):
        lines = read_ledger(ledger, "video", session=client.session)
        assert lines[0]["first"] == counters[0] == lines[0]["keyframes"][0][0]
        sent = [n for line in lines for n in range(line["first"], line["last"] + 1)]
        assert sent[: len(counters)] == counters
        assert sent == list(range(sent[0], sent[-1] + 1))
    assert sim.counts("cam1").torn_down == 2


@pytest.mark.parametrize("audio", ["aac", "pcma"])
def test_ledger_hashes_account_for_every_byte(tmp_path: Path, audio: str) -> None:
    """R10: with hashes the ledger has one line for each block of sound and picture sent, in unbroken numbers."""
    ledger = tmp_path / "ledger.jsonl"
    camera = small_camera(audio=audio)
    with simulated(camera, ledger=ledger, hashes=True) as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        packets = client.packets(0.5)
    for what in ("picture", "sound"):
        lines = read_ledger(ledger, what, stream="cam1/main")
        counters = [line["counter"] for line in lines]
        assert counters == list(range(counters[0], counters[0] + len(counters)))
        assert {len(line["sha256"]) for line in lines} == {64}
    hashes = {line["counter"]: (line["bytes"], line["sha256"]) for line in read_ledger(ledger, "picture")}
    for nals in nal_units("h264", [packet for packet in packets if packet.channel == 0])[:-1]:
        kept = b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals if nal[0] & 0x1F not in {7, 8})
        (mark,) = find_marks(kept)
        assert hashes[mark.counter] == (len(kept), hashlib.sha256(kept).hexdigest())
    sounds = {line["sha256"] for line in read_ledger(ledger, "sound")}
    blocks = [packet.payload[4 if audio == "aac" else 0 :] for packet in packets if packet.channel == 2]
    assert blocks
    assert {hashlib.sha256(block).hexdigest() for block in blocks} <= sounds


def test_digest_opens_and_wrong_passwords_do_not() -> None:
    """A camera with a password lets in who knows it (digest, also through libav), and answers 401 to others."""
    with simulated(small_camera(user="admin", password="right@/:p")) as sim:
        with RawClient(sim.url("cam1")) as client:
            assert client.play().status == 200
        with RawClient(sim.url("cam1", credentials=False)) as client:
            assert client.play().status == 401
        with RawClient(sim.url("cam1").replace("right", "wrong")) as client:
            assert client.play().status == 401
        with av.open(sim.url("cam1"), options={"rtsp_transport": "tcp"}, timeout=(5, 5)) as container:
            assert container.streams.video[0].width == 320


def test_session_limit_and_lingering_sessions() -> None:
    """R4: over the limit comes 453; a session left without TEARDOWN is counted and blocks its place for a while."""
    with simulated(small_camera(max_sessions=1, linger_s=0.5)) as sim:
        with RawClient(sim.url("cam1")) as one:
            assert one.play().status == 200
            with RawClient(sim.url("cam1")) as two:
                assert two.play().status == 453
            assert one.ask("TEARDOWN").status == 200
        with RawClient(sim.url("cam1")) as three:
            assert three.play().status == 200
        end_s = time.monotonic() + 5
        statuses = []
        while 200 not in statuses and time.monotonic() < end_s:
            with RawClient(sim.url("cam1")) as four:
                statuses.append(four.play().status)
                four.ask("TEARDOWN")
        assert statuses[0] == 453
        assert statuses[-1] == 200
        counts = sim.counts("cam1")
        assert (counts.torn_down, counts.left_behind) == (2, 1)


def test_slow_reader_is_dropped_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not read is dropped once too much waits for it; another one misses nothing."""
    monkeypatch.setattr(connection, "MAX_BACKLOG_BYTES", 100_000)  # four megabytes would take a while at this rate
    small = small_camera()
    busy = replace(small, video=replace(small.video, width=640, height=480, bitrate_bps=8_000_000))
    with simulated(busy) as sim, RawClient(sim.url("cam1")) as slow, RawClient(sim.url("cam1")) as good:
        slow.play()
        good.play()
        counters = []
        end_s = time.monotonic() + 20
        while sim.counts("cam1").dropped == 0 and time.monotonic() < end_s:
            counters += _counters(good.packets(0.2))
        counters += _counters(good.packets(0.2))
        assert counters == list(range(counters[0], counters[0] + len(counters)))
        assert (sim.counts("cam1").dropped, sim.counts("cam1").open) == (1, 1)


def test_next_regular_keyframe() -> None:
    """Without keyframes on demand a new session waits for the regular one, and disturbs nobody."""
    with (
        simulated(small_camera(on_demand=False)) as sim,
        RawClient(sim.url("cam1")) as first,
        RawClient(sim.url("cam1")) as second,
    ):
        first.play()
        before = _counters(first.packets(0.3))
        second.play()
        counters = _counters(second.packets(1.4))
        before += _counters(first.packets(0.1))
    assert counters
    assert (counters[0] - before[0]) % 25 == 0
    assert before == list(range(before[0], before[0] + len(before)))


def test_one_track_on_other_channels() -> None:
    """A session may take sound alone, on channels of its choice, and gets just that."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        reply = client.ask("SETUP", f"{client.url}/trackID=1", Transport="RTP/AVP/TCP;unicast;interleaved=6-7")
        client.session = reply.headers["session"].partition(";")[0]
        client.ask("PLAY")
        assert {packet.channel for packet in client.packets(0.4)} == {6, 7}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("SETUP", "/trackID=0", {"Transport": "RTP/AVP;unicast;client_port=5000-5001"}, 461),
        ("SETUP", "/trackID=7", {"Transport": "RTP/AVP/TCP;unicast"}, 404),
        ("PLAY", "", {}, 455),
        ("TEARDOWN", "", {}, 454),
        ("RECORD", "", {}, 501),
        ("GET_PARAMETER", "", {}, 200),
    ],
)
def test_requests_out_of_place(method: str, path: str, headers: dict[str, str], status: int) -> None:
    """UDP, unknown tracks, methods out of order and unknown methods get the status that the standard has for them."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        assert client.ask(method, client.url + path, **headers).status == status


def test_unknown_camera_is_not_found() -> None:
    """The URL of a camera that does not exist is answered with 404."""
    with simulated() as sim, RawClient(sim.url("cam1").replace("cam1", "cam9")) as client:
        assert client.play().status == 404


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n", b"x" * 20_000])
def test_garbage_is_closed(garbage: bytes) -> None:
    """Garbage instead of RTSP closes that connection and disturbs nobody else."""
    with simulated() as sim, RawClient(sim.url("cam1")) as good, RawClient(sim.url("cam1")) as bad:
        good.play()
        bad.socket.sendall(garbage)
        if len(garbage) < 10:
            bad.socket.shutdown(socket.SHUT_WR)
        assert bad.until_end() in {"closed", "reset"}
        assert _counters(good.packets(0.2))


def test_reports_from_clients_are_passed_over() -> None:
    """Receiver reports between requests, in pieces too, are read and change nothing."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        report = b"$\x01\x00\x08" + bytes(8)
        client.socket.sendall(report + report[:5])
        client.socket.sendall(report[5:])
        assert client.ask("GET_PARAMETER").status == 200


def test_sender_reports_come_at_once() -> None:
    """Each track's sender report comes with the first media, its RTP time that of the media beside it."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        packets = client.packets(0.4)
    for channel, rate in ((0, 90_000), (2, 48_000)):
        report = next(packet.data for packet in packets if packet.channel == channel + 1)
        assert report[1] == 200
        media = next(packet for packet in packets if packet.channel == channel)
        assert report[4:8] == media.data[8:12]
        apart = (int.from_bytes(report[16:20], "big") - media.timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
        assert abs(apart) < rate
        assert int.from_bytes(report[8:12], "big") - 2_208_988_800 == pytest.approx(time.time(), abs=10)

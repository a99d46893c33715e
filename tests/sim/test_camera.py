import contextlib
import itertools
from pathlib import Path

import av
import numpy as np
import pytest

from holdfast.core.errors import UsageError
from holdfast.media.synthetic_sound import AudioSpec, Sound, load_audio
from holdfast.sim.camera import CameraSpec
from holdfast.sim.mark import find_marks
from support.sim import read_ledger, simulated, small_camera
from support.sim_client import Packet, RawClient, nal_units

pytestmark = pytest.mark.best_of_three  # real time is the subject: who writes and who reads are threads beside others


def _video(packets: list[Packet]) -> list[Packet]:
    return [packet for packet in packets if packet.channel == 0]


def _counters(packets: list[Packet]) -> list[int]:
    return [mark.counter for packet in _video(packets) for mark in find_marks(packet.data)]


def _has_keyframe(packets: list[Packet]) -> bool:
    return any(nal[0] & 0x1F == 5 for nals in nal_units("h264", _video(packets)) for nal in nals)


def _unbroken(counters: list[int]) -> bool:
    return counters == list(range(counters[0], counters[0] + len(counters)))


def _pictures(packets: list[Packet]) -> list[np.ndarray]:
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    frames = []
    for nals in nal_units("h264", _video(packets)):
        frames += decoder.decode(av.Packet(b"".join(b"\0\0\0\1" + nal for nal in nals)))
    return [frame.to_ndarray(format="gray") for frame in frames + decoder.decode(None)]


def test_silent_keeps_the_socket_and_sends_nothing() -> None:
    """F01: during `silent` requests are answered and nothing else comes; afterwards it begins with a keyframe."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        before = _counters(client.packets(0.4))
        sim.inject("silent", "cam1", 1.0)
        client.packets(0.2)
        assert client.packets(0.5) == []
        assert client.ask("OPTIONS").status == 200
        after = client.packets(1.0)
        assert _counters(after)[0] > before[-1] + 15
        assert any(nal[0] & 0x1F == 5 for nal in nal_units("h264", _video(after))[0])


@pytest.mark.parametrize(("fault", "silent"), [("silent_video", 0), ("silent_audio", 2)])
def test_one_track_falls_silent(fault: str, silent: int) -> None:
    """One track stops while the other goes on without a break, and both come back."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        client.packets(0.3)
        sim.inject(fault, "cam1", 1.0)
        client.packets(0.2)
        during = {packet.channel for packet in client.packets(0.5)}
        assert silent not in during
        assert 2 - silent in during
        assert {0, 2} <= {packet.channel for packet in client.packets(1.0)}


def test_half_open_answers_nothing() -> None:
    """A half-open camera neither sends nor answers TEARDOWN, new connections hang too, and the end is a reset."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        sim.inject("half_open", "cam1", 1.2)
        client.packets(0.2)
        client.send("TEARDOWN")
        with RawClient(sim.url("cam1"), timeout_s=0.4) as other, pytest.raises(TimeoutError):
            other.ask("OPTIONS")
        assert client.until_end() == "reset"
        assert (sim.counts("cam1").killed, sim.counts("cam1").left_behind) == (1, 0)


@pytest.mark.parametrize(("fault", "end"), [("reset", "reset"), ("close", "closed")])
def test_connections_break_and_new_ones_are_welcome(fault: str, end: str) -> None:
    """`reset` breaks with RST and `close` with FIN; the next session plays at once, from a keyframe."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        client.packets(0.2)
        sim.inject(fault, "cam1")
        assert client.until_end() == end
        with RawClient(sim.url("cam1")) as other:
            assert other.play().status == 200
            assert _has_keyframe(other.packets(0.3))


def test_refuse_closes_the_port_of_one_camera() -> None:
    """`refuse` resets sessions and closes the camera's own port for its time; the neighbour does not notice."""
    cameras = (small_camera("cam1"), small_camera("cam2"))
    with simulated(*cameras, port_per_camera=True) as sim:
        with RawClient(sim.url("cam1")) as client, RawClient(sim.url("cam2")) as neighbour:
            client.play()
            neighbour.play()
            client.packets(0.2)
            sim.inject("refuse", "cam1", 0.6)
            assert client.until_end() == "reset"
            with pytest.raises(ConnectionRefusedError):
                RawClient(sim.url("cam1"))
            assert _unbroken(_counters(neighbour.packets(0.8)))
        with RawClient(sim.url("cam1")) as client:
            assert client.play().status == 200


def test_refuse_on_a_shared_port_resets() -> None:
    """Where cameras share a port, `refuse` resets a connection as soon as it names the camera."""
    with simulated(small_camera("cam1"), small_camera("cam2")) as sim:
        sim.inject("refuse", "cam1", 5)
        with RawClient(sim.url("cam1")) as client, pytest.raises(ConnectionResetError):
            client.ask("OPTIONS")
        with RawClient(sim.url("cam2")) as client:
            assert client.play().status == 200


@pytest.mark.parametrize(("fault", "status"), [("unauthorized", 401), ("session_limit", 453)])
def test_sessions_are_dropped_and_refused(fault: str, status: int) -> None:
    """`unauthorized` and `session_limit` end running sessions and turn new ones away for their time, not longer."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        sim.inject(fault, "cam1", 0.5)
        assert client.until_end() == "closed"
        with RawClient(sim.url("cam1")) as other:
            reply = other.play()
            assert reply.status == status
            if status == 401:
                assert reply.headers["www-authenticate"].startswith("Digest realm=")
        client.socket.close()
        with contextlib.suppress(EOFError), RawClient(sim.url("cam1")) as idle:
            idle.packets(0.6)
        with RawClient(sim.url("cam1")) as other:
            assert other.play().status == 200


def test_no_keyframe_sends_deltas_only() -> None:
    """`no_keyframe` leaves out keyframes, for new sessions too, and nothing else; its end brings one."""
    with simulated(small_camera(gop=10)) as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        client.packets(0.2)
        sim.inject("no_keyframe", "cam1", 1.2)
        client.packets(0.1)
        with RawClient(sim.url("cam1")) as other:
            other.play()
            late = other.packets(0.3)
        during = client.packets(0.5)
        assert len(_counters(during)) > 10
        assert _unbroken(_counters(during))
        assert _counters(late)
        assert not _has_keyframe(during)
        assert not _has_keyframe(late)
        assert _has_keyframe(client.packets(0.8))


def _jumps(packets: list[Packet]) -> list[int]:
    stamps = [packet.timestamp for packet in _video(packets) if packet.marker]
    return [(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(stamps) if (b - a) & 0xFFFFFFFF != 3600]


@pytest.mark.parametrize("seconds", [10, -10])
def test_timestamp_jump_moves_rtp_time_once(seconds: int) -> None:
    """RTP time jumps once by what was asked; the counters in the pictures go on."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        client.packets(0.2)
        sim.inject("timestamp_jump", "cam1", seconds=seconds)
        packets = client.packets(0.8)
        assert _jumps(packets) in ([], [(3600 + seconds * 90_000) & 0xFFFFFFFF])
        assert _unbroken(_counters(packets))


def test_drift_changes_the_pace() -> None:
    """A clock that runs a fifth too fast gives a fifth more pictures, each still 1/25 s long by its own account."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        client.packets(0.1)
        sim.inject("drift", "cam1", 10, ppm=200_000)
        packets = client.packets(2.0)
        assert len(_counters(packets)) == pytest.approx(60, abs=4)
        assert _jumps(packets) == []


def test_codec_change_needs_a_new_description() -> None:
    """`codec_change` closes sessions; the new SDP has the other codec and its pictures, and later the first again."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        assert "H264/90000" in client.sdp
        sim.inject("codec_change", "cam1", 1.0)
        assert client.until_end() == "closed"
        with RawClient(sim.url("cam1")) as other:
            other.play()
            assert "H265/90000" in other.sdp
            pictures = nal_units("h265", _video(other.packets(0.3)))
            assert [nal[0] >> 1 for nal in pictures[0]][:3] == [32, 33, 34]
            assert other.until_end() == "closed"
        with RawClient(sim.url("cam1")) as other:
            other.play()
            assert "H264/90000" in other.sdp


def test_size_changes_within_the_session() -> None:
    """`size_change` brings new parameter sets and pictures of another size in the running session, and back."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        packets = client.packets(0.3)
        sim.inject("size_change", "cam1", 0.8)
        packets += client.packets(1.5)
        sizes = [picture.shape for picture in _pictures(packets)]
        assert [size for at, size in enumerate(sizes) if at == 0 or size != sizes[at - 1]] == [
            (240, 320),
            (176, 240),
            (240, 320),
        ]
        assert _unbroken(_counters(packets))


def test_content_faults_leave_no_gap() -> None:
    """Black, frozen and moving pictures come in the running session without a gap or new parameter sets."""
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        packets = client.packets(0.3)
        for fault in ("black", "freeze", "motion"):
            sim.inject(fault, "cam1", 0.5)
            packets += client.packets(0.8)
        assert _unbroken(_counters(packets))
        nals = [nal for nals in nal_units("h264", _video(packets)) for nal in nals]
        assert len({nal for nal in nals if nal[0] & 0x1F == 7}) == 1
        pictures = [picture.astype(int) for picture in _pictures(packets)]
        assert sum(picture.max() <= 20 for picture in pictures) == pytest.approx(12, abs=4)
        changes = [abs(a - b).mean() for a, b in itertools.pairwise(pictures)]
        assert sum(change < 0.3 for change in changes) >= 18


def test_silence_is_digital_silence() -> None:
    """`silence` replaces the sound by coded silence; pictures and blocks go on without a gap."""
    silent = load_audio(AudioSpec(content=Sound.SILENCE)).frames
    with simulated() as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        client.packets(0.2)
        sim.inject("silence", "cam1", 1.0)
        client.packets(0.1)
        packets = client.packets(0.5)
        blocks = [packet for packet in packets if packet.channel == 2]
        assert blocks
        assert {packet.payload[4:] in silent for packet in blocks} == {True}
        assert {b.timestamp - a.timestamp for a, b in itertools.pairwise(blocks)} == {1024}
        assert _unbroken(_counters(packets))


def test_faults_are_in_the_ledger(tmp_path: Path) -> None:
    """The ledger says when each fault began and ended, and what became of the sessions."""
    ledger = tmp_path / "ledger.jsonl"
    with simulated(ledger=ledger) as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        sim.inject("close", "cam1")
        client.until_end()
        sim.inject("black", "cam1", 0.3)
        with RawClient(sim.url("cam1")) as other:
            other.play()
            other.packets(0.6)
            other.ask("TEARDOWN")
    (begin,), (end,) = (read_ledger(ledger, what, fault="black") for what in ("fault_begin", "fault_end"))
    assert end["wall_us"] - begin["wall_us"] == pytest.approx(300_000, abs=100_000)
    assert [
        line["what"] for line in read_ledger(ledger, camera="cam1") if "session" in line and line["what"] != "video"
    ] == [
        "open",
        "play",
        "killed",
        "open",
        "play",
        "torn_down",
    ]


def test_impossible_cameras_are_refused() -> None:
    """A name that is no camera id, and a way to sign in that does not exist, are refused."""
    with pytest.raises(UsageError, match="not a camera id"):
        CameraSpec(name="front door")
    with pytest.raises(UsageError, match="sign in"):
        CameraSpec(name="gate", auth="ntlm")

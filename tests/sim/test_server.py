import asyncio
import itertools
import os
import threading
import time
from pathlib import Path

import pytest

from holdfast.core.errors import AlreadyRunning, UsageError
from holdfast.sim.camera import CameraSpec
from holdfast.sim.faults import Fault
from holdfast.sim.server import SimServer
from holdfast.sim.thread import SimThread
from support.recording import until
from support.sim import read_ledger, simulated, small_camera
from support.sim_client import RawClient

pytestmark = pytest.mark.best_of_three  # real time is the subject: who writes and who reads are threads beside others


def test_fifty_cycles_leave_nothing(no_leaks: None) -> None:
    """Fifty servers started, used and stopped leave no thread, descriptor or task behind."""

    async def cycle() -> None:
        async with SimServer([small_camera()]) as sim:
            reader, writer = await asyncio.open_connection("127.0.0.1", sim.ports["cam1"])
            writer.write(b"OPTIONS rtsp://h/cam1 RTSP/1.0\r\nCSeq: 1\r\n\r\n")
            assert (await reader.readline()).startswith(b"RTSP/1.0 200")
            writer.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def all_cycles() -> None:
        for _ in range(50):
            await cycle()

    asyncio.run(all_cycles())


def test_stopping_ends_running_sessions(tmp_path: Path, no_leaks: None) -> None:
    """A server that stops resets its clients, slow and half-open ones too, and accounts for their sessions."""
    ledger = tmp_path / "ledger.jsonl"
    clients = []
    with simulated(ledger=ledger) as sim:
        for _ in range(3):
            clients.append(RawClient(sim.url("cam1")))
            clients[-1].play()
        sim.inject("half_open", "cam1", 60)
        counts = sim.counts("cam1")
    for client in clients:
        assert client.until_end() == "reset"
        client.socket.close()
    assert (counts.killed, counts.open) == (3, 0)
    assert len(read_ledger(ledger, "killed")) == 3
    assert read_ledger(ledger)[-1]["what"] == "stop"


def test_restarts_on_one_port(no_leaks: None) -> None:
    """F53: twenty restarts in a row on one port succeed, each after a session that was cut off in the middle."""
    with simulated() as sim:
        port = sim.server.ports["cam1"]
    for _ in range(20):
        with simulated(port=port) as sim, RawClient(sim.url("cam1")) as client:
            assert client.play().status == 200


def test_port_in_use_says_what_to_try(no_leaks: None) -> None:
    """F53: a port that is taken is named, with how to find who has it."""
    with simulated() as sim:
        port = sim.server.ports["cam1"]
        with pytest.raises(AlreadyRunning, match=f"port {port} on 127.0.0.1 is in use") as caught, simulated(port=port):
            pass
    assert f"sport = :{port}" in caught.value.hint


def test_unusable_address_is_named(no_leaks: None) -> None:
    """An address that is not this machine's is refused by name."""
    server = SimServer([small_camera()], host="192.0.2.1")

    async def start() -> None:
        async with server:
            pass

    with pytest.raises(UsageError, match=r"cannot listen on 192.0.2.1"):
        asyncio.run(start())


def test_ports_per_camera_serve_only_their_own() -> None:
    """With a port for each camera a port knows its own camera and no other."""
    with simulated(small_camera("cam1"), small_camera("cam2"), port_per_camera=True) as sim:
        assert sim.server.ports["cam1"] != sim.server.ports["cam2"]
        with RawClient(sim.url("cam1").replace("/cam1/", "/cam2/")) as client:
            assert client.play().status == 404


def test_script_runs_by_itself(tmp_path: Path) -> None:
    """Faults of a script set in and end when they should, relative to the start or at a wall time."""
    ledger = tmp_path / "ledger.jsonl"
    script = [
        Fault(camera="cam1", fault="black", at_s=0.2, for_s=0.3),
        Fault(camera="cam1", fault="silent", at_us=time.time_ns() // 1000 + 900_000, for_s=0.1),
    ]
    with simulated(ledger=ledger, script=script):
        end_s = time.monotonic() + 10
        while len(read_ledger(ledger, "fault_end")) < 2 and time.monotonic() < end_s:
            time.sleep(0.05)
    start_us = read_ledger(ledger, "start")[0]["wall_us"]
    begins = {line["fault"]: line["wall_us"] for line in read_ledger(ledger, "fault_begin")}
    ends = {line["fault"]: line["wall_us"] for line in read_ledger(ledger, "fault_end")}
    assert begins["black"] - start_us == pytest.approx(200_000, abs=100_000)
    assert ends["black"] - begins["black"] == pytest.approx(300_000, abs=100_000)
    assert begins["silent"] == pytest.approx(script[1].at_us, abs=100_000)


@pytest.mark.parametrize("what", ["url", "counts", "inject", "script"])
def test_unknown_cameras_are_refused(what: str) -> None:
    """Whoever names a camera that does not exist is told which do."""
    if what == "script":
        with pytest.raises(UsageError, match="no simulated camera 'x'"):
            SimServer([small_camera()], script=[Fault(camera="x", fault="silent")])
        return
    with simulated() as sim:

        def ask() -> None:
            if what == "url":
                sim.url("x")
            elif what == "counts":
                sim.counts("x")
            else:
                sim.inject("silent", "x")

        with pytest.raises(UsageError, match="no simulated camera 'x'") as caught:
            ask()
    assert caught.value.hint == "there are cam1"


def test_same_name_twice_is_refused() -> None:
    """Camera ids are unique ignoring case, as in a configuration."""
    with pytest.raises(UsageError, match="same name"):
        SimServer([CameraSpec(name="gate"), CameraSpec(name="Gate")])


def test_thread_hands_back_what_went_wrong() -> None:
    """What stops the server's thread is raised where it was started, and no thread stays."""
    before = threading.active_count()
    with pytest.raises(UsageError, match="ledger"), simulated(ledger=Path(os.sep) / "nowhere" / "ledger"):
        pass
    assert threading.active_count() == before


def test_bursts_come_five_times_a_second() -> None:
    """A camera that sends in bursts hands over five pictures at a time, and loses none."""
    with simulated(small_camera(bursts=True)) as sim, RawClient(sim.url("cam1")) as client:
        client.play()
        packets = [packet for packet in client.packets(2.4) if packet.channel == 0 and packet.marker]
    times = [packet.at_s for packet in packets]
    pauses = [b - a for a, b in itertools.pairwise(times) if b - a > 0.1]
    # From the first burst on, which may come late: a pause each fifth of a second.
    assert 4.5 <= len(pauses) / (times[-1] - times[0]) <= 5.5
    assert len(pauses) >= 5
    assert len(packets) >= 25
    stamps = [packet.timestamp for packet in packets]
    assert {(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(stamps)} == {3600}


def test_a_script_waits_for_who_looks(tmp_path: Path) -> None:
    """A script that waits begins when every camera was asked for media, and counts from then."""
    ledger = tmp_path / "ledger.jsonl"
    cameras = [small_camera(name) for name in ("cam1", "cam2")]
    server = SimServer(cameras, ledger=ledger, script=[Fault(camera="cam1", fault="silent", at_s=0.1, for_s=1)])
    server.script_waits = True
    with SimThread(server) as sim, RawClient(sim.url("cam1")) as one:
        one.play()
        one.packets(0.3)
        assert read_ledger(ledger, "fault_begin") == []
        with RawClient(sim.url("cam2")) as other:
            other.play()
            until(lambda: read_ledger(ledger, "fault_begin"))

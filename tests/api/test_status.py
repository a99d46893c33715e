"""How host and node are, over HTTP."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.status import StreamState
from holdfast.core.timing import SECOND_US, iso
from holdfast.library import volumes
from holdfast.library.accounts import Role
from holdfast.library.index import Indexer
from holdfast.storage.volume import MARKER
from support.accounts import code
from support.clock import PushedClock
from support.journals import Told
from support.pages import Site, silent_cameras, site, was_asked

KEYS = {"cpu", "memory", "storage", "temperature", "uptime", "errors", "recent_recordings", "is_recording", "network"}


@pytest.fixture(name="two")
def _two(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node with a gate and a dock, its volume ready."""
    with site(tmp_path, clock, "gate", "dock") as made:
        volumes.prepare(made.home.context.config, clock)
        yield made


def test_the_whole_status(two: Site) -> None:
    """All keys in one answer with a word for all of it, at the API's and at the predecessor's address (C108)."""
    two.says("gate")
    for path in ("/api/v1/status", "/status"):
        answer = two.as_().get(path)
        body = answer.json()
        assert answer.status_code == 200, body
        assert set(body) == KEYS | {"status", "timestamp", "version"}
        assert body["status"] == "critical"  # nobody records the dock
        assert body["timestamp"] == iso(two.clock.wall_us())


@pytest.mark.parametrize("key", sorted(KEYS))
def test_each_key_alone(two: Site, key: str) -> None:
    """A key gives an object with this key alone, the same at both addresses (C108)."""
    assert set(two.as_().get(f"/api/v1/status/{key}").json()) == {key}
    assert set(two.as_().get(f"/status/{key}").json()) == {key}


def test_an_unknown_key_is_not_found(two: Site) -> None:
    """A key that is none stays 404, in the shape of all errors, and the hint says which there are (F55)."""
    for path in ("/api/v1/status/disk", "/status/disk"):
        answer = two.home.client(two.home.token(Role.VIEWER)).get(path)
        assert (answer.status_code, code(answer)) == (404, "not-found")
        assert all(key in answer.json()["error"]["hint"] for key in KEYS)
        assert answer.json()["detail"] == answer.json()["error"]["message"]


def test_is_recording_says_which(two: Site) -> None:
    """Each camera says whether it is being recorded; a word of a recorder that is gone does not count."""

    def said() -> dict[str, object]:
        body: dict[str, dict[str, object]] = two.as_().get("/status/is_recording").json()
        return body["is_recording"]

    assert said() == {"any": False, "all": False, "cameras": {"gate": False, "dock": False}}
    two.says("gate")
    assert said() == {"any": True, "all": False, "cameras": {"gate": True, "dock": False}}
    two.says("dock")
    assert said() == {"any": True, "all": True, "cameras": {"gate": True, "dock": True}}
    two.says("dock", StreamState.DISABLED)
    assert said() == {"any": True, "all": True, "cameras": {"gate": True, "dock": False}}
    assert isinstance(two.clock, PushedClock)
    two.clock.advance(60)
    assert said() == {"any": False, "all": False, "cameras": {"gate": False, "dock": False}}


def test_errors_are_what_is_wrong_now_and_what_was_logged(two: Site) -> None:
    """Cameras that are lost come first, then today's error lines, newest first, without facts that are for admins."""
    two.says("gate", StreamState.WAITING, reason="refused", detail="camera refuses", hint="look at its limit")
    now_us = two.clock.wall_us()
    folder = two.home.context.config.log_dir
    folder.mkdir(parents=True)
    lines = [
        {"at": iso(now_us - age * 3600 * SECOND_US), "level": level, "role": "worker", "event": "catalog.lost",
         "reason": f"{age} h ago", "hint": "start it", "exception": "Traceback"}
        for age, level in ((30, "error"), (2, "error"), (1, "info"), (0, "critical"))
    ]  # fmt: skip
    (folder / "worker.log").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    errors = two.as_().get("/status/errors").json()["errors"]
    assert [error["source"] for error in errors] == ["camera", "camera", "worker", "worker"]
    assert errors[0]["message"].startswith("gate is not recording")
    assert (errors[0]["hint"], errors[0]["at"]) == ("look at its limit", None)
    assert [error["message"] for error in errors[2:]] == ["catalog.lost: 0 h ago", "catalog.lost: 2 h ago"]
    assert "Traceback" not in json.dumps(errors)


def test_errors_are_bounded(two: Site) -> None:
    """However much goes wrong, the answer stays short."""
    folder = two.home.context.config.log_dir
    folder.mkdir(parents=True)
    line = json.dumps({"at": iso(two.clock.wall_us()), "level": "error", "role": "worker", "event": "odd"})
    (folder / "worker.log").write_text(f"{line}\n" * 5000, encoding="utf-8")
    assert len(two.as_().get("/status/errors").json()["errors"]) == 20


def test_recent_recordings_are_the_newest(two: Site) -> None:
    """The newest finished files of all streams, newest first, each with its name in the addresses of segments."""
    assert isinstance(two.clock, PushedClock)
    told = [Told(two.root / "vol", two.clock, StreamKey(camera, "main")) for camera in ("gate", "dock")]
    for one in told:
        one.open()
    for _ in range(7):
        for one in told:
            one.record(10)
    for one in told:
        one.die()
    Indexer(two.home.context.catalog(), {"main": two.root / "vol"}, two.clock).pass_once()
    found = two.as_().get("/status/recent_recordings").json()["recent_recordings"]
    assert len(found) == 10
    assert [one["start_us"] for one in found] == sorted((one["start_us"] for one in found), reverse=True)
    assert {one["camera"] for one in found} == {"gate", "dock"}
    assert found[0]["file"].endswith(f"{found[0]['segment']}.mp4")
    assert all(one["end_us"] > one["start_us"] and one["bytes"] > 0 for one in found)


def test_a_lost_catalog_takes_nothing_else(two: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the catalog every key but the recordings is there, and the status is no server error (F55)."""
    client = two.as_()
    client.get("/status")

    def away() -> None:
        raise CatalogUnavailable("it is gone")

    monkeypatch.setattr(two.home.app.state.holdings, "_catalog", away)
    body = client.get("/status").json()
    assert body["recent_recordings"] is None
    assert body["is_recording"]["cameras"] == {"gate": False, "dock": False}


def test_storage_is_judged(two: Site) -> None:
    """A volume says how full its disk is; one that is not there is critical, with its reason."""
    storage = two.as_().get("/status/storage").json()["storage"]
    (disk,) = storage["volumes"]
    assert disk["volume"] == "main"
    assert disk["percent"] == storage["percent"]
    assert 0 <= disk["percent"] <= 100
    (two.root / "vol" / MARKER).unlink()
    storage = two.as_().get("/status/storage").json()["storage"]
    assert storage["level"] == "critical"
    assert storage["volumes"][0]["problem"]


def test_uptime_and_network(two: Site) -> None:
    """Host, Holdfast and server say how long they run; the network comes with whether the clock is set by it."""
    assert isinstance(two.clock, PushedClock)
    uptime = two.as_().get("/status/uptime").json()["uptime"]
    assert uptime == {"host_s": 5.0, "holdfast_s": None, "server_s": 0.0}
    two.clock.advance(60)
    body = {"v": 1, "state": "running", "at_us": two.clock.wall_us(), "since_us": two.clock.wall_us() - 3_000_000}
    (two.root / "run").mkdir(exist_ok=True)
    (two.root / "run" / "supervisor.json").write_text(json.dumps(body), encoding="utf-8")
    assert two.as_().get("/status/uptime").json()["uptime"] == {"host_s": 65.0, "holdfast_s": 3.0, "server_s": 60.0}
    network = two.as_().get("/status/network").json()["network"]
    assert network["clock_synchronised"] is True
    assert "lo" not in {one["name"] for one in network["interfaces"]}


@pytest.mark.best_of_three
def test_dead_cameras_cost_no_time(tmp_path: Path) -> None:
    """With 8 cameras that take a connection and say nothing, the status is there at once and none was asked (F66)."""
    with silent_cameras(8) as cameras:
        names = [f"cam{number}" for number in range(8)]
        ports = dict(zip(names, (one.getsockname()[1] for one in cameras), strict=True))
        more = "".join(f'[cameras.{name}]\nurl = "rtsp://127.0.0.1:{port}/x"\n' for name, port in ports.items())
        with site(tmp_path, SystemClock(), more=more) as made:
            for name in names:
                made.says(name, StreamState.WAITING, reason="unreachable", detail="no answer")
            client = made.as_()
            client.get("/status")
            took = []
            for path in ["/status", *(f"/status/{key}" for key in sorted(KEYS))]:
                began = time.perf_counter()
                body = client.get(path).json()
                took.append(time.perf_counter() - began)
                assert body
            assert not was_asked(cameras)
            assert max(took) < 0.5
            assert len(client.get("/status/errors").json()["errors"]) == 8

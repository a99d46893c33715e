"""What streams are doing, and being told of it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.api import streams
from holdfast.core.clock import SystemClock
from holdfast.core.status import StreamState
from support.clock import PushedClock
from support.pages import Site, site
from support.web import application, serving


@pytest.fixture(name="two")
def _two(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node with a gate and a dock."""
    with site(tmp_path, clock, "gate", "dock") as made:
        yield made


def test_every_stream_is_listed_as_its_recorder_said(two: Site) -> None:
    """A program sees the state sentence and each stream, a camera that nobody records included (C109)."""
    two.says("gate")
    body = two.as_().get("/api/v1/streams").json()
    assert [stream["camera"] for stream in body["streams"]] == ["gate", "dock"]
    assert [stream["health"] for stream in body["streams"]] == ["well", "lost"]
    assert body["sentence"].startswith("dock")
    assert body["well"] is False


class Listener:
    """Reads events on a thread."""

    def __init__(self, address: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.client = httpx.Client(timeout=60, trust_env=False)
        self.address = address
        self.thread = threading.Thread(target=self._read)

    def _read(self) -> None:
        with self.client.stream("GET", f"{self.address}/api/v1/changes") as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    self.events.append(json.loads(line.removeprefix("data: ")))
                if len(self.events) >= 2:
                    return

    def until(self, count: int) -> None:
        """Wait for so many events."""
        end = time.monotonic() + 60
        while len(self.events) < count:
            assert time.monotonic() < end, self.events
            time.sleep(0.02)


@contextmanager
def _served(made: Site) -> Iterator[str]:
    app = application(made.home.context, [streams.router], alive=[streams.lifespan])
    with serving(app) as address:
        yield address


@pytest.mark.best_of_three
def test_a_change_is_told_to_all_who_listen(tmp_path: Path) -> None:
    """Whoever begins to listen gets the node at once, and a change within two seconds; one look serves all (C127)."""
    with site(tmp_path, SystemClock(), "gate") as made, _served(made) as address:
        made.says("gate")
        listeners = [Listener(address) for _ in range(3)]
        for listener in listeners:
            listener.thread.start()
        for listener in listeners:
            listener.until(1)
        began = time.monotonic()
        made.says("gate", StreamState.STALLED, reason="stalled")
        for listener in listeners:
            listener.until(2)
        assert time.monotonic() - began < 3
        for listener in listeners:
            listener.thread.join(60)
            listener.client.close()
    assert listeners[0].events[0]["streams"][0]["state"] == "recording"
    assert [listener.events[1]["streams"][0]["state"] for listener in listeners] == ["stalled"] * 3


@pytest.mark.parametrize("state", [StreamState.STALLED, StreamState.RECORDING])
def test_what_lasts_is_told_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: StreamState) -> None:
    """Where nothing changes, the state is told anew now and then, so that no duration in it stands still (C127)."""
    monkeypatch.setattr(streams, "UNWELL_S" if state is StreamState.STALLED else "WELL_S", 1.0)
    with site(tmp_path, SystemClock(), "gate") as made, _served(made) as address:
        last_us = made.clock.wall_us()
        reason = "" if state is StreamState.RECORDING else "stalled"
        made.says("gate", state, reason=reason, since_us=last_us - 5_000_000, last_sample_us=last_us)
        (made.root / "run/supervisor.json").write_text(json.dumps({"at_us": made.clock.wall_us(), "state": "starting"}))
        listener = Listener(address)
        listener.thread.start()
        listener.until(2)
        listener.thread.join(60)
        listener.client.close()
    first, second = (event["streams"][0] for event in listener.events)
    assert second["state"] == first["state"] == state.value
    if state is StreamState.STALLED:
        assert second["words"] != first["words"]
    else:
        assert second["frame_age_s"] > first["frame_age_s"]


def test_only_so_many_may_listen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One listener more than there may be is refused with 429."""
    monkeypatch.setattr(streams, "MOST", 0)
    with site(tmp_path, SystemClock(), "gate") as made, _served(made) as address:
        assert httpx.get(f"{address}/api/v1/changes", trust_env=False, timeout=60).status_code == 429

"""Volumes over HTTP."""

from pathlib import Path

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.status import StreamState
from holdfast.library import volumes
from holdfast.library.index import Indexer
from holdfast.storage.volume import MARKER
from support.clock import PushedClock
from support.journals import Told
from support.pages import site


def test_volumes_tell_room_writers_and_usage(tmp_path: Path, clock: PushedClock) -> None:
    """A volume says how full it is, which streams go there and write now, and what lies there of each (C110)."""
    with site(tmp_path, clock, "gate", "dock") as made:
        volumes.prepare(made.home.context.config, clock)
        told = Told(tmp_path / "vol", clock, StreamKey("gate", "main"))
        told.open()
        sealed = [told.record(10) for _ in range(3)]
        told.die()
        Indexer(made.home.context.catalog(), {"main": tmp_path / "vol"}, clock).pass_once()
        made.says("gate")
        made.says("dock", StreamState.STALLED, reason="stalled")
        body = made.as_().get("/api/v1/volumes").json()
        (volume,) = body["items"]
        assert (volume["name"], volume["path"], volume["state"]) == ("main", str(tmp_path / "vol"), "ready")
        assert (volume["planned"], volume["writing"]) == (["gate", "dock"], ["gate"])
        assert volume["usage"] == [
            {
                "camera": "gate",
                "stream": "main",
                "class": "footage",
                "tier": "hot",
                "files": 3,
                "bytes": sum(one.bytes for one in sealed),
            }
        ]
        assert 0 < volume["free_bytes"] < volume["total_bytes"]
        assert volume["id"]
        assert body["usage_at_us"] == clock.wall_us()


def test_a_missing_volume_says_why(tmp_path: Path, clock: PushedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is not there has no numbers but a reason and what to do; without the catalog usage is unknown."""
    with site(tmp_path, clock, "gate") as made:
        volumes.prepare(made.home.context.config, clock)
        (tmp_path / "vol" / MARKER).unlink()
        client = made.as_()
        client.get("/livez")

        def away() -> None:
            raise CatalogUnavailable("it is gone")

        monkeypatch.setattr(made.home.app.state.holdings, "_catalog", away)
        body = client.get("/api/v1/volumes").json()
        (volume,) = body["items"]
        assert (volume["state"], volume["level"], volume["free_bytes"]) == ("missing", "critical", None)
        assert volume["problem"]
        assert volume["hint"]
        assert (volume["usage"], body["usage_at_us"]) == (None, None)

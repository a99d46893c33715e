"""What other settings of retention would mean, over HTTP."""

from pathlib import Path

from holdfast.library import retention
from holdfast.library.accounts import Role
from holdfast.storage.volume import create_marker
from support.accounts import house
from support.clock import PushedClock
from support.pages import Site

PREVIEW = "/api/v1/retention/preview"


def test_a_draft_says_what_it_would_delete(tmp_path: Path, clock: PushedClock) -> None:
    """Now and then stand side by side, for all cameras or one; nothing is saved, and only admins may ask (C080)."""
    with house(tmp_path, clock, more='[cameras.gate]\nurl = "rtsp://192.0.2.1/x"\n') as home:
        made = Site(tmp_path, home, clock)
        (tmp_path / "vol").mkdir()
        create_marker(tmp_path / "vol", 0)
        retention.confirm(home.context.catalog(), clock)
        told = made.journal("gate")
        told.record(600)
        told.record(600)
        clock.advance(9 * 86_400)
        told.record(600, "r2")
        clock.advance(900)
        made.index()
        client = home.client(home.token(Role.ADMIN))
        found = client.post(PREVIEW, json={"settings": {"defaults.retention.keep_days": 7}}).json()
        assert (found["now"]["files"], found["then"]["files"]) == (0, 2)
        assert [(one["camera"], one["why"]) for one in found["then"]["going"]] == [("gate", "older than 7 days")]
        assert [one["volume"] for one in found["then"]["volumes"]] == ["main"]
        one = client.post(PREVIEW, json={"camera": "gate", "retention": {"keep_days": 8}}).json()
        assert (one["now"]["files"], one["then"]["files"]) == (0, 2)
        assert client.post(PREVIEW, json={"settings": {"defaults.retention.keep_days": -1}}).status_code == 422
        assert client.post(PREVIEW, json={"settings": {"web.port": 1}}).status_code == 404
        assert client.post(PREVIEW, json={"camera": "moon"}).status_code == 404
        assert home.client(home.token(Role.OPERATOR)).post(PREVIEW, json={}).status_code == 403
        assert client.get("/api/v1/retention").json()["files"] == 0
        told.die()

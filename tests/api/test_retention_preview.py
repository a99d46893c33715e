"""What other settings of retention would mean, over HTTP."""

from pathlib import Path

from holdfast.library.accounts import Role
from support.clock import PushedClock
from support.pages import aged_site

PREVIEW = "/api/v1/retention/preview"


def test_a_draft_says_what_it_would_delete(tmp_path: Path, clock: PushedClock) -> None:
    """Now and then stand side by side, for all cameras or one; nothing is saved, and only admins may ask (C080)."""
    with aged_site(tmp_path, clock) as made:
        home = made.home
        client = home.client(home.token(Role.ADMIN))
        found = client.post(PREVIEW, json={"settings": {"defaults.retention.keep_days": 7}}).json()
        assert (found["now"]["files"], found["then"]["files"]) == (0, 4)
        assert [(one["camera"], one["why"]) for one in found["then"]["going"]] == [("gate", "older than 7 days")]
        assert [one["volume"] for one in found["then"]["volumes"]] == ["main"]
        one = client.post(PREVIEW, json={"camera": "gate", "retention": {"keep_days": 8}}).json()
        assert (one["now"]["files"], one["then"]["files"]) == (0, 4)
        assert client.post(PREVIEW, json={"settings": {"defaults.retention.keep_days": -1}}).status_code == 422
        assert client.post(PREVIEW, json={"settings": {"web.port": 1}}).status_code == 404
        assert client.post(PREVIEW, json={"camera": "moon"}).status_code == 404
        assert home.client(home.token(Role.OPERATOR)).post(PREVIEW, json={}).status_code == 403
        assert client.get("/api/v1/retention").json()["files"] == 0

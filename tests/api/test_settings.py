from pathlib import Path

from holdfast.library.accounts import Role
from support.accounts import House, house
from support.clock import PushedClock

SETTINGS = "/api/v1/settings"


def test_settings_over_http(tmp_path: Path, clock: PushedClock, catalog_url: str) -> None:
    """Settings are listed with their origin, changed over the file at once, and set back (C126)."""
    with house(tmp_path, clock, catalog_url=catalog_url) as home:
        client = home.signed_in(home.user(Role.ADMIN, "ann"))
        before = {found["key"]: found for found in client.get(SETTINGS).json()["items"]}
        assert (before["web.viewers"]["value"], before["web.viewers"]["origin"]) == (64, "default")
        answer = client.patch(SETTINGS, json={"web.viewers": 3, "site.time_zone": "Asia/Tokyo"})
        now = {found["key"]: found for found in answer.json()["items"]}
        assert now["web.viewers"] == before["web.viewers"] | {
            "value": 3, "origin": "saved settings", "below": 64, "saved": True, "changed_us": clock.wall_us(),
            "changed_by": "ann",
        }  # fmt: skip
        assert (home.context.config.web.viewers, home.context.zone.key) == (3, "Asia/Tokyo")
        assert client.delete(f"{SETTINGS}/web.viewers").status_code == 204
        assert home.context.config.web.viewers == 64


def test_refusals_name_the_key(home: House) -> None:
    """A value that makes no sense is 422, an unknown key 404, and neither changes anything."""
    client = home.client(home.token(Role.ADMIN))
    answer = client.patch(SETTINGS, json={"site.name": "Pier", "web.viewers": "many"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad-input")
    assert answer.json()["detail"].startswith("web.viewers: must be a whole number")
    assert client.patch(SETTINGS, json={"web.port": 1}).status_code == 404
    assert client.delete(f"{SETTINGS}/web.port").status_code == 404
    assert client.patch(SETTINGS, json={}).status_code == 422
    assert client.patch(SETTINGS, json=["x"]).status_code == 422
    assert home.context.config.site.name == ""


def test_settings_are_for_administrators(home: House) -> None:
    """Neither viewers nor operators read or change settings (C139)."""
    for role in (Role.VIEWER, Role.OPERATOR):
        client = home.client(home.token(role))
        assert client.get(SETTINGS).status_code == 403
        assert client.patch(SETTINGS, json={"web.viewers": 3}).status_code == 403
        assert client.delete(f"{SETTINGS}/web.viewers").status_code == 403

"""Rules of delivery over HTTP: added, changed, removed, and the names that they would make."""

from pathlib import Path

from holdfast.library.accounts import Role
from support.accounts import House, house
from support.clock import PushedClock

RULES = "/api/v1/rules"
FILE = (
    '[targets.nas]\ntype = "folder"\npath = "nas"\n[cameras.gate]\nurl = "rtsp://192.0.2.1/gate"\n'
    '[deliveries.archive]\ntarget = "nas"\nname = "lab"\n'
)  # fmt: skip
ROW = {"url": "https://a.example/rest/v1", "table": "snaps", "preset": "shop", "key": "tide-9"}


def test_a_rule_is_added_changed_and_set_back(tmp_path: Path, clock: PushedClock) -> None:
    """PUT saves a rule whole; DELETE takes away what was added, and sets one of the file back (C126, C128)."""
    with house(tmp_path, clock, more=FILE) as home:
        client = home.signed_in(home.user(Role.ADMIN, "ann"))
        (before,) = client.get(RULES).json()["items"]
        assert (before["origin"], before["changed"], before["table"]["name"]) == ("holdfast.toml:11", False, "lab")
        table = {"target": "nas", "assets": ["stills"], "row": ROW}
        made = client.put(f"{RULES}/snaps", json=table).json()
        assert (made["enabled"], made["table"]["row"]["key"], made["changed_by"]) == (True, "****", "ann")
        assert home.context.config.deliveries["snaps"].row is not None
        changed = client.put(f"{RULES}/archive", json={"target": "nas", "enabled": False}).json()
        assert (changed["enabled"], changed["table"]["name"]) == (False, "own")
        assert client.delete(f"{RULES}/archive").status_code == 204
        assert client.get(f"{RULES}/archive").json() == before
        answer = client.delete(f"{RULES}/archive")
        assert (answer.status_code, answer.json()["error"]["hint"]) == (409, "take it out there")
        assert client.delete(f"{RULES}/snaps").status_code == 204
        assert list(home.context.config.deliveries) == ["archive"]


def test_names_are_shown_before_anything_is_sent(tmp_path: Path, clock: PushedClock) -> None:
    """For each kind of file there is the name that it would get; a wrong template is said of its field."""
    with house(tmp_path, clock, more=FILE) as home:
        client = home.client(home.token(Role.ADMIN))
        found = client.post(f"{RULES}/example", json={"target": "nas", "name": "lab", "assets": ["segments", "stills"]})
        names = {one["assets"]: one["name"] for one in found.json()["items"]}
        assert names["segments"].startswith("gate/")
        assert names["segments"].endswith(".mkv")
        assert names["stills"].endswith(".jpg")
        answer = client.post(f"{RULES}/example", json={"target": "nas", "name": "{camera}"})
        assert answer.status_code == 422
        assert answer.json()["error"]["fields"][0]["field"] == "name"
        assert list(home.context.config.deliveries) == ["archive"]


def test_rules_are_for_administrators(home: House) -> None:
    """Neither viewers nor operators see or change rules (C139)."""
    for role in (Role.VIEWER, Role.OPERATOR):
        client = home.client(home.token(role))
        assert client.get(RULES).status_code == 403
        assert client.put(f"{RULES}/x", json={"target": "nas"}).status_code == 403
        assert client.delete(f"{RULES}/x").status_code == 403
        assert client.post(f"{RULES}/example", json={"target": "nas"}).status_code == 403

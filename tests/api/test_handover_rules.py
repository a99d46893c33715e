"""Rules of hand-over over HTTP: added, changed and removed."""

from pathlib import Path

import pytest

from holdfast.core.config.handovers import WebhookConfig
from holdfast.library.accounts import Role
from holdfast.storage.targets.marker import adopt
from support.accounts import House, house
from support.clock import PushedClock

RULES = "/api/v1/handovers/rules"
FILE = (
    '[targets.nas]\ntype = "folder"\npath = "nas"\n'
    '[handovers.scripts]\ntype = "marker"\nafter = ["nas"]\n'
)  # fmt: skip
HOOK = {"type": "webhook", "url": "https://hooks.example.org/k-93", "secret": "tide-9"}


def test_a_rule_is_added_changed_and_set_back(tmp_path: Path, clock: PushedClock) -> None:
    """PUT saves a rule whole, its address hidden; DELETE takes it away, or sets one of the file back (C126, C128)."""
    with house(tmp_path, clock, more=FILE) as home:
        client = home.signed_in(home.user(Role.ADMIN, "ann"))
        (before,) = client.get(RULES).json()["items"]
        assert (before["type"], before["enabled"], before["changed"]) == ("marker", True, False)
        made = client.put(f"{RULES}/site", json=HOOK).json()
        assert made["receiver"] == "https://hooks.example.org"
        assert (made["table"]["url"], made["table"]["secret"], made["changed_by"]) == ("****", "****", "ann")
        rule = home.context.config.handovers["site"]
        assert isinstance(rule, WebhookConfig)
        assert rule.url.reveal() == HOOK["url"]
        assert client.put(f"{RULES}/site", json={"type": "webhook", "timeout_s": 3}).status_code == 200
        rule = home.context.config.handovers["site"]
        assert isinstance(rule, WebhookConfig)
        assert (rule.url.reveal(), rule.secret.reveal(), rule.timeout_s) == (HOOK["url"], "tide-9", 3)
        elsewhere = client.put(f"{RULES}/site", json={"type": "webhook", "url": "https://evil.example.org/"})
        assert (elsewhere.status_code, elsewhere.json()["error"]["fields"][0]["field"]) == (422, "secret")
        changed = client.put(f"{RULES}/scripts", json={"type": "marker", "enabled": False}).json()
        assert (changed["enabled"], changed["table"]["after"]) == (False, [])
        assert client.delete(f"{RULES}/scripts").status_code == 204
        assert client.get(f"{RULES}/scripts").json() == before
        assert client.delete(f"{RULES}/site").status_code == 204
        assert list(home.context.config.handovers) == ["scripts"]
        standing = client.get("/api/v1/handovers").json()["items"]
        assert [one["name"] for one in standing] == ["scripts"]


def test_markers_go_only_where_this_machine_allows_it(tmp_path: Path, clock: PushedClock) -> None:
    """A folder lies in a volume or in a target that was adopted here; any other is for the file to name (C140)."""
    with house(tmp_path, clock, more=FILE) as home:
        client = home.client(home.token(Role.ADMIN))
        nas = home.context.config.targets["nas"].path  # type: ignore[union-attr] # it is a folder
        marker = {"type": "marker", "folder": str(nas), "name": "{path}.ready"}
        answer = client.put(f"{RULES}/x", json=marker)
        assert (answer.status_code, answer.json()["error"]["fields"][0]["field"]) == (422, "folder")
        Path(nas).mkdir()
        adopt("nas", Path(nas), 1)
        assert client.put(f"{RULES}/x", json=marker).status_code == 200
        assert client.put(f"{RULES}/y", json=marker | {"folder": f"{nas}/../.."}).status_code == 422


@pytest.mark.parametrize("more", [FILE])
def test_a_target_that_is_waited_for_stays(tmp_path: Path, clock: PushedClock, more: str) -> None:
    """A target cannot be taken away while a hand-over waits for its copies."""
    with house(tmp_path, clock, more=more) as home:
        client = home.client(home.token(Role.ADMIN))
        client.put("/api/v1/targets/other", json={"type": "folder", "path": str(tmp_path / "other")})
        client.put(f"{RULES}/late", json={"type": "marker", "after": ["other"], "name": "{file}.late"})
        answer = client.delete("/api/v1/targets/other")
        assert (answer.status_code, "hand-over late waits for it" in answer.json()["error"]["message"]) == (409, True)
        client.delete(f"{RULES}/late")
        assert client.delete("/api/v1/targets/other").status_code == 204


def test_rules_are_for_administrators(home: House) -> None:
    """Neither viewers nor operators see or change rules (C139)."""
    for role in (Role.VIEWER, Role.OPERATOR):
        client = home.client(home.token(role))
        assert client.get(RULES).status_code == 403
        assert client.put(f"{RULES}/x", json=HOOK).status_code == 403
        assert client.delete(f"{RULES}/x").status_code == 403

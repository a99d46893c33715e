"""Targets over HTTP: added, changed, removed and tried."""

from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from holdfast.http.trying import target_trials_of
from holdfast.library.accounts import Role
from holdfast.storage.targets.marker import adopt
from support.accounts import Client, House

TARGETS = "/api/v1/targets"
RULES = "/api/v1/rules"
SFTP = {"type": "sftp", "host": "192.0.2.9", "user": "keeper", "password": "tide-9"}


@pytest.fixture(name="admin")
def _admin(home: House) -> Client:
    """A program with every right."""
    return home.client(home.token(Role.ADMIN))


def folder(root: Path) -> dict[str, Any]:
    """Make a folder that is ready to be a target; returns its table."""
    adopt("nas", root / "nas", 1)
    return {"type": "folder", "path": str(root / "nas")}


def test_a_target_is_added_changed_and_removed(tmp_path: Path, home: House, admin: Client) -> None:
    """PUT saves a target whole, it holds at once, and DELETE takes it away unless a rule names it (C126, C128)."""
    answer = admin.put(f"{TARGETS}/nas", json=folder(tmp_path))
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["origin"], made["where"], made["rules"], made["changed"]) == (
        "saved settings", str(tmp_path / "nas"), [], True
    )  # fmt: skip
    assert home.context.config.targets["nas"].type == "folder"
    table = {**made["table"], "parallel": 5}
    assert admin.put(f"{TARGETS}/nas", json=table).json()["table"]["parallel"] == 5
    assert admin.put(f"{RULES}/archive", json={"target": "nas", "name": "lab"}).status_code == 200
    assert admin.get(TARGETS).json()["items"][0]["rules"] == ["archive"]
    answer = admin.delete(f"{TARGETS}/nas")
    assert (answer.status_code, answer.json()["detail"]) == (
        409, "target nas cannot be removed: rule archive sends to it"
    )  # fmt: skip
    assert admin.delete(f"{RULES}/archive").status_code == 204
    assert admin.delete(f"{TARGETS}/nas").status_code == 204
    assert (admin.get(f"{TARGETS}/nas").status_code, admin.get(TARGETS).json()["items"]) == (404, [])


def test_secrets_are_in_no_answer(home: House, admin: Client) -> None:
    """What is saved of a secret is `****` everywhere, and sending that back keeps it (C130)."""
    texts = [admin.put(f"{TARGETS}/office", json=SFTP).text]
    texts.append(admin.put(f"{TARGETS}/office", json={**SFTP, "password": "****", "parallel": 1}).text)
    texts += [admin.get(TARGETS).text, admin.get(f"{TARGETS}/office").text, admin.get("/api/v1/settings").text]
    assert not [text for text in texts if "tide-9" in text]
    assert home.context.loaded.secrets >= {"tide-9"}
    answer = admin.put(f"{TARGETS}/office", json={**SFTP, "password": "****", "host": "198.51.100.1"})
    assert (answer.status_code, answer.json()["error"]["fields"]) == (
        422, [{"field": "password", "message": "must be given anew: until now it goes elsewhere"}]
    )  # fmt: skip


def test_refusals_name_their_fields(home: House, admin: Client) -> None:
    """Each field that is wrong is named, as the configuration's check would, and nothing is saved."""
    answer = admin.put(f"{TARGETS}/office", json=SFTP | {"port": 0, "hots": "x"})
    fields = {one["field"]: one["message"] for one in answer.json()["error"]["fields"]}
    assert (answer.status_code, fields) == (422, {"port": "must be 1 or more, not 0", "hots": "unknown key"})
    assert admin.put(f"{TARGETS}/-x", json=SFTP).status_code == 422
    assert admin.put(f"{TARGETS}/x", json=["type"]).status_code == 422
    assert admin.delete(f"{TARGETS}/x").status_code == 404
    assert home.context.config.targets == {}


def test_trying_says_what_is_wrong_and_what_it_can(tmp_path: Path, home: House, admin: Client) -> None:
    """A target is tried as it is saved, by operators too, or as it would be; what fails says what to do (C084)."""
    table = folder(tmp_path)
    answer = admin.post(f"{TARGETS}/nas/try", json=table)
    assert (answer.json()["works"], answer.json()["verifies"]) == (True, "sha256, by reading back from the disk")
    assert home.context.config.targets == {}, "trying saves nothing"
    admin.put(f"{TARGETS}/nas", json=table)
    (tmp_path / "nas" / ".holdfast-target").unlink()
    found = home.client(home.token(Role.OPERATOR)).post(f"{TARGETS}/nas/test").json()
    assert (found["works"], found["code"], found["hint"]) == (
        False, "target-away", "mount what belongs there; if this is the right folder: holdfast targets adopt nas"
    )  # fmt: skip
    assert admin.post(f"{TARGETS}/moon/test").status_code == 404
    assert admin.post(f"{TARGETS}/nas/try", json={"type": "folder"}).status_code == 422


def test_one_trial_at_a_time(tmp_path: Path, home: House, admin: Client) -> None:
    """Nobody scans a network through us: who is trying a target waits for what comes of it."""
    admin.put(f"{TARGETS}/nas", json=folder(tmp_path))
    name = admin.get("/api/v1/session").json()["name"]
    with target_trials_of(HTTPConnection({"type": "http", "app": home.app})).turn(f"token {name}"):
        assert admin.post(f"{TARGETS}/nas/test").status_code == 429
    assert admin.post(f"{TARGETS}/nas/test").status_code == 200


def test_targets_are_for_administrators(home: House) -> None:
    """Neither viewers nor operators see or change how targets are configured (C139)."""
    for role in (Role.VIEWER, Role.OPERATOR):
        client = home.client(home.token(role))
        assert client.get(TARGETS).status_code == 403
        assert client.put(f"{TARGETS}/x", json=SFTP).status_code == 403
        assert client.delete(f"{TARGETS}/x").status_code == 403
        assert client.post(f"{TARGETS}/x/try", json=SFTP).status_code == 403
    assert home.client(home.token(Role.VIEWER)).post(f"{TARGETS}/x/test").status_code == 403

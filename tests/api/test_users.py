from pathlib import Path

import pytest

from holdfast.library.accounts import Role
from support.accounts import PASSWORD, House, code, house
from support.clock import PushedClock

USERS = "/api/v1/users"


def test_users_are_kept(tmp_path: Path, clock: PushedClock, catalog_url: str) -> None:
    """An admin adds, lists, reads, changes and removes users; no answer holds a password or its hash (C103)."""
    with house(tmp_path, clock, catalog_url=catalog_url) as home:
        client = home.signed_in(home.user(Role.ADMIN, "ann"))
        made = client.post(USERS, json={"name": "Bob", "password": PASSWORD, "role": "operator"})
        assert (made.status_code, made.json()["role"]) == (201, "operator")
        listed = client.get(USERS)
        assert [row["name"] for row in listed.json()["items"]] == ["ann", "Bob"]
        assert "argon2" not in listed.text
        assert client.get(f"{USERS}/bob").json() == made.json()
        assert client.patch(f"{USERS}/bob", json={"role": "viewer"}).json()["role"] == "viewer"
        assert client.delete(f"{USERS}/bob").status_code == 204
        assert client.get(f"{USERS}/bob").status_code == 404


def test_changes_count_at_once(home: House) -> None:
    """A role counts with the next request; switching off, a new password and removal end what the user has open."""
    admin = home.signed_in(home.user(Role.ADMIN))
    for change in ({"enabled": False}, {"password": "another one"}, None):
        name = home.user(Role.ADMIN)
        client = home.signed_in(name)
        assert admin.patch(f"{USERS}/{name}", json={"role": "viewer"}).status_code == 200
        assert client.get(USERS).status_code == 403
        if change is None:
            admin.delete(f"{USERS}/{name}")
        else:
            admin.patch(f"{USERS}/{name}", json=change)
        assert client.get("/api/v1/session").status_code == 401


def test_an_admin_signs_others_out(home: House) -> None:
    """An admin ends all sessions of a user, who may sign in again."""
    admin, name = home.signed_in(home.user(Role.ADMIN)), home.user(Role.VIEWER)
    client = home.signed_in(name)
    assert admin.delete(f"{USERS}/{name}/sessions").status_code == 204
    assert client.get("/api/v1/session").status_code == 401
    assert home.signed_in(name).get("/api/v1/session").status_code == 200


def test_the_last_admin_stays(home: House) -> None:
    """Nobody can lock themselves and everybody else out."""
    name = home.user(Role.ADMIN)
    client = home.signed_in(name)
    for answer in (
        client.delete(f"{USERS}/{name}"), client.patch(f"{USERS}/{name}", json={"role": "viewer"}),
        client.patch(f"{USERS}/{name}", json={"enabled": False}),
    ):  # fmt: skip
        assert (answer.status_code, code(answer)) == (409, "conflict")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "../x", "password": PASSWORD}, {"name": "bob", "password": "short"}, {"name": "bob"},
        {"name": "bob", "password": PASSWORD, "role": "emperor"}, {"name": "bob", "password": PASSWORD, "admin": True},
        {"name": "bobby1234", "password": "Bobby1234"},
    ],
)  # fmt: skip
def test_bad_users_are_refused(home: House, body: dict[str, object]) -> None:
    """A name that is a path, a short password, an unknown role or field: 422, and nobody is added (C140)."""
    client = home.signed_in(home.user(Role.ADMIN))
    assert client.post(USERS, json=body).status_code == 422
    assert len(client.get(USERS).json()["items"]) == 1


def test_names_are_taken_once(home: House) -> None:
    """A name that is there already, in whatever capitals, is a conflict."""
    client = home.signed_in(home.user(Role.ADMIN, "ann"))
    assert client.post(USERS, json={"name": "ANN", "password": PASSWORD}).status_code == 409


def test_tries_are_listed(home: House) -> None:
    """An admin pages through who signed in and who tried to; a cursor of somebody's own making is refused (C103)."""
    name = home.user(Role.ADMIN)
    client = home.signed_in(name, peer="192.0.2.9")
    home.client().post("/api/v1/session", json={"name": name, "password": "wrong"})
    first = client.get("/api/v1/sign-ins?limit=1").json()
    assert [(row["name"], row["outcome"]) for row in first["items"]] == [(name, "refused")]
    second = client.get("/api/v1/sign-ins", params={"cursor": first["cursor"]}).json()
    assert [(row["address"], row["outcome"]) for row in second["items"]] == [("192.0.2.9", "ok")]
    assert second["cursor"] is None
    assert client.get("/api/v1/sign-ins?cursor=mine").status_code == 400

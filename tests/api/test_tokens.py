from pathlib import Path

import pytest

from holdfast.core.timing import DAY_US
from holdfast.library.accounts import Role
from support.accounts import House, house
from support.clock import PushedClock

TOKENS = "/api/v1/tokens"


def test_tokens_are_kept(tmp_path: Path, clock: PushedClock, catalog_url: str) -> None:
    """A token is shown once, opens what its role may, is listed with its use, and is revoked (C103)."""
    with house(tmp_path, clock, catalog_url=catalog_url) as home:
        client = home.signed_in(home.user(Role.ADMIN, "ann"))
        made = client.post(TOKENS, json={"name": "wall", "role": "viewer", "days": 2}).json()
        assert (made["created_by"], made["expires_us"]) == ("ann", clock.wall_us() + 2 * DAY_US)
        program = home.client({"Authorization": f"Bearer {made['token']}"})
        assert program.get("/api/v1/session").json()["right"] == "viewer"
        assert program.get(TOKENS).status_code == 403
        listed = client.get(TOKENS)
        assert made["token"] not in listed.text
        (row,) = listed.json()["items"]
        assert row == {name: value for name, value in made.items() if name != "token"} | {"used_us": clock.wall_us()}
        assert client.delete(f"{TOKENS}/{row['id']}").status_code == 204
        assert program.get("/api/v1/session").status_code == 401
        assert client.get(TOKENS).json()["items"] == []
        assert client.delete(f"{TOKENS}/{row['id']}").status_code == 404


def test_tokens_expire(home: House, clock: PushedClock) -> None:
    """A token opens nothing from the moment on at which it expires (C103)."""
    admin = home.client(home.token(Role.ADMIN))
    made = admin.post(TOKENS, json={"name": "brief", "days": 1}).json()
    program = home.client({"Authorization": f"Bearer {made['token']}"})
    clock.advance(86_399)
    assert program.get("/api/v1/session").status_code == 200
    clock.advance(1)
    assert program.get("/api/v1/session").status_code == 401


@pytest.mark.parametrize("body", [{}, {"name": "a/b"}, {"name": "x", "days": 0}, {"name": "x", "role": "public"}])
def test_bad_tokens_are_refused(home: House, body: dict[str, object]) -> None:
    """A name that is a path, a term that is over and a role that is none are refused (C140)."""
    assert home.client(home.token(Role.ADMIN)).post(TOKENS, json=body).status_code == 422


def test_names_are_taken_once(home: House) -> None:
    """A second token of a name is a conflict, so that a name in a log says which one it was."""
    client = home.client(home.token(Role.ADMIN))
    assert [client.post(TOKENS, json={"name": "wall"}).status_code for _ in range(2)] == [201, 409]

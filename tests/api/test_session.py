from pathlib import Path

import pytest
from structlog.testing import capture_logs

from holdfast.catalog.db import Catalog
from holdfast.core.errors import CatalogUnavailable
from holdfast.http.session import COOKIE
from holdfast.library import accounts
from holdfast.library.accounts import Role
from support.accounts import PASSWORD, House, code, house
from support.clock import PushedClock

ME = "/api/v1/session"


def test_sign_in_and_out(tmp_path: Path, clock: PushedClock, catalog_url: str) -> None:
    """A person signs in by name, ignoring case, is known by the cookie, and is nobody after signing out (C103)."""
    with house(tmp_path, clock, catalog_url=catalog_url) as home:
        home.user(Role.OPERATOR, "Ann")
        client = home.client()
        assert client.get(ME).status_code == 401
        signed = client.post(ME, json={"name": "ann", "password": PASSWORD}).json()
        assert signed == client.get(ME).json()
        assert (signed["name"], signed["right"], signed["via"]) == ("Ann", "operator", "session")
        assert client.delete(ME).status_code == 204
        assert COOKIE not in client.cookies
        assert client.get(ME).status_code == 401


def test_wrong_names_and_passwords_look_the_same(home: House) -> None:
    """A wrong password and an unknown name get the same answer, and no cookie (C103)."""
    home.user(Role.VIEWER, "ann")
    answers = [home.client().post(ME, json={"name": name, "password": "wrong"}) for name in ("ann", "bob")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()
    assert all("set-cookie" not in answer.headers for answer in answers)


def test_guessing_gets_slow(home: House, clock: PushedClock) -> None:
    """After five wrong tries an address waits, even with the right password; waiting it out lets it in (C103)."""
    name = home.user(Role.ADMIN)
    client = home.client(peer="192.0.2.1")
    tries = [client.post(ME, json={"name": name, "password": "wrong"}) for _ in range(7)]
    assert [answer.status_code for answer in tries] == [401] * 5 + [429] * 2
    wait_s = int(tries[-1].headers["retry-after"])
    good = {"name": name, "password": PASSWORD}
    assert code(client.post(ME, json=good)) == "too-many"
    clock.advance(wait_s)
    assert client.post(ME, json=good).status_code == 200
    outcomes = [row.outcome for row in accounts.sign_ins(home.context.catalog(), limit=99).rows]
    assert outcomes == ["ok", "limited", *["refused"] * 5]


def test_guessing_from_everywhere_gets_slow(home: House) -> None:
    """Tries from many addresses are slowed by the name that they are for; its owner's own address is not (C103)."""
    name = home.user(Role.ADMIN)
    owner = home.signed_in(name, peer="198.51.100.7")
    tries = [
        home.client(peer=f"192.0.2.{n}").post(ME, json={"name": name, "password": "wrong"}).status_code
        for n in range(8)
    ]
    assert tries == [401] * 5 + [429] * 3
    assert owner.post(ME, json={"name": name, "password": PASSWORD}).status_code == 200


def test_a_catalog_that_is_away_costs_no_tries(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing in while the catalog is away is answered with 503, and does not make anybody wait later."""
    name = home.user(Role.ADMIN)
    client = home.client()

    def gone(*_: object, **__: object) -> Catalog:
        raise CatalogUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(accounts, "sign_in", gone)
        assert [client.post(ME, json={"name": name, "password": "x"}).status_code for _ in range(9)] == [503] * 9
    assert client.post(ME, json={"name": name, "password": PASSWORD}).status_code == 200


def test_ones_own_password(home: House) -> None:
    """Whoever knows the old password sets a new one: this session goes on, every other one ends."""
    name = home.user(Role.VIEWER)
    here, there = home.signed_in(name), home.signed_in(name)
    assert here.put(f"{ME}/password", json={"old": "wrong", "new": "another one"}).status_code == 401
    assert here.put(f"{ME}/password", json={"old": PASSWORD, "new": "short"}).status_code == 422
    assert here.put(f"{ME}/password", json={"old": PASSWORD, "new": "another one"}).status_code == 200
    assert (here.get(ME).status_code, there.get(ME).status_code) == (200, 401)
    assert home.client().post(ME, json={"name": name, "password": PASSWORD}).status_code == 401
    assert home.client().post(ME, json={"name": name, "password": "another one"}).status_code == 200


def test_signing_out_everywhere(home: House) -> None:
    """Signing out everywhere ends the sessions of this user on every device, and nobody else's."""
    name = home.user(Role.VIEWER)
    here, there, other = home.signed_in(name), home.signed_in(name), home.signed_in(home.user(Role.VIEWER))
    assert here.delete(f"{ME}?everywhere=true").status_code == 204
    assert [client.get(ME).status_code for client in (here, there, other)] == [401, 401, 200]


def test_tokens_have_no_password(home: House) -> None:
    """A token cannot change a password nor end sessions: it is nobody's."""
    client = home.client(home.token(Role.ADMIN))
    assert client.get(ME).json()["via"] == "token"
    assert client.put(f"{ME}/password", json={"old": "x", "new": "another one"}).status_code == 403
    assert client.delete(f"{ME}?everywhere=true").status_code == 403


def test_the_first_admin(home: House) -> None:
    """While there is no user the setup token makes the first admin and signs them in; then it opens nothing (C103)."""
    client = home.client()
    assert client.get("/api/v1/setup").json() == {"needed": True}
    token = accounts.setup_token(home.context.catalog(), home.context.state_dir)
    wanted = {"name": "ann", "password": PASSWORD}
    assert client.post("/api/v1/setup", json={**wanted, "token": "wrong"}).status_code == 401
    assert client.post("/api/v1/setup", json={**wanted, "token": token}).json()["right"] == "admin"
    assert client.get("/api/v1/users").status_code == 200
    assert client.get("/api/v1/setup").json() == {"needed": False}
    assert client.post("/api/v1/setup", json={"name": "bob", "password": PASSWORD, "token": token}).status_code == 409


def test_guessing_the_setup_token_gets_slow(home: House) -> None:
    """The setup token is guarded against guessing like a password."""
    accounts.setup_token(home.context.catalog(), home.context.state_dir)
    wanted = {"name": "ann", "password": PASSWORD, "token": "wrong"}
    assert [home.client().post("/api/v1/setup", json=wanted).status_code for _ in range(6)] == [401] * 5 + [429]


def test_nothing_secret_is_logged(home: House) -> None:
    """Neither passwords, right or wrong, nor what was typed as a name, nor tokens stand in a log (F61)."""
    name = home.user(Role.ADMIN)
    with capture_logs() as lines:
        for given in ({"name": "typed-secret", "password": "wrong-secret"}, {"name": name, "password": PASSWORD}):
            home.client().post(ME, json=given)
        client = home.signed_in(name)
        made = client.post("/api/v1/tokens", json={"name": "wall"}).json()["token"]
        client.put(f"{ME}/password", json={"old": PASSWORD, "new": "another secret"})
    text = str(lines)
    assert "sign_in" in text
    assert "token.added" in text
    assert not [
        secret for secret in ("typed-secret", "wrong-secret", PASSWORD, made, "another secret") if secret in text
    ]


@pytest.mark.parametrize(
    "body", [{}, {"password": "typed"}, {"name": 1, "password": "typed"}, {"name": "typed" * 13, "password": "x"}, []]
)
def test_bad_forms_are_refused(home: House, body: object) -> None:
    """A sign-in of the wrong form is 422, and what was typed does not come back."""
    answer = home.client().post(ME, json=body)
    assert answer.status_code == 422
    assert "typed" not in answer.text

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.catalog.db import Catalog
from holdfast.core.errors import CatalogUnavailable
from holdfast.http.session import COOKIE, GRACE_US, KEY_FILE, REMEMBER_US, Sessions, shown_token
from holdfast.library import accounts
from holdfast.library.accounts import Role
from support.accounts import ADDRESS, PASSWORD, Client, House, house
from support.clock import PushedClock

ME = "/api/v1/session"


def test_cookies_are_out_of_reach(home: House) -> None:
    """A session's cookie is HttpOnly and SameSite=Strict, ends with it, and is Secure over TLS (C103)."""
    name = home.user(Role.VIEWER)
    said = {}
    for address in (ADDRESS, ADDRESS.replace("http", "https")):
        answer = home.client(address=address).post(ME, json={"name": name, "password": PASSWORD})
        said[address[:5]] = answer.headers["set-cookie"]
    for cookie in said.values():
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Max-Age=604800" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
    assert "Secure" in said["https"]
    assert "Secure" not in said["http:"]


def test_a_trusted_proxy_makes_cookies_secure(tmp_path: Path, clock: PushedClock) -> None:
    """Behind a trusted proxy that speaks TLS cookies are Secure; a stranger's word for it is not believed (C139)."""
    with house(tmp_path, clock, more='[web]\ntrusted_proxies = ["127.0.0.1"]\n') as home:
        name = home.user(Role.VIEWER)
        said = [
            home.client({"x-forwarded-proto": "https"}, peer=peer).post(ME, json={"name": name, "password": PASSWORD})
            for peer in ("127.0.0.1", "192.0.2.1")
        ]
        assert ["Secure" in answer.headers["set-cookie"] for answer in said] == [True, False]


def test_a_session_ends_in_time(home: House, clock: PushedClock) -> None:
    """A session ends by itself after the configured hours, whatever its cookie still says (C103)."""
    client = home.signed_in(home.user(Role.VIEWER))
    assert client.get(ME).json()["expires_us"] == clock.wall_us() + 168 * 3_600_000_000
    clock.advance(168 * 3600 - 1)
    assert client.get(ME).status_code == 200
    clock.advance(1)
    assert client.get(ME, headers={"cookie": f"{COOKIE}={client.cookies.get(COOKIE)}"}).status_code == 401


@pytest.mark.parametrize(
    "end",
    [
        lambda c, t, n: accounts.change_user(c, t, n, password="another one"),
        lambda c, t, n: accounts.change_user(c, t, n, enabled=False),
        accounts.sign_out_everywhere,
        lambda c, _, n: accounts.remove_user(c, n),
    ],
)
def test_sessions_end_with_what_they_stand_on(
    home: House, clock: PushedClock, end: Callable[[Catalog, PushedClock, str], object]
) -> None:
    """A new password, switching off, signing out everywhere and removal end sessions within seconds."""
    home.user(Role.ADMIN)
    name = home.user(Role.VIEWER)
    client = home.signed_in(name)
    assert client.get(ME).status_code == 200
    end(home.context.catalog(), clock, name)
    clock.advance(REMEMBER_US / 1e6)
    assert client.get(ME).status_code == 401


def test_a_namesake_is_somebody_else(home: House, clock: PushedClock) -> None:
    """A session of a removed user does not open the account of another one who is given the same name."""
    name = home.user(Role.VIEWER, "ann")
    client = home.signed_in(name)
    accounts.remove_user(home.context.catalog(), name)
    home.user(Role.ADMIN, "ann")
    clock.advance(REMEMBER_US / 1e6)
    assert client.get(ME).status_code == 401


def test_forged_cookies_open_nothing(home: House, tmp_path: Path) -> None:
    """A cookie that was changed, cut, signed with another key or holds rubbish is nobody's."""
    client = home.signed_in(home.user(Role.ADMIN))
    good = str(client.cookies.get(COOKIE))
    (tmp_path / "state" / KEY_FILE).write_text("f" * 64)
    other = Sessions(home.context)._signer.dumps(["1-1", "admin1", 1, home.context.clock.wall_us()])
    payload = base64.urlsafe_b64encode(b'["1-1","admin1",1,9999999999999999]').decode().rstrip("=")
    for bad in (good[:-2], "x" + good[1:], f"{payload}.{good.rpartition('.')[2]}", other, "rubbish", "."):
        assert home.client({"cookie": f"{COOKIE}={bad}"}).get(ME).status_code == 401, bad
    assert home.client({"cookie": f"{COOKIE}={good}"}).get(ME).status_code == 200


def test_the_key_survives_and_is_hidden(home: House, tmp_path: Path) -> None:
    """The key of sessions is made once, for its owner alone; a server that is started anew knows its sessions."""
    client = home.signed_in(home.user(Role.VIEWER))
    assert (tmp_path / "state" / KEY_FILE).stat().st_mode & 0o777 == 0o600
    home.app.state.identify = Sessions(home.context).identify
    assert client.get(ME).status_code == 200


def test_tokens_open_by_header_alone(home: House) -> None:
    """A token opens as Bearer and, for players, as password of Basic; a person's password does not (C103)."""
    header = home.token(Role.OPERATOR)
    token = header["Authorization"].removeprefix("Bearer ")
    basic = base64.b64encode(f"any:{token}".encode()).decode()
    assert home.client(header).get(ME).json()["right"] == "operator"
    assert home.client({"Authorization": f"Basic {basic}"}).get(ME).json()["via"] == "token"
    person = base64.b64encode(f"{home.user(Role.ADMIN)}:{PASSWORD}".encode()).decode()
    assert home.client({"Authorization": f"Basic {person}"}).get(ME).status_code == 401
    assert home.client().get(f"{ME}?token={token}").status_code == 401


@pytest.mark.parametrize("said", ["", "Bearer", "Bearer x", "Basic ", "Basic !!", "Basic aGY=", "Digest hf_x", "hf_x"])
def test_other_headers_hold_no_token(said: str) -> None:
    """What is no token of ours, in whatever scheme, is none."""
    assert shown_token(said) is None


def test_a_bad_token_is_not_helped_by_a_session(home: House) -> None:
    """Who shows a token is judged by it, and not by a cookie that came along."""
    client = home.signed_in(home.user(Role.ADMIN))
    assert client.get(ME, headers={"Authorization": "Bearer hf_wrong"}).status_code == 401


def test_tokens_end(home: House, clock: PushedClock) -> None:
    """A token that expired is refused at once, one that was revoked elsewhere within seconds (C103)."""
    brief = home.client(home.token(Role.VIEWER, expires_us=clock.wall_us() + 3_000_000))
    header = home.token(Role.VIEWER)
    revoked = home.client(header)
    assert [c.get(ME).status_code for c in (brief, revoked)] == [200, 200]
    (row, _) = accounts.tokens(home.context.catalog())
    accounts.revoke_token(home.context.catalog(), clock, str(row.id))
    clock.advance(3)
    assert brief.get(ME).status_code == 401
    clock.advance(REMEMBER_US / 1e6)
    assert revoked.get(ME).status_code == 401


def test_a_request_costs_no_row(home: House, monkeypatch: pytest.MonkeyPatch, clock: PushedClock) -> None:
    """Within a few seconds the catalog is asked about somebody once, however much they ask for."""
    client = home.signed_in(home.user(Role.VIEWER))
    asked: list[str] = []
    real = accounts.find_user

    def count(catalog: Catalog, name: str) -> object:
        asked.append(name)
        return real(catalog, name)

    monkeypatch.setattr(accounts, "find_user", count)
    for _ in range(20):
        assert client.get(ME).status_code == 200
    assert len(asked) == 1
    clock.advance(REMEMBER_US / 1e6)
    client.get(ME)
    assert len(asked) == 2


def away(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the catalog away."""

    def gone() -> Catalog:
        raise CatalogUnavailable("away")

    monkeypatch.setattr(home.context, "catalog", gone)


def right(client: Client) -> str | int:
    """Return the right that a client has, or the status of its refusal."""
    answer = client.get(ME)
    return str(answer.json()["right"]) if answer.status_code == 200 else answer.status_code


def test_watching_goes_on_without_the_catalog(home: House, monkeypatch: pytest.MonkeyPatch, clock: PushedClock) -> None:
    """While the catalog is away, whom it confirmed within the hour may watch and no more; others come back later."""
    admin, token = home.signed_in(home.user(Role.ADMIN)), home.client(home.token(Role.OPERATOR))
    assert [right(admin), right(token)] == ["admin", "operator"]
    away(home, monkeypatch)
    clock.advance(REMEMBER_US / 1e6)
    assert [right(admin), right(token)] == ["viewer", "viewer"]
    assert right(home.client({"Authorization": "Bearer hf_unknown"})) == 503
    clock.advance(GRACE_US / 1e6)
    assert right(admin) == 503


def test_a_full_disk_keeps_nobody_out(tmp_path: Path, clock: PushedClock) -> None:
    """Where the key cannot be kept it serves as long as the process does."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / f".{KEY_FILE}.new").mkdir()
    with house(tmp_path, clock) as home:
        assert home.signed_in(home.user(Role.VIEWER)).get(ME).status_code == 200
    assert not (tmp_path / "state" / KEY_FILE).exists()

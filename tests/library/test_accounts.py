import threading
from collections.abc import Iterator
from pathlib import Path

import argon2
import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.errors import BadInput, CatalogError, Conflict, NotFound, SignInNeeded
from holdfast.library import accounts
from holdfast.library.accounts import Role
from support.catalog import catalog_url, postgres
from support.clock import PushedClock

__all__ = ["catalog_url", "postgres"]
GOOD = "correct horse"


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    """An empty catalog, once of each kind."""
    with open_catalog(catalog_url) as opened:
        yield opened


@pytest.fixture
def clock() -> PushedClock:
    """A clock that tests push."""
    return PushedClock()


def test_passwords_are_hashed(catalog: Catalog, clock: PushedClock) -> None:
    """What is kept of a password is an argon2id hash with at least OWASP's memory (C103)."""
    row = accounts.add_user(catalog, clock, "ann", GOOD, Role.ADMIN)
    assert row.password.startswith("$argon2id$")
    assert argon2.extract_parameters(row.password).memory_cost >= 19_456
    assert GOOD not in row.password


def test_sign_in_checks_and_remembers(catalog: Catalog, clock: PushedClock) -> None:
    """A right password signs in, a wrong one and an unknown name are refused alike, and all are written down."""
    accounts.add_user(catalog, clock, "Ann", GOOD, Role.ADMIN)
    assert accounts.sign_in(catalog, clock, "ann", GOOD, address="192.0.2.1").signed_in_us == clock.wall_us()
    said = set()
    for name in ("ann", "my-password-in-the-wrong-field"):
        with pytest.raises(SignInNeeded) as refused:
            accounts.sign_in(catalog, clock, name, "wrong", address="192.0.2.2")
        said.add(str(refused.value))
    accounts.note_limited(catalog, clock, "ann", "192.0.2.3")
    assert len(said) == 1
    tries = accounts.sign_ins(catalog, limit=9).rows
    assert [(t.name, t.outcome) for t in tries] == [
        ("Ann", "limited"), ("(unknown)", "refused"), ("Ann", "refused"), ("Ann", "ok"),
    ]  # fmt: skip


def test_switched_off_users_stay_out(catalog: Catalog, clock: PushedClock) -> None:
    """A user who is switched off is refused with the right password, and let in again when switched on."""
    accounts.add_user(catalog, clock, "ann", GOOD, Role.ADMIN)
    accounts.add_user(catalog, clock, "bob", GOOD, Role.VIEWER)
    accounts.change_user(catalog, clock, "bob", enabled=False)
    with pytest.raises(SignInNeeded):
        accounts.sign_in(catalog, clock, "bob", GOOD)
    accounts.change_user(catalog, clock, "bob", enabled=True)
    assert accounts.sign_in(catalog, clock, "bob", GOOD).enabled


def test_generations_end_sessions(catalog: Catalog, clock: PushedClock) -> None:
    """A new password, switching off and signing out everywhere begin another generation; a new role does not."""
    accounts.add_user(catalog, clock, "ann", GOOD, Role.ADMIN)
    accounts.add_user(catalog, clock, "bob", GOOD, Role.VIEWER)
    assert accounts.change_user(catalog, clock, "bob", role=Role.OPERATOR).generation == 1
    assert accounts.change_user(catalog, clock, "bob", password="another one").generation == 2
    assert accounts.change_user(catalog, clock, "bob", enabled=False).generation == 3
    assert accounts.sign_out_everywhere(catalog, clock, "bob").generation == 4


def test_the_last_admin_stays(catalog: Catalog, clock: PushedClock) -> None:
    """The last one who may administer cannot be removed, demoted or switched off; with a second one they can."""
    accounts.add_user(catalog, clock, "ann", GOOD, Role.ADMIN)
    with pytest.raises(Conflict):
        accounts.remove_user(catalog, "ann")
    for change in ({"role": Role.OPERATOR}, {"enabled": False}):
        with pytest.raises(Conflict):
            accounts.change_user(catalog, clock, "ann", **change)
    accounts.add_user(catalog, clock, "bob", GOOD, Role.ADMIN)
    assert accounts.change_user(catalog, clock, "ann", role=Role.VIEWER).role == "viewer"
    with pytest.raises(Conflict):
        accounts.remove_user(catalog, "bob")


def test_two_admins_cannot_end_each_other(catalog: Catalog, clock: PushedClock) -> None:
    """Of two admins who demote each other at the same moment one comes too late."""
    for name in ("ann", "bob"):
        accounts.add_user(catalog, clock, name, GOOD, Role.ADMIN)
    together = threading.Barrier(2)
    refused: list[str] = []

    def demote(name: str) -> None:
        together.wait()
        try:
            accounts.change_user(catalog, clock, name, role=Role.VIEWER)
        except (Conflict, CatalogError):
            refused.append(name)

    threads = [threading.Thread(target=demote, args=(name,)) for name in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert [row.role for row in accounts.users(catalog)].count("admin") == 1


@pytest.mark.parametrize("name", ["", " ann", "../ann", "a/b", "ann\n", "x" * 65, "-ann", "ä", "a b"])
def test_bad_names_are_refused(catalog: Catalog, clock: PushedClock, name: str) -> None:
    """A name that could be mistaken for anything but a name is refused, for users and tokens (C140)."""
    with pytest.raises(BadInput):
        accounts.add_user(catalog, clock, name, GOOD, Role.ADMIN)
    with pytest.raises(BadInput):
        accounts.add_token(catalog, clock, name, Role.VIEWER)


@pytest.mark.parametrize("password", ["", "short", "x" * 257, "ann@example.org"])
def test_bad_passwords_are_refused(catalog: Catalog, clock: PushedClock, password: str) -> None:
    """A password that is too short, too long or the name itself is refused."""
    with pytest.raises(BadInput):
        accounts.add_user(catalog, clock, "Ann@example.org", password, Role.ADMIN)


def test_names_are_taken_once(catalog: Catalog, clock: PushedClock) -> None:
    """A second user or token of a name is a conflict; what is not there is not found."""
    accounts.add_user(catalog, clock, "ann", GOOD, Role.ADMIN)
    with pytest.raises(Conflict):
        accounts.add_user(catalog, clock, "ANN", GOOD, Role.VIEWER)
    accounts.add_token(catalog, clock, "wall", Role.VIEWER)
    with pytest.raises(Conflict):
        accounts.add_token(catalog, clock, "Wall", Role.VIEWER)
    for lost in (lambda: accounts.remove_user(catalog, "bob"), lambda: accounts.revoke_token(catalog, clock, "9-9")):
        with pytest.raises(NotFound):
            lost()


def test_a_token_opens_until_it_ends(catalog: Catalog, clock: PushedClock) -> None:
    """A token is kept as a hash, is found by it until it expires or is revoked, and notes its use each minute."""
    row, token = accounts.add_token(catalog, clock, "wall", Role.VIEWER, expires_us=clock.wall_us() + 100_000_000)
    hashed = accounts.token_hash(token)
    assert token.startswith("hf_")
    assert len(token) > 40
    assert row.sha256 == hashed
    assert accounts.find_token(catalog, clock, hashed) == row
    used_us = clock.wall_us()
    clock.advance(59)
    accounts.find_token(catalog, clock, hashed)
    assert accounts.tokens(catalog)[0].used_us == used_us
    clock.advance(2)
    accounts.find_token(catalog, clock, hashed)
    assert accounts.tokens(catalog)[0].used_us == clock.wall_us()
    clock.advance(39)
    assert accounts.find_token(catalog, clock, hashed) is None
    with pytest.raises(BadInput):
        accounts.add_token(catalog, clock, "late", Role.VIEWER, expires_us=clock.wall_us())
    _, other = accounts.add_token(catalog, clock, "other", Role.ADMIN)
    accounts.revoke_token(catalog, clock, "OTHER")
    assert accounts.find_token(catalog, clock, accounts.token_hash(other)) is None


def test_the_setup_token_makes_one_admin(catalog: Catalog, clock: PushedClock, tmp_path: Path) -> None:
    """The setup token is there while there is no user, for its owner alone, and is used up by the first admin."""
    token = accounts.setup_token(catalog, tmp_path)
    assert token is not None
    assert accounts.setup_token(catalog, tmp_path) == token
    assert (tmp_path / accounts.SETUP_FILE).stat().st_mode & 0o777 == 0o600
    with pytest.raises(SignInNeeded):
        accounts.set_up(catalog, clock, tmp_path, token + "x", "ann", GOOD)
    with pytest.raises(BadInput):
        accounts.set_up(catalog, clock, tmp_path, token, "ann", "short")
    assert accounts.set_up(catalog, clock, tmp_path, token, "ann", GOOD).role == "admin"
    assert not (tmp_path / accounts.SETUP_FILE).exists()
    assert not accounts.setup_needed(catalog)
    with pytest.raises(Conflict):
        accounts.set_up(catalog, clock, tmp_path, token, "bob", GOOD)


def test_a_user_from_elsewhere_ends_the_setup(catalog: Catalog, clock: PushedClock, tmp_path: Path) -> None:
    """Where the first user was made on the command line, a token that still lies about opens nothing and is removed."""
    token = accounts.setup_token(catalog, tmp_path)
    accounts.add_user(catalog, clock, "ann", GOOD, Role.ADMIN)
    with pytest.raises(Conflict):
        accounts.set_up(catalog, clock, tmp_path, str(token), "bob", GOOD)
    assert accounts.setup_token(catalog, tmp_path) is None
    assert accounts.read_setup_token(tmp_path) is None

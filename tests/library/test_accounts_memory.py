"""People and tokens that outlive the catalog, on both databases."""

from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.timing import HOUR_US
from holdfast.library import accounts, accounts_memory
from holdfast.library.accounts import Role
from support.clock import PushedClock


def filled(catalog: Catalog, clock: PushedClock) -> dict[str, str]:
    """Two users, one switched off, and three tokens, one revoked; returns the tokens' secrets by name."""
    accounts.add_user(catalog, clock, "Ada", "tide-tables", Role.ADMIN)
    accounts.add_user(catalog, clock, "bob", "tide-tables", Role.VIEWER)
    accounts.change_user(catalog, clock, "bob", enabled=False)
    secrets = {
        name: accounts.add_token(catalog, clock, name, Role.VIEWER, by="Ada", expires_us=expires_us)[1]
        for name, expires_us in (("wall", None), ("guest", clock.wall_us() + HOUR_US), ("lost", None))
    }
    accounts.revoke_token(catalog, clock, "lost")
    return secrets


def test_everybody_comes_back_as_they_were(catalog: Catalog, tmp_path: Path) -> None:
    """A new catalog gets users with password, role and switch, and every token that was not revoked (C139, C140)."""
    clock = PushedClock()
    with open_catalog(f"sqlite:///{tmp_path}/lost.sqlite") as lost:
        secrets = filled(lost, clock)
        said = accounts_memory.known(lost)
        before = accounts.users(lost)
    accounts_memory.remember(tmp_path, said)
    assert (tmp_path / accounts_memory.MEMORY).stat().st_mode & 0o777 == 0o600
    body = (tmp_path / accounts_memory.MEMORY).read_text()
    assert not [secret for secret in (*secrets.values(), "tide-tables") if secret in body]
    remembered = accounts_memory.recall(tmp_path)
    assert remembered == said
    assert accounts_memory.restore_lost(catalog, "pier", remembered, clock) == ["Ada", "bob"]
    after = accounts.users(catalog)
    same = {"id": before[0].id, "created_us": 0, "changed_us": 0}
    assert [replace(user, **same) for user in after] == [replace(user, **same) for user in before]  # type: ignore[arg-type]
    assert accounts.sign_in(catalog, clock, "ada", "tide-tables").name == "Ada"
    found = {name: accounts.find_token(catalog, clock, accounts.token_hash(secret)) for name, secret in secrets.items()}
    assert {name for name, row in found.items() if row is not None} == {"wall", "guest"}
    assert accounts_memory.known(catalog) == said
    clock.advance(2 * HOUR_US / 1e6)
    assert accounts.find_token(catalog, clock, accounts.token_hash(secrets["guest"])) is None


def test_a_catalog_with_somebody_is_left_alone(catalog: Catalog, tmp_path: Path) -> None:
    """Whoever was removed stays removed: only a catalog without any user gets people back."""
    clock = PushedClock()
    filled(catalog, clock)
    said = accounts_memory.known(catalog)
    accounts.remove_user(catalog, "bob")
    assert accounts_memory.restore_lost(catalog, "pier", said, clock) == []
    assert [user.name for user in accounts.users(catalog)] == ["Ada"]
    assert accounts_memory.restore_lost(catalog, "pier", accounts_memory.recall(tmp_path), clock) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"users": [{}], "tokens": []}', b'{"users": 3}'])
def test_a_damaged_memory_knows_nobody(tmp_path: Path, body: bytes) -> None:
    """A memory that cannot be read is none, and nothing fails over it."""
    (tmp_path / accounts_memory.MEMORY).write_bytes(body)
    assert accounts_memory.recall(tmp_path) == {"users": [], "tokens": []}

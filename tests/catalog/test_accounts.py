import pytest

from holdfast.catalog import accounts, nodes
from holdfast.catalog.accounts import UserRow
from holdfast.catalog.db import Catalog
from holdfast.core.errors import CatalogError


def user(catalog: Catalog, name: str, role: str = "admin") -> UserRow:
    """Add a user."""
    with catalog.write() as tx:
        return accounts.add_user(tx, nodes.ensure(tx, "local", 1), name, "hash", role, 5)


def token(catalog: Catalog, name: str, sha256: str) -> accounts.TokenRow:
    """Add a token."""
    with catalog.write() as tx:
        return accounts.add_token(
            tx, nodes.ensure(tx, "local", 1), name=name, sha256=sha256, role="viewer", created_by="", now_us=5,
            expires_us=None,
        )  # fmt: skip


def test_users_are_found_by_name(catalog: Catalog) -> None:
    """A user is found ignoring case, listed by name, and comes back as it was written."""
    ann, bob = user(catalog, "Ann"), user(catalog, "bob", "viewer")
    with catalog.read() as tx:
        assert accounts.find_user(tx, "aNN") == ann
        assert accounts.find_user(tx, "carol") is None
        assert accounts.list_users(tx) == (ann, bob)
    assert (ann.role, ann.enabled, ann.generation, ann.signed_in_us) == ("admin", True, 1, None)


def test_names_ignore_case(catalog: Catalog) -> None:
    """Two users cannot differ in capitals alone, nor two valid tokens; a revoked token gives its name back."""
    user(catalog, "Ann")
    with pytest.raises(CatalogError):
        user(catalog, "ann")
    first = token(catalog, "Wall", "a" * 64)
    with pytest.raises(CatalogError):
        token(catalog, "wall", "b" * 64)
    with catalog.write() as tx:
        accounts.revoke_token(tx, first.id, 9)
    assert token(catalog, "wall", "b" * 64).id != first.id


def test_bad_states_are_refused(catalog: Catalog) -> None:
    """A role that is none, and two tokens of one hash, cannot be written."""
    with pytest.raises(CatalogError):
        user(catalog, "ann", "emperor")
    token(catalog, "a", "a" * 64)
    with pytest.raises(CatalogError):
        token(catalog, "b", "a" * 64)


def test_admins_are_those_who_may_sign_in(catalog: Catalog) -> None:
    """Who is switched off, or has another role, does not count as an admin."""
    ann, bob = user(catalog, "ann"), user(catalog, "bob")
    user(catalog, "carol", "operator")
    with catalog.write() as tx:
        assert accounts.admins(tx) == {ann.id, bob.id}
        accounts.change_user(tx, bob.id, enabled=False)
        assert accounts.admins(tx) == {ann.id}
        accounts.remove_user(tx, bob.id)
        assert accounts.find_user(tx, "bob") is None


def test_ids_of_removed_users_do_not_come_back(catalog: Catalog) -> None:
    """A user who is removed and added again is somebody else: sessions of the first are not the second's."""
    ann = user(catalog, "ann")
    with catalog.write() as tx:
        accounts.remove_user(tx, ann.id)
        assert not accounts.any_users(tx)
    assert user(catalog, "ann").id != ann.id


def test_tokens_keep_their_story(catalog: Catalog) -> None:
    """A token says when it was used and revoked, that time does not change, and revoked ones are listed apart."""
    made = token(catalog, "wall", "a" * 64)
    with catalog.write() as tx:
        accounts.token_used(tx, made.id, 7)
        accounts.revoke_token(tx, made.id, 8)
        accounts.revoke_token(tx, made.id, 9)
        found = accounts.find_token(tx, "a" * 64)
        assert found is not None
        assert (found.used_us, found.revoked_us) == (7, 8)
        assert accounts.list_tokens(tx) == ()
        assert accounts.list_tokens(tx, revoked=True) == (found,)


def test_tries_to_sign_in_are_paged_and_bounded(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries are listed the newest first, page by page, and only the newest are kept."""
    monkeypatch.setattr(accounts, "KEPT_SIGN_INS", 4)
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        for at_us in range(6):
            accounts.add_sign_in(tx, node, name="n" * 99, address="a" * 99, outcome="refused", now_us=at_us)
        first = accounts.sign_ins(tx, limit=3)
        second = accounts.sign_ins(tx, limit=3, cursor=first.cursor)
    assert [row.at_us for row in first.rows] == [5, 4, 3]
    assert [row.at_us for row in second.rows] == [2]
    assert second.cursor is None
    assert {(len(row.name), len(row.address)) for row in first.rows} == {(64, 64)}

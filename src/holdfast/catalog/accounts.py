"""Users, tokens and tries to sign in: their rows, and every statement about them.

Not here: what a password or a token is, who may do what (library.accounts).
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import RowMapping

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import PAGE, PAGE_MAX, Id, Page, cursor_of, new_ids, read_cursor

KEPT_SIGN_INS = 10_000  # chosen: years of a household, a day of somebody who guesses; a megabyte or two
NAME_LENGTH = 64  # the width of the columns for names

_USERS = schema.users.c
_TOKENS = schema.tokens.c
_SIGN_INS = schema.sign_ins.c


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """A user. `password` is a hash; `generation` counts what ends all sessions; times in `_us`."""

    id: Id
    name: str
    password: str
    role: str
    enabled: bool
    generation: int
    created_us: int
    changed_us: int
    signed_in_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """A token, by its hash. Times in `_us`; None: never used, for ever, not revoked."""

    id: Id
    name: str
    sha256: str
    role: str
    created_by: str
    created_us: int
    used_us: int | None
    expires_us: int | None
    revoked_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRow:
    """A try to sign in. `outcome` is ok, refused or limited."""

    id: Id
    at_us: int
    name: str
    address: str
    outcome: str


# --- users -----------------------------------------------------------------------------------------------------------


def add_user(tx: Transaction, node: int, name: str, password: str, role: str, now_us: int) -> UserRow:
    """Add a user.

    Raises:
        CatalogError: The name is taken, ignoring case.
    """
    row = {
        "node": node, "id": new_ids(tx, node, "users")[0], "name": name, "password": password, "role": role,
        "enabled": True, "generation": 1, "created_us": now_us, "changed_us": now_us, "signed_in_us": None,
    }  # fmt: skip
    return _user(tx.run("adding a user", insert(schema.users).values(row).returning(schema.users)).mappings().one())


def find_user(tx: Transaction, name: str) -> UserRow | None:
    """Return a user by name, ignoring case; None where there is none."""
    query = select(schema.users).where(func.lower(_USERS.name) == name.lower())
    row = tx.run("users", query).mappings().one_or_none()
    return None if row is None else _user(row)


def list_users(tx: Transaction) -> tuple[UserRow, ...]:
    """Return all users by name."""
    query = select(schema.users).order_by(func.lower(_USERS.name))
    return tuple(_user(row) for row in tx.run("users", query).mappings())


def any_users(tx: Transaction) -> bool:
    """Say whether there is any user."""
    return tx.run("users", select(_USERS.id).limit(1)).one_or_none() is not None


def admins(tx: Transaction) -> frozenset[Id]:
    """Return the admins who may sign in, and keep them as they are until the transaction ends.

    On PostgreSQL their rows are locked: of two who take each other's right away at the same time, one comes too late.
    """
    query = select(_USERS.node, _USERS.id).where((_USERS.role == "admin") & _USERS.enabled).order_by(_USERS.id)
    return frozenset(Id(int(row.node), int(row.id)) for row in tx.run("admins", query.with_for_update()))


def change_user(tx: Transaction, user: Id, **values: Any) -> UserRow:
    """Change columns of a user."""
    where = (_USERS.node == user.node) & (_USERS.id == user.number)
    changed = update(schema.users).where(where).values(**values).returning(schema.users)
    return _user(tx.run("changing a user", changed).mappings().one())


def remove_user(tx: Transaction, user: Id) -> None:
    """Remove a user."""
    tx.run("removing a user", delete(schema.users).where((_USERS.node == user.node) & (_USERS.id == user.number)))


# --- tokens ----------------------------------------------------------------------------------------------------------


def add_token(
    tx: Transaction, node: int, *, name: str, sha256: str, role: str, created_by: str, now_us: int,
    expires_us: int | None,
) -> TokenRow:  # fmt: skip
    """Add a token.

    Raises:
        CatalogError: A valid token has this name already, ignoring case.
    """
    row = {
        "node": node, "id": new_ids(tx, node, "tokens")[0], "name": name, "sha256": sha256, "role": role,
        "created_by": created_by, "created_us": now_us, "used_us": None, "expires_us": expires_us, "revoked_us": None,
    }  # fmt: skip
    return _token(tx.run("adding a token", insert(schema.tokens).values(row).returning(schema.tokens)).mappings().one())


def find_token(tx: Transaction, sha256: str) -> TokenRow | None:
    """Return a token by the hash of what was shown, whatever its state; None where there is none."""
    row = tx.run("tokens", select(schema.tokens).where(_TOKENS.sha256 == sha256)).mappings().one_or_none()
    return None if row is None else _token(row)


def list_tokens(tx: Transaction, *, revoked: bool = False) -> tuple[TokenRow, ...]:
    """Return tokens, the newest first; revoked ones only where asked for."""
    query = select(schema.tokens).order_by(_TOKENS.created_us.desc(), _TOKENS.id.desc())
    if not revoked:
        query = query.where(_TOKENS.revoked_us.is_(None))
    return tuple(_token(row) for row in tx.run("tokens", query).mappings())


def revoke_token(tx: Transaction, token: Id, now_us: int) -> None:
    """Revoke a token; one that was revoked before keeps its time."""
    where = (_TOKENS.node == token.node) & (_TOKENS.id == token.number) & _TOKENS.revoked_us.is_(None)
    tx.run("revoking a token", update(schema.tokens).where(where).values(revoked_us=now_us))


def token_used(tx: Transaction, token: Id, now_us: int) -> None:
    """Say when a token was used last."""
    where = (_TOKENS.node == token.node) & (_TOKENS.id == token.number)
    tx.run("tokens", update(schema.tokens).where(where).values(used_us=now_us))


# --- tries to sign in ------------------------------------------------------------------------------------------------


def add_sign_in(tx: Transaction, node: int, *, name: str, address: str, outcome: str, now_us: int) -> None:
    """Write down a try to sign in, and forget the oldest beyond `KEPT_SIGN_INS`."""
    number = new_ids(tx, node, "sign_ins")[0]
    row = {
        "node": node, "id": number, "at_us": now_us, "name": name[:NAME_LENGTH], "address": address[:NAME_LENGTH],
        "outcome": outcome,
    }  # fmt: skip
    tx.run("sign-ins", insert(schema.sign_ins).values(row))
    old = (_SIGN_INS.node == node) & (_SIGN_INS.id <= number - KEPT_SIGN_INS)
    tx.run("sign-ins", delete(schema.sign_ins).where(old))


def sign_ins(tx: Transaction, *, limit: int = PAGE, cursor: str | None = None) -> Page[SignInRow]:
    """List tries to sign in, the newest first."""
    order = (_SIGN_INS.at_us.desc(), _SIGN_INS.node.desc(), _SIGN_INS.id.desc())
    query = select(schema.sign_ins).order_by(*order)
    if cursor is not None:
        at_us, node, number = read_cursor(cursor, 3)
        earlier = (_SIGN_INS.node < node) | ((_SIGN_INS.node == node) & (_SIGN_INS.id < number))
        query = query.where((_SIGN_INS.at_us < at_us) | ((_SIGN_INS.at_us == at_us) & earlier))
    limit = max(1, min(limit, PAGE_MAX))
    rows = [
        SignInRow(id=_id(row), **{name: row[name] for name in ("at_us", "name", "address", "outcome")})
        for row in tx.run("sign-ins", query.limit(limit + 1)).mappings()
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(tuple(rows[:limit]), cursor_of(last.at_us, last.id.node, last.id.number) if last else None)


def _id(row: RowMapping) -> Id:
    return Id(int(row["node"]), int(row["id"]))


def _user(row: RowMapping) -> UserRow:
    return UserRow(id=_id(row), **{name: row[name] for name in UserRow.__dataclass_fields__ if name != "id"})


def _token(row: RowMapping) -> TokenRow:
    return TokenRow(id=_id(row), **{name: row[name] for name in TokenRow.__dataclass_fields__ if name != "id"})

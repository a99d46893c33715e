"""Who may come in: users with passwords and roles, tokens of programs, and how the first admin comes to be.

Passwords are kept as argon2id hashes, tokens as SHA-256 (they are 32 random bytes: nobody guesses them, so a slow hash
would only cost time). While there is no user a one-time setup token lies in the state folder, for whoever can read
that folder; making the first admin with it uses it up.

Any thread. Not here: sessions and limits (http.session, http.guard), the command line (cli.users, cli.tokens).
"""

import hmac
import re
import secrets
import threading
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import argon2

from holdfast.catalog import accounts, nodes
from holdfast.catalog.accounts import SignInRow, TokenRow, UserRow
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.rows import Page
from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput, Conflict, NotFound, SignInNeeded
from holdfast.core.timing import MINUTE_US
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import replace_atomically

SHORTEST = 8  # NIST SP 800-63B: what a person chooses has at least eight characters, and no rules about kinds
LONGEST = 256  # chosen: longer than any sentence that somebody types, short enough to hash at once
TOKEN_PREFIX = "hf_"  # noqa: S105 - a prefix, so that scanners of secrets and people recognise a token
NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}$"
SETUP_FILE = "setup-token"
UNKNOWN = "(unknown)"  # in the list of tries: a name that nobody has may be a password, typed into the wrong field
USED_EVERY_US = MINUTE_US  # chosen: "last used" to the minute costs a row a minute, not one a request


# OWASP's second choice (19 MiB, 2 passes, 1 lane): 30 ms on a PC; the 64 MiB of the library's default, times a few
# people who sign in at once, is memory that a Raspberry Pi needs for recording.
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_HASHING = threading.BoundedSemaphore(2)  # chosen: whoever guesses passwords must not get more than two cores for it


class Role(StrEnum):
    """What somebody may do; each contains those before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


# --- users -----------------------------------------------------------------------------------------------------------


def users(catalog: Catalog) -> tuple[UserRow, ...]:
    """Return all users by name."""
    with catalog.read() as tx:
        return accounts.list_users(tx)


def find_user(catalog: Catalog, name: str) -> UserRow | None:
    """Return a user by name, ignoring case; None where there is none."""
    with catalog.read() as tx:
        return accounts.find_user(tx, name)


def the_user(catalog: Catalog, name: str) -> UserRow:
    """Return a user by name, ignoring case.

    Raises:
        NotFound: There is no such user.
    """
    with catalog.read() as tx:
        return _the_user(tx, name)


def add_user(
    catalog: Catalog, clock: Clock, name: str, password: str, role: Role, *, first: bool = False, node: str = LOCAL
) -> UserRow:
    """Add a user.

    Args:
        catalog: The catalog.
        clock: Time.
        name: Name to sign in with: letters, digits and `_ . @ + -`, at most 64.
        password: At least eight characters.
        role: What the user may do.
        first: Only where there is no user yet.
        node: Name of this node.

    Raises:
        BadInput: Name or password will not do.
        Conflict: The name is taken, or `first` and there is a user.
    """
    _check_name(name)
    hashed = _hash(name, password)
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, clock.wall_us())
        if first and accounts.any_users(tx):
            raise Conflict("there is a user already", hint="sign in, or ask an administrator")
        if accounts.find_user(tx, name) is not None:
            raise Conflict(f"there is a user {name} already", hint="holdfast users list shows all")
        return accounts.add_user(tx, number, name, hashed, role, clock.wall_us())


def change_user(
    catalog: Catalog, clock: Clock, name: str, *, role: Role | None = None, enabled: bool | None = None,
    password: str | None = None,
) -> UserRow:  # fmt: skip
    """Change a user. A new password or switching off ends all sessions; a new role takes effect within seconds.

    Raises:
        NotFound: There is no such user.
        BadInput: The password will not do.
        Conflict: It would leave nobody who may administer.
    """
    hashed = None if password is None else _hash(name, password)
    with catalog.write() as tx:
        user = _the_user(tx, name)
        values: dict[str, object] = {"changed_us": clock.wall_us()}
        if role is not None:
            values["role"] = role.value
        if enabled is not None:
            values["enabled"] = enabled
        if (role not in {None, Role.ADMIN}) or enabled is False:
            _keep_an_admin(tx, user)
        if hashed is not None:
            values["password"] = hashed
        if hashed is not None or enabled is False:
            values["generation"] = user.generation + 1
        return accounts.change_user(tx, user.id, **values)


def sign_out_everywhere(catalog: Catalog, clock: Clock, name: str) -> UserRow:
    """End all sessions of a user.

    Raises:
        NotFound: There is no such user.
    """
    with catalog.write() as tx:
        user = _the_user(tx, name)
        return accounts.change_user(tx, user.id, generation=user.generation + 1, changed_us=clock.wall_us())


def remove_user(catalog: Catalog, name: str) -> None:
    """Remove a user.

    Raises:
        NotFound: There is no such user.
        Conflict: It is the last one who may administer.
    """
    with catalog.write() as tx:
        user = _the_user(tx, name)
        _keep_an_admin(tx, user)
        accounts.remove_user(tx, user.id)


def sign_in(
    catalog: Catalog, clock: Clock, name: str, password: str, *, address: str = "", node: str = LOCAL
) -> UserRow:
    """Check a name and a password, and write down how it went.

    An unknown name takes as long as a wrong password, so that nobody learns which names there are.

    Raises:
        SignInNeeded: They are wrong, or the user is switched off; which of these is not said.
    """
    user = find_user(catalog, name)
    right = _verify(None if user is None else user.password, password)
    good = right and user is not None and user.enabled
    # Hashed before the transaction: nobody must wait for the write lock that long.
    again = None
    if user is not None and good and _HASHER.check_needs_rehash(user.password):
        again = _hash_only(password)
    now_us = clock.wall_us()
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, now_us)
        outcome = "ok" if good else "refused"
        known = UNKNOWN if user is None else user.name
        accounts.add_sign_in(tx, number, name=known, address=address, outcome=outcome, now_us=now_us)
        if good and user is not None:
            values: dict[str, object] = {"signed_in_us": now_us, **({"password": again} if again else {})}
            return accounts.change_user(tx, _the_user(tx, name).id, **values)
    raise SignInNeeded("name or password is wrong")


def note_limited(catalog: Catalog, clock: Clock, name: str, address: str, *, node: str = LOCAL) -> None:
    """Write down a try to sign in that was refused unseen, because there were too many."""
    now_us = clock.wall_us()
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, now_us)
        user = accounts.find_user(tx, name)
        known = UNKNOWN if user is None else user.name
        accounts.add_sign_in(tx, number, name=known, address=address, outcome="limited", now_us=now_us)


def sign_ins(catalog: Catalog, *, limit: int, cursor: str | None = None) -> Page[SignInRow]:
    """List tries to sign in, the newest first."""
    with catalog.read() as tx:
        return accounts.sign_ins(tx, limit=limit, cursor=cursor)


def _the_user(tx: Transaction, name: str) -> UserRow:
    user = accounts.find_user(tx, name)
    if user is None:
        raise NotFound(f"there is no user {name}", hint="holdfast users list shows all")
    return user


def _keep_an_admin(tx: Transaction, user: UserRow) -> None:
    if accounts.admins(tx) == {user.id}:
        raise Conflict(f"{user.name} is the last one who may administer", hint="make somebody else an admin first")


def _check_name(name: str) -> None:
    if not re.fullmatch(NAME, name):
        raise BadInput("a name has letters, digits and _ . @ + -, at most 64, and begins with a letter or digit")


def _hash(name: str, password: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadInput(
            f"a password has {SHORTEST} to {LONGEST} characters", hint="a few words are easy to keep and hard to guess"
        )
    if password.casefold() == name.casefold():
        raise BadInput("a password must not be the name")
    return _hash_only(password)


def _hash_only(password: str) -> str:
    with _HASHING:
        return _HASHER.hash(password)


def _verify(hashed: str | None, password: str) -> bool:
    with _HASHING:
        try:
            _HASHER.verify(hashed if hashed is not None else _nobody(), password[: LONGEST + 1])
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
    return hashed is not None


_nobodys: list[str] = []


def _nobody() -> str:
    """Return a hash that no password matches, made once."""
    if not _nobodys:
        _nobodys.append(_HASHER.hash(secrets.token_hex(32)))
    return _nobodys[0]


# --- tokens ----------------------------------------------------------------------------------------------------------


def add_token(
    catalog: Catalog, clock: Clock, name: str, role: Role, *, expires_us: int | None = None, by: str = "",
    node: str = LOCAL,
) -> tuple[TokenRow, str]:  # fmt: skip
    """Make a token for a program.

    Returns:
        Its row, and the token: shown now and never again.

    Raises:
        BadInput: The name will not do, or it would have expired already.
        Conflict: A valid token has this name.
    """
    _check_name(name)
    now_us = clock.wall_us()
    if expires_us is not None and expires_us <= now_us:
        raise BadInput("a token must expire in the future")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with catalog.write() as tx:
        if any(row.name.lower() == name.lower() for row in accounts.list_tokens(tx)):
            raise Conflict(f"there is a token {name} already", hint="revoke it first, or take another name")
        number = nodes.ensure(tx, node, now_us)
        row = accounts.add_token(
            tx, number, name=name, sha256=token_hash(token), role=role.value, created_by=by, now_us=now_us,
            expires_us=expires_us,
        )  # fmt: skip
    return row, token


def tokens(catalog: Catalog, *, revoked: bool = False) -> tuple[TokenRow, ...]:
    """Return tokens, the newest first; revoked ones only where asked for."""
    with catalog.read() as tx:
        return accounts.list_tokens(tx, revoked=revoked)


def revoke_token(catalog: Catalog, clock: Clock, which: str) -> TokenRow:
    """Revoke a valid token, by its name or its id (`1-4`).

    Raises:
        NotFound: There is no such token.
    """
    with catalog.write() as tx:
        for row in accounts.list_tokens(tx):
            if which == str(row.id) or which.lower() == row.name.lower():
                accounts.revoke_token(tx, row.id, clock.wall_us())
                return row
    raise NotFound(f"there is no valid token {which}", hint="holdfast tokens list shows all")


def token_hash(token: str) -> str:
    """Return what the catalog keeps of a token."""
    return sha256(token.encode(errors="replace")).hexdigest()


def find_token(catalog: Catalog, clock: Clock, hashed: str) -> TokenRow | None:
    """Return the token of a hash while it is good, and note to the minute that it was used."""
    now_us = clock.wall_us()
    with catalog.read() as tx:
        row = accounts.find_token(tx, hashed)
    if row is None or not token_good(row, now_us):
        return None
    if row.used_us is None or abs(now_us - row.used_us) >= USED_EVERY_US:
        with catalog.write() as tx:
            accounts.token_used(tx, row.id, now_us)
    return row


def token_good(row: TokenRow, now_us: int) -> bool:
    """Say whether a token is neither revoked nor expired."""
    return row.revoked_us is None and (row.expires_us is None or now_us < row.expires_us)


# --- the first admin -------------------------------------------------------------------------------------------------


def setup_needed(catalog: Catalog) -> bool:
    """Say whether there is no user yet."""
    with catalog.read() as tx:
        return not accounts.any_users(tx)


def setup_token(catalog: Catalog, state_dir: Path) -> str | None:
    """Return the one-time setup token while there is no user, making it where it is new; else remove it.

    Raises:
        StorageError: It could not be written.
    """
    path = state_dir / SETUP_FILE
    if not setup_needed(catalog):
        with storage_errors("removing", path):
            path.unlink(missing_ok=True)
        return None
    kept = read_setup_token(state_dir)
    if kept is None:
        kept = secrets.token_urlsafe(18)
        replace_atomically(path, kept.encode(), durable=True, mode=0o600)
    return kept


def read_setup_token(state_dir: Path) -> str | None:
    """Return the setup token that lies in the state folder; None where there is none."""
    try:
        return (state_dir / SETUP_FILE).read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def set_up(catalog: Catalog, clock: Clock, state_dir: Path, token: str, name: str, password: str) -> UserRow:
    """Make the first admin, for whoever has the setup token; it is used up by that.

    Raises:
        SignInNeeded: The token is wrong.
        Conflict: There is a user already.
        BadInput: Name or password will not do.
    """
    if not setup_needed(catalog):
        raise Conflict("this recorder is set up already", hint="sign in")
    kept = read_setup_token(state_dir)
    if kept is None or not hmac.compare_digest(kept.encode(), token.strip().encode()):
        raise SignInNeeded(
            "the setup token is wrong",
            hint=f"holdfast run prints it when it starts; it is in {SETUP_FILE} of the state folder",
        )
    user = add_user(catalog, clock, name, password, Role.ADMIN, first=True)
    (state_dir / SETUP_FILE).unlink(missing_ok=True)
    return user

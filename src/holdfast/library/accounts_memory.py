"""Users and tokens outlive the catalog: what it says of them is kept beside it, and goes into one that came up empty.

Footage comes back from journals, cameras and settings from the worker's memory; people are no footage, and without
this a deleted catalog would let whoever comes first make themselves administrator. The file holds hashes, as the rows
do, and is for this user alone.

The worker writes it within seconds of a change; a change made while none runs is remembered from its next start on.

Not here: what users and tokens are (accounts).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.catalog import accounts, nodes
from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.library import memory

MEMORY = "accounts.json"  # in the state folder

_USER = ("name", "password", "role", "enabled", "generation")
_TOKEN = ("name", "sha256", "role", "created_by", "created_us", "expires_us")

Known = Mapping[str, list[dict[str, Any]]]


def known(catalog: Catalog) -> Known:
    """Return what must come back: users, and tokens that were not revoked.

    Raises:
        CatalogUnavailable: It did not answer; what was known stands.
    """
    with catalog.read() as tx:
        users, tokens = accounts.list_users(tx), accounts.list_tokens(tx)
    return {
        "users": [{name: getattr(row, name) for name in _USER} for row in users],
        "tokens": [{name: getattr(row, name) for name in _TOKEN} for row in tokens],
    }


def remember(state_dir: Path, found: Known) -> None:
    """Keep the answer of `known`.

    Raises:
        StorageError: It cannot be written.
    """
    memory.remember(state_dir, MEMORY, dict(found))


def recall(state_dir: Path) -> Known:
    """Return what was remembered last; nobody where there is nothing usable."""
    body = memory.recall(state_dir, MEMORY)
    try:
        return {
            "users": [{name: user[name] for name in _USER} for user in body["users"]],
            "tokens": [{name: token[name] for name in _TOKEN} for token in body["tokens"]],
        }
    except (KeyError, TypeError):
        return {"users": [], "tokens": []}


def restore_lost(catalog: Catalog, node: str, remembered: Known, clock: Clock) -> list[str]:
    """Put users and tokens back into a catalog that has no user at all: it was deleted, or made anew.

    The last administrator cannot be removed, so no person leaves a catalog like that.

    Args:
        catalog: The catalog.
        node: Name of this node.
        remembered: What `known` said last.
        clock: Time.

    Returns:
        The names of the users who are back.
    """
    if not remembered["users"]:
        return []
    now_us = clock.wall_us()
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, now_us)
        nodes.hold(tx, number)
        if accounts.any_users(tx):
            return []
        for user in remembered["users"]:
            row = accounts.add_user(tx, number, user["name"], user["password"], user["role"], now_us)
            accounts.change_user(tx, row.id, enabled=user["enabled"], generation=user["generation"])
        taken = {row.sha256 for row in accounts.list_tokens(tx, revoked=True)}
        for token in reversed(remembered["tokens"]):  # the list has the newest first
            if token["sha256"] not in taken:
                accounts.add_token(
                    tx, number, name=token["name"], sha256=token["sha256"], role=token["role"],
                    created_by=token["created_by"], now_us=token["created_us"], expires_us=token["expires_us"],
                )  # fmt: skip
    return [str(user["name"]) for user in remembered["users"]]

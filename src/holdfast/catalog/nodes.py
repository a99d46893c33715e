"""Nodes and volumes: rows that everything else belongs to."""

from pathlib import Path

from sqlalchemy import func, insert, literal, select, true, update

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import new_ids

LOCAL = "local"
"""Name of the node of a catalog that only one host uses."""

_NODES = schema.nodes.c
_VOLUMES = schema.volumes.c


def ensure(tx: Transaction, name: str, now_us: int) -> int:
    """Return the number of a node, adding it where it is new."""
    while (found := find(tx, name)) is None:
        # Somebody else who adds a node at the same time may take the number, or add this very one: then look again.
        number = select(func.coalesce(func.max(_NODES.id), 0) + 1, literal(name), literal(now_us))
        number = number.where(true())  # without it SQLite takes the conflict clause for a join
        new = tx.insert(schema.nodes).from_select([_NODES.id, _NODES.name, _NODES.created_us], number)
        tx.run("nodes", new.on_conflict_do_nothing())
    return found


def find(tx: Transaction, name: str) -> int | None:
    """Return the number of a node, None where there is none of that name."""
    found = tx.run("nodes", select(_NODES.id).where(_NODES.name == name)).scalar()
    return None if found is None else int(found)


def created_us(tx: Transaction, node: int) -> int | None:
    """Return when a node was first seen, which tells a catalog from the one before it; None where it never was."""
    found = tx.run("nodes", select(_NODES.created_us).where(_NODES.id == node)).scalar()
    return None if found is None else int(found)


def numbers(tx: Transaction) -> list[int]:
    """Return the numbers of all nodes."""
    return [int(number) for number in tx.run("nodes", select(_NODES.id).order_by(_NODES.id)).scalars()]


def hold(tx: Transaction, node: int) -> None:
    """Let whoever else changes what belongs to a node wait until this transaction ends.

    For changes that depend on what they read first. SQLite has one writer anyway.
    """
    tx.run("nodes", select(_NODES.id).where(_NODES.id == node).with_for_update())


def set_indexed(tx: Transaction, node: int, now_us: int | None) -> None:
    """Say until when a node's journals are in the catalog."""
    tx.run("nodes", update(schema.nodes).where(_NODES.id == node).values(indexed_us=now_us))


def indexed_us(tx: Transaction, node: int) -> int | None:
    """Return until when a node's journals are in the catalog; None before its first pass."""
    found = tx.run("nodes", select(_NODES.indexed_us).where(_NODES.id == node)).scalar()
    return None if found is None else int(found)


def ensure_volumes(tx: Transaction, node: int, volumes: dict[str, Path], now_us: int) -> dict[str, int]:
    """Return the numbers of a node's volumes by name, adding new ones and noting changed paths."""
    rows = tx.run("volumes", select(schema.volumes).where(_VOLUMES.node == node)).mappings().all()
    known = {row["name"]: (int(row["id"]), row["path"]) for row in rows}
    for name, root in volumes.items():
        if name not in known:
            number = new_ids(tx, node, "volumes")[0]
            row = {"node": node, "id": number, "name": name, "path": str(root), "created_us": now_us}
            tx.run("volumes", insert(schema.volumes).values(row))
            known[name] = (number, str(root))
        elif known[name][1] != str(root):
            where = (_VOLUMES.node == node) & (_VOLUMES.name == name)
            tx.run("volumes", update(schema.volumes).where(where).values(path=str(root)))
    return {name: number for name, (number, _) in known.items()}

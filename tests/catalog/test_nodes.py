"""Nodes and the ids of what belongs to them, when several processes begin at once."""

import threading

from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.rows import new_ids


def test_a_node_is_added_once(catalog: Catalog) -> None:
    """A node keeps its number, and each has its own."""
    with catalog.write() as tx:
        assert [nodes.ensure(tx, name, 1) for name in ("pier", "barn", "pier")] == [1, 2, 1]
        assert nodes.find(tx, "attic") is None


def test_many_begin_at_once(catalog: Catalog, catalog_url: str) -> None:
    """Processes that meet an empty catalog together agree about numbers, and none fails (R7)."""
    together = threading.Barrier(6)
    found: list[tuple[str, int, int]] = []
    failed: list[Exception] = []

    def begin(name: str) -> None:
        with open_catalog(catalog_url) as own:
            together.wait(60)
            try:
                for _ in range(5):
                    with own.write() as tx:
                        number = nodes.ensure(tx, name, 1)
                        found.extend((name, number, drawn) for drawn in new_ids(tx, number, "users", 2))
            except Exception as error:  # noqa: BLE001 - whatever one of them meets is what this test is about
                failed.append(error)

    threads = [
        threading.Thread(target=begin, args=(name,)) for name in ("pier", "barn", "pier", "pier", "dock", "dock")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert len({(name, number) for name, number, _ in found}) == len({number for _, number, _ in found}) == 3
    for name, times in (("pier", 3), ("barn", 1), ("dock", 2)):
        assert sorted(drawn for other, _, drawn in found if other == name) == list(range(1, times * 10 + 1))
    with catalog.read() as tx:
        assert {name for name in ("pier", "barn", "dock") if nodes.find(tx, name)} == {"pier", "barn", "dock"}

import time
from dataclasses import replace
from pathlib import Path

from holdfast.catalog import chores, nodes, work_rows
from holdfast.catalog.db import open_catalog
from holdfast.catalog.rows import Id
from holdfast.core.clock import SystemClock
from holdfast.core.errors import DiskError
from holdfast.work.by_hand import run_due
from holdfast.work.chores import AGAIN_US, EVERY_US, chores_kind
from holdfast.work.station import Options, Station
from support.recording import until


def test_a_chore_is_done_and_becomes_due_again(tmp_path: Path) -> None:
    """Each chore is done once and due an hour later; one that fails is due again soon, and says why."""
    done: list[str] = []

    def fails() -> None:
        done.append("fails")
        raise DiskError("the disk is away")

    kind = chores_kind({"heads": lambda: done.append("heads"), "fails": fails}, SystemClock())
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        with catalog.write() as tx:
            node = nodes.ensure(tx, "local", 1)
            chores.ensure(tx, node, ["fails", "heads"], SystemClock().wall_us())
        with Station(catalog, node, [kind], SystemClock(), Options(worker="w1")):
            until(lambda: sorted(done) == ["fails", "heads"])
            time.sleep(0.3)  # long enough for a sweep that takes them for due again
        assert sorted(done) == ["fails", "heads"]
        with catalog.read() as tx:
            rows = [work_rows.get(tx, kind, Id(node, number)) for number in (1, 2)]
    now_us = SystemClock().wall_us()
    assert [(row["state"], row["attempts"], row["error"]) for row in rows] == [
        ("pending", 0, "the disk is away"), ("pending", 0, ""),
    ]  # fmt: skip
    assert abs(rows[0]["due_us"] - now_us - AGAIN_US) < 30_000_000
    assert abs(rows[1]["due_us"] - now_us - EVERY_US) < 30_000_000


def test_a_chore_with_a_bug_is_tried_for_ever(tmp_path: Path) -> None:
    """An error that nobody foresaw, however often, ends no chore: once it is gone the chore is done."""
    tries: list[int] = []

    def buggy() -> None:
        tries.append(1)
        if len(tries) < 8:
            raise OSError("too many links")

    made = chores_kind({"heads": buggy}, SystemClock())
    kind = replace(made, retry=replace(made.retry, first_s=0.001, cap_s=0.001))
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        with catalog.write() as tx:
            node = nodes.ensure(tx, "local", 1)
            chores.ensure(tx, node, ["heads"], SystemClock().wall_us())
        tried = 0
        while not tried or len(tries) < 8:
            tried += run_due(catalog, node, kind, SystemClock())
        with catalog.read() as tx:
            found = work_rows.get(tx, kind, Id(node, 1))
    assert (found["state"], found["error"]) == ("pending", "")

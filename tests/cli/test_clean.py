"""`holdfast clean` tells exactly what it does (C080), and what keeps it from it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.cli.main import main
from holdfast.core.clock import SystemClock
from holdfast.library.retention import confirm, doubt
from support.clock import PushedClock
from support.kept_node import KEPT, KeptNode


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    clock = PushedClock(SystemClock().wall_us() - 9 * 86_400_000_000)
    node = KeptNode(tmp_path, KEPT + "[cameras.gate.retention]\nkeep_days = 7\n", clock=clock)
    node.record(3)
    node.later(6 * 24)
    node.record(1)
    confirm(node.catalog, SystemClock())
    yield node
    node.close()


def test_the_dry_run_tells_what_the_run_deletes(node: KeptNode, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file that the dry run names goes, no other, and each is told with its reason and its size."""
    config = ("-c", str(node.path))
    before = node.here()
    assert _run("clean", "--dry-run", "--json", *config) == 0
    dry = json.loads(capsys.readouterr().out)
    assert node.here() == before
    assert _run("clean", "--dry-run", "--files", *config) == 0
    told = capsys.readouterr().out
    assert "3 files" in told
    assert "older than 7 days" in told
    assert all(one["file"] in told for one in dry["files"])
    assert _run("clean", "--json", *config) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["files"] == dry["files"]
    assert done["bytes"] == sum(one["bytes"] for one in dry["files"]) > 0
    assert before - node.here() == {one["file"] for one in dry["files"]}
    assert _run("clean", *config) == 0
    assert capsys.readouterr().out == "nothing deleted\n"


def test_a_doubt_is_told_and_cleared_by_a_person(node: KeptNode, capsys: pytest.CaptureFixture[str]) -> None:
    """While clock or catalog are in doubt nothing goes, and the command says why and what to do (C067)."""
    config = ("-c", str(node.path))
    doubt(node.catalog, SystemClock(), "the catalog was made anew")
    assert _run("clean", *config) == 1
    out = capsys.readouterr().out
    assert "nothing may be deleted now: the catalog was made anew" in out
    assert "holdfast clean --confirm" in out
    assert len(node.here()) == 4
    assert _run("clean", "--confirm", *config) == 0
    assert len(node.here()) == 1

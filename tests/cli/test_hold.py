"""`holdfast hold`: what is held stays, and everybody can see why."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.cli.main import main
from holdfast.core.clock import SystemClock
from holdfast.library.retention import confirm
from holdfast.storage import expendable
from holdfast.storage.expendable import Entry
from holdfast.storage.volume import MARKER
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
    confirm(node.catalog, SystemClock())
    yield node
    node.close()


def test_a_held_span_is_not_deleted(node: KeptNode, capsys: pytest.CaptureFixture[str]) -> None:
    """A hold keeps its files from `clean`, is listed with its reason, and lets them go when it is released (C080)."""
    node.record(3)
    config = ("-c", str(node.path))
    assert _run("hold", "add", "GATE", "10d", "8d", "--why", "theft in aisle 3", *config) == 0
    assert "holdfast hold release 1-1" in capsys.readouterr().out
    assert _run("clean", *config) == 0
    assert len(node.here()) == 3
    assert _run("hold", "list", *config) == 0
    assert "theft in aisle 3" in capsys.readouterr().out
    assert _run("hold", "release", "1-1", "--why", "closed", *config) == 0
    assert _run("hold", "release", "1-1", *config) == 65
    assert _run("clean", *config) == 0
    assert node.here() == set()
    capsys.readouterr()
    assert _run("hold", "list", "--released", "--json", *config) == 0
    row = json.loads(capsys.readouterr().out)[0]
    assert (row["camera"], row["kind"], row["why"]) == ("gate", "legal", "theft in aisle 3")
    assert row["released"] is not None


def test_what_makes_no_sense_is_said(node: KeptNode, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown camera or hold, or an end before the begin, is refused with its own exit code."""
    config = ("-c", str(node.path))
    assert _run("hold", "add", "door", "2h", "1h", "--why", "x", *config) == 66
    assert _run("hold", "add", "gate", "1h", "2h", "--why", "x", *config) == 64
    assert _run("hold", "release", "1-9", *config) == 66
    capsys.readouterr()
    assert _run("hold", "list", *config) == 0
    assert capsys.readouterr().out == "no holds\n"


def test_a_disk_that_is_away_takes_no_hold(node: KeptNode, capsys: pytest.CaptureFixture[str]) -> None:
    """Below a mount point nothing is written: the hold is refused, with what to do, and does not stand (F12)."""
    config = ("-c", str(node.path))
    (node.disk / MARKER).rename(node.disk / "aside")
    assert _run("hold", "add", "gate", "2h", "1h", "--why", "x", *config) == 74
    said = capsys.readouterr().err
    assert "no volume is there to write a hold to" in said
    assert "holdfast volumes" in said
    assert _run("hold", "list", *config) == 0
    assert capsys.readouterr().out == "no holds\n"


def test_what_is_held_is_off_the_list_of_recorders(node: KeptNode) -> None:
    """When the command is done, no recorder whose disk is full removes any of it (C080)."""
    (one,) = node.record(1)
    path = node.state / expendable.NAME
    expendable.publish(path, lambda: [Entry("v", one.file, one.bytes, one.start_us, one.end_us)])
    assert _run("hold", "add", "gate", "10d", "8d", "--why", "x", "-c", str(node.path)) == 0
    assert path.read_bytes().strip() == b""

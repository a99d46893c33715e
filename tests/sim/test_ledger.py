import json
from pathlib import Path

import pytest

from holdfast.core.errors import UsageError
from holdfast.sim.ledger import Ledger
from support.clock import PushedClock


def test_lines_are_readable_at_once(tmp_path: Path) -> None:
    """Each fact is in the file, whole and stamped, as soon as it was written; an older ledger is added to."""
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"what":"old"}\n')
    clock = PushedClock()
    with Ledger(path, clock) as ledger:
        ledger.write("open", camera="gate")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [{"what": "old"}, {"what": "open", "wall_us": clock.wall_us(), "camera": "gate"}]


def test_without_a_path_nothing_is_kept() -> None:
    """A simulator without a ledger writes nothing and hashes nothing."""
    with Ledger(None, PushedClock(), hashes=True) as ledger:
        ledger.write("open")
        assert not ledger.hashes


def test_unwritable_ledger_is_named(tmp_path: Path) -> None:
    """A ledger that cannot be written stops the start, named with its reason."""
    with pytest.raises(UsageError, match=r"nowhere/ledger.jsonl cannot be written: No such file"):
        Ledger(tmp_path / "nowhere" / "ledger.jsonl", PushedClock())

"""`holdfast forecast` says what becomes of each disk in a sentence and a table."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.cli.forecast import sentence
from holdfast.cli.main import main
from holdfast.core.clock import SystemClock
from holdfast.library.forecast import Forecast
from support.clock import PushedClock
from support.kept_node import KEPT, KeptNode

NOW = 1_790_000_000_000_000
PLAIN = Forecast(
    volume="main", total_bytes=10**12, free_bytes=10**11, hourly=10**9, full_us=None, backlog_us=None, stops_us=None,
    settles_bytes=None, cameras=(), points=(),
)  # fmt: skip


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "24.0 GB a day, not full within a year"),
        ({"settles_bytes": 7 * 10**10}, "24.0 GB a day, not full within a year, settles at 70.0 GB of footage"),
        (
            {"full_us": NOW + 7_200_000_000},
            "24.0 GB a day, full in 2h00m (2026-09-21 16:13): then the oldest goes first",
        ),
        ({"full_us": NOW, "stops_us": NOW}, "24.0 GB a day, full now: recording stops"),
        (
            {"full_us": NOW, "stops_us": NOW + 7_200_000_000},
            "24.0 GB a day, full now: the oldest goes first, recording stops in 2h00m (2026-09-21 16:13)",
        ),
        ({"full_us": NOW}, "24.0 GB a day, full now: the oldest goes first"),
        ({"hourly": 0}, "nothing comes in"),
        ({"free_bytes": None}, "does not answer"),
    ],
)
def test_a_sentence_says_it_all(facts: dict[str, Any], words: str) -> None:
    """One sentence tells the rate, the day when the disk is full, and what happens then."""
    assert sentence(replace(PLAIN, **facts), "UTC", NOW) == words


def test_it_is_told_for_people_and_for_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table names each camera with what it has and when it would lose by what."""
    clock = PushedClock(SystemClock().wall_us() - 3_600_000_000)
    node = KeptNode(tmp_path, KEPT + "[cameras.gate.retention]\nkeep_days = 7\n", clock=clock)
    try:
        node.record(6)
        assert _run("forecast", "-c", str(node.path)) == 0
        out = capsys.readouterr().out
        assert "volume main:" in out
        assert "gate" in out
        assert "its age" in out
        assert _run("forecast", "--json", "-c", str(node.path)) == 0
        body = json.loads(capsys.readouterr().out)
        assert body[0]["volume"] == "main"
        assert body[0]["cameras"][0]["why"] == "age"
        assert len(body[0]["points"]) == 61
    finally:
        node.close()

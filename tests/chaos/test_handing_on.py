"""Deliveries while the worker is killed and the target comes and goes."""

from pathlib import Path

import pytest

from chaos.handing_on import Drill


def test_kills_and_flaps_lose_and_double_nothing(tmp_path: Path) -> None:
    """With workers killed and a target that vanishes, all arrives once and acknowledged is what is there (F17, F21)."""
    verdict = Drill(tmp_path, 150, 15).run()
    assert verdict.kills >= 1
    assert verdict.problems == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", [2, 3])
def test_ten_thousand_through_chaos(tmp_path: Path, seed: int) -> None:
    """The same with 10,000 files in ten minutes: 0 lost, 0 twice, 0 acknowledged unverified (issue)."""
    verdict = Drill(tmp_path, 10_000, 600, seed=seed).run()
    print(verdict)  # noqa: T201 - the figures, for docs/reliability.md
    assert verdict.problems == []

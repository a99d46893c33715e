"""What the tests of pages stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.core.clock import SystemClock
from support.clock import PushedClock
from support.pages import Site, site


@pytest.fixture(name="clock")
def _clock() -> PushedClock:
    """A clock that tests push."""
    return PushedClock()


@pytest.fixture(name="two")
def _two(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node with a gate and a dock."""
    with site(tmp_path, clock, "gate", "dock") as made:
        yield made


@pytest.fixture(name="gate")
def _gate(tmp_path: Path) -> Iterator[Site]:
    """A node with a gate in its file, by the machine's clock."""
    with site(tmp_path, SystemClock(), "gate") as made:
        yield made

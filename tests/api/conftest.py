"""What the tests of this folder stand on: the application over a new node, with users."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.accounts import House, house
from support.catalog import catalog_url, postgres
from support.clock import PushedClock

__all__ = ["catalog_url", "postgres"]


@pytest.fixture
def clock() -> PushedClock:
    """A clock that tests push."""
    return PushedClock()


@pytest.fixture
def home(tmp_path: Path, clock: PushedClock) -> Iterator[House]:
    """The application over a new node."""
    with house(tmp_path, clock) as made:
        yield made

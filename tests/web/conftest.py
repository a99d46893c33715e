"""What the tests of pages stand on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.core.clock import SystemClock
from support import lasting
from support.clock import PushedClock
from support.pages import Site, site
from support.player import Place, place
from support.recording import recording
from support.sim import small_camera
from support.wire import wired


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


@pytest.fixture(scope="package", name="shared")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A camera that is recorded for as long as the tests of this folder run; they get it as `recorded`."""
    root = tmp_path_factory.mktemp("shared")
    lasting.FOLDERS.append(root)  # it goes on beside tests of other folders that the same worker takes in between
    with place(root, small_camera("gate")) as spot, recording(spot.plan):
        yield spot


@pytest.fixture(name="recorded")
def _recorded(shared: Place) -> Iterator[Place]:
    """A recorded camera over a wire of this test alone. It is shared: none here may end it, or index it only once."""
    shared.site.says("gate")
    with wired(shared.served) as wire:
        yield replace(shared, address=wire.address, wire=wire)

"""How a target stands, in words: the worst thing first, with what to do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.rows import Id
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import NotFound, TargetRefused
from holdfast.core.timing import DAY_US, MINUTE_US
from holdfast.library import deliveries
from holdfast.library.deliveries import TargetNow
from support.handed import Handed
from support.sending import Sending


@pytest.fixture(name="pushed")
def _pushed(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog that goes by the clock that is pushed."""
    with open_catalog(f"sqlite:///{tmp_path / 'pushed.sqlite'}") as made:
        yield made


def now(site: Handed) -> TargetNow:
    """Return how the target stands."""
    (found,) = deliveries.targets(site.catalog, site.loaded.config, "local", site.clock.wall_us())
    return found


def refusing(*_: object, **__: object) -> None:
    """Stands for a target that takes nothing."""
    raise TargetRefused("nas: no right to write", hint="give it")


def test_from_nothing_to_everything(pushed: Catalog, tmp_path: Path) -> None:
    """A target has nothing to send, then files on their way, then all has arrived, with its rate (C085)."""
    site = Handed(tmp_path, pushed)
    assert (now(site).health, now(site).sentence) == ("well", "nothing to send yet")
    for number in range(4):
        site.segment(number - 4)
    site.handing.once()
    assert now(site).waiting.count == 4
    assert now(site).drain_s is None
    with Sending(site) as sending:
        sending.drain(most=2)
        found = now(site)
        assert (found.health, found.pace.files, found.waiting.count) == ("busy", 2, 2)
        assert found.drain_s == pytest.approx(300, rel=0.1)
        assert list(found.cameras) == ["gate"]
        sending.drain()
    assert (now(site).health, now(site).drain_s) == ("well", 0.0)


def test_a_backlog_without_arrivals_is_stalled(pushed: Catalog, tmp_path: Path) -> None:
    """What waits for long while nothing arrives is called stalled, also where no worker runs at all (F20)."""
    site = Handed(tmp_path, pushed)
    site.segment(0)
    site.handing.once()
    site.clock.sleep(20 * MINUTE_US / 1e6)
    assert (now(site).health, "worker" in now(site).hint) == ("stalled", True)


@pytest.mark.parametrize(
    ("make", "health"),
    [
        (lambda site: deliveries.pause(site.catalog, site.loaded.config, "local", "nas", "ann", 1, on=True), "paused"),
        (lambda site: deliveries.pause(site.catalog, site.loaded.config, "local", "", "ann", 1, on=True), "paused"),
        (lambda _site: None, "stalled"),
    ],
)
def test_what_holds_a_target_is_told(
    pushed: Catalog, tmp_path: Path, make: Callable[[Handed], object], health: str
) -> None:
    """A pause of it or of all, and a target that was taken out of the configuration while files wait, are told."""
    cloud = f'[targets.cloud]\ntype = "folder"\npath = "{tmp_path / "cloud"}"\n'
    site = Handed(tmp_path, pushed, more=cloud)
    site.segment(0)
    site.handing.once()
    make(site)
    if health == "stalled":
        config = site.loaded.config.model_copy(update={"targets": {"cloud": site.loaded.config.targets["cloud"]}})
        found = deliveries.targets(site.catalog, config, "local", site.clock.wall_us())
        assert {one.name: one.health for one in found} == {"cloud": "well", "nas": "stalled"}
        assert "not configured" in found[1].sentence
        return
    found = deliveries.targets(site.catalog, site.loaded.config, "local", site.clock.wall_us())
    assert {one.name: one.health for one in found}["nas"] == health


def test_what_failed_is_counted_and_tried_again(
    pushed: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed file makes the target need somebody; tried again it may arrive, and ids that there are not are told."""
    site = Handed(tmp_path, pushed)
    site.segment(0)
    with Sending(site) as sending:
        monkeypatch.setattr(sending.deliver.ways["nas"].target, "put", refusing)
        sending.drain()
        assert "cannot send" in now(site).sentence
        monkeypatch.undo()
        with pytest.raises(NotFound):
            deliveries.retry(site.catalog, "local", "ann", 1, ids=[Id(site.node, 77)])
        assert deliveries.retry(site.catalog, "local", "ann", site.clock.wall_us(), target="nas") == 1
        sending.drain()
    assert [row.state for row in site.rows()] == [DeliveryState.DELIVERED]
    assert now(site).health == "well"


def test_records_are_cleaned_up(pushed: Catalog, tmp_path: Path) -> None:
    """Records of delivered files stay while the files are here: retention needs them (C071)."""
    site = Handed(tmp_path, pushed)
    site.segment(0)
    with Sending(site) as sending:
        sending.drain()
    assert deliveries.cleanup(site.catalog, "local", site.clock.wall_us() + 8 * DAY_US) == 0
    assert len(site.rows()) == 1

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core import config
from holdfast.core.errors import CatalogUnavailable
from holdfast.http.context import RETRY_US, Context
from support.accounts import node
from support.clock import PushedClock
from support.web import context_for


@pytest.fixture
def context(tmp_path: Path, clock: PushedClock) -> Iterator[Context]:
    """A context over a new node."""
    made = context_for(node(tmp_path), clock)
    yield made
    made.close()


def test_settings_follow_the_file(context: Context, clock: PushedClock) -> None:
    """A changed file counts within a second; a broken one leaves the last good settings in force (F48)."""
    assert context.config.web.port == 8080
    path = context.file.path
    path.write_text(path.read_text(encoding="utf-8") + "[web]\nport = 8090\n", encoding="utf-8")
    assert context.config.web.port == 8080
    clock.advance(1)
    assert context.config.web.port == 8090
    path.write_text("[web]\nport = nonsense\n", encoding="utf-8")
    clock.advance(1)
    assert context.config.web.port == 8090


def test_a_change_of_ones_own_counts_at_once(context: Context) -> None:
    """Who changed a setting just now sees it with the next request."""
    path = context.file.path
    path.write_text(path.read_text(encoding="utf-8") + '[site]\ntime_zone = "Asia/Tokyo"\n', encoding="utf-8")
    assert str(context.zone) == "UTC"
    context.changed()
    assert str(context.zone) == "Asia/Tokyo"


def test_folders_and_volumes_are_the_nodes(context: Context, tmp_path: Path) -> None:
    """Folders and volumes are those of the configuration; without a plan, or with a damaged one, there is none."""
    assert (context.state_dir, context.runtime_dir) == (tmp_path / "state", tmp_path / "run")
    assert dict(context.volumes) == {"main": tmp_path / "vol"}
    assert context.plan() is None
    (tmp_path / "state/streams.json").write_text("{", encoding="utf-8")
    assert context.plan() is None


def test_a_catalog_that_is_away_is_asked_rarely(tmp_path: Path, clock: PushedClock) -> None:
    """While the catalog is away one request in five seconds waits for it; then it is back for all."""
    tries: list[str] = []

    def open_sometimes(url: str) -> Catalog:
        tries.append(url)
        if len(tries) < 3:
            raise CatalogUnavailable("away")
        return open_catalog(url)

    context = Context(config.load(node(tmp_path), {}), clock, open_catalog=open_sometimes)
    for _ in range(5):
        with pytest.raises(CatalogUnavailable):
            context.catalog()
    assert len(tries) == 1
    clock.advance(RETRY_US / 1e6)
    with pytest.raises(CatalogUnavailable):
        context.catalog()
    clock.advance(RETRY_US / 1e6)
    assert context.catalog() is context.catalog()
    assert len(tries) == 3
    context.close()


def test_a_replaced_catalog_is_opened_anew(context: Context, tmp_path: Path) -> None:
    """A catalog file that was deleted under the server is not read any more: the new one is."""
    before = context.catalog()
    (tmp_path / "state/catalog.sqlite").unlink()
    assert context.catalog() is not before
    context.close()
    context.close()

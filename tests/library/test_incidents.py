"""Incidents as people have them: clearing, names."""

from pathlib import Path

import pytest

from holdfast.catalog import incidents, nodes
from holdfast.catalog.db import open_catalog
from holdfast.catalog.incidents import Wanted
from holdfast.catalog.rows import Id
from holdfast.core.errors import BadInput, NotFound, StorageError
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.library import incidents as library
from holdfast.watching.evidence import Pin, write

BLACK = IncidentType.BLACKSCREEN


def test_open_ones_are_never_cleared(tmp_path: Path) -> None:
    """Clearing without saying that only those that are over are meant is refused."""
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog, pytest.raises(BadInput):
        library.clear(catalog, {}, Wanted())


def test_a_picture_that_cannot_be_deleted_keeps_its_incident(tmp_path: Path) -> None:
    """Where a file stays, so does the row that names it."""
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        with catalog.write() as tx:
            node = nodes.ensure(tx, "local", 1)
            row = incidents.put(tx, node, "a", Case(BLACK, Stage.RESOLVED, 1, 1, 2, 5), now_us=1)
            picture = write(tmp_path, "main", "a", Pin(BLACK, 1, 1, 1, b"x", 1, 1))
            incidents.add_pictures(tx, row, [picture])
        (tmp_path / picture.file).unlink()
        (tmp_path / picture.file).mkdir()
        with pytest.raises(StorageError):
            library.clear(catalog, {"main": tmp_path}, Wanted(open=False))
        assert library.count(catalog, Wanted()) == 1


@pytest.mark.parametrize("name", ["", "1", "1-", "a-b", "1-2-3", "-1-2", "9" * 50 + "-1"])
def test_a_name_is_two_numbers(name: str) -> None:
    """What is no name of an incident is an incident that there is not."""
    with pytest.raises(NotFound):
        library.read_id(name)
    assert library.read_id("3-42") == Id(3, 42)

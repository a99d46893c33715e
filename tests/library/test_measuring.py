"""What was measured, for whoever asks."""

from pathlib import Path

from holdfast.catalog import measures, nodes
from holdfast.catalog.db import open_catalog
from holdfast.catalog.measures import Measure
from holdfast.library.measuring import MOST, measured, newest


def test_too_many_are_cut_off_and_said(tmp_path: Path) -> None:
    """An answer has an end, and says that there was more."""
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        assert measured(catalog, "gate", 0, 10).looks == ()
        assert newest(catalog, "gate") is None
        with catalog.write() as tx:
            node = nodes.ensure(tx, "local", 1)
            measures.add(tx, node, {"gate": [Measure(at_us=n) for n in range(MOST + 5)]})
        found = measured(catalog, "gate", 0, 1 << 40, by_minutes=False)
        assert (len(found.looks), found.more) == (MOST, True)
        assert newest(catalog, "gate") == Measure(at_us=MOST + 4)

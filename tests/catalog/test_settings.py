"""Saved settings as rows."""

from holdfast.catalog import nodes, settings
from holdfast.catalog.db import Catalog
from holdfast.catalog.settings import SettingRow


def row(key: str, value: object, changed_us: int = 5) -> SettingRow:
    """Return a setting that ann changed."""
    return SettingRow(key=key, value=value, changed_us=changed_us, changed_by="ann")


def test_a_setting_is_replaced_by_its_next_value(catalog: Catalog) -> None:
    """There is one row a key; it holds any value that JSON can, and who changed it last."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        settings.put(tx, node, row("site.name", "Nørd"))
        settings.put(tx, node, row("defaults.capture.windows", [{"start": "08:00", "end": "17:00"}]))
        settings.put(tx, node, row("site.name", "Pier", 9))
    with catalog.read() as tx:
        found = settings.every(tx, node)
    assert found["site.name"] == row("site.name", "Pier", 9)
    assert found["defaults.capture.windows"].value == [{"start": "08:00", "end": "17:00"}]


def test_a_setting_that_was_set_back_is_remembered_as_such(catalog: Catalog) -> None:
    """Null is kept: it is told from a key that nobody ever changed. Nodes know nothing of each other's settings."""
    with catalog.write() as tx:
        node, other = nodes.ensure(tx, "local", 1), nodes.ensure(tx, "island", 1)
        settings.put(tx, node, row("site.name", None))
        settings.put(tx, other, row("site.name", "Island"))
        assert settings.every(tx, node) == {"site.name": row("site.name", None)}
        assert settings.every(tx, other)["site.name"].value == "Island"

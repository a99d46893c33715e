"""Notes as rows."""

import pytest

from holdfast.catalog import nodes, notes
from holdfast.catalog.db import Catalog
from holdfast.catalog.notes import Note
from holdfast.core.errors import CatalogError


def note(number: int, camera: str | None = None) -> Note:
    """Return a note about the instant of its number."""
    return Note(uid=f"u{number}", at_us=number * 10, words=f"word {number}", created_us=99, camera=camera)


def test_notes_of_a_camera_and_of_the_site(catalog: Catalog) -> None:
    """A camera's notes come with those about the whole site, in the order of time, and within a span (C012)."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        for number, camera in ((3, "gate"), (1, None), (2, "yard"), (4, "Gate")):
            notes.add(tx, node, note(number, camera))
        assert [row.uid for row in notes.page(tx, camera="gate").rows] == ["u1", "u3", "u4"]
        assert [row.uid for row in notes.page(tx, from_us=20, to_us=40).rows] == ["u2", "u3"]


def test_a_note_is_added_once(catalog: Catalog) -> None:
    """Adding a note again, after a reindex say, changes nothing."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        assert notes.add(tx, node, note(1)) == notes.add(tx, node, note(1))
        assert len(notes.page(tx).rows) == 1


def test_a_note_has_words(catalog: Catalog) -> None:
    """A note without words is refused."""
    with pytest.raises(CatalogError), catalog.write() as tx:
        notes.add(tx, nodes.ensure(tx, "local", 1), Note(uid="u", at_us=1, words="", created_us=1))


def test_pages_show_every_note_once(catalog: Catalog) -> None:
    """Following the cursor gives every note once, those of one instant too."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        for number in range(7):
            notes.add(tx, node, Note(uid=f"u{number}", at_us=5, words="x", created_us=1))
        page = notes.page(tx, limit=3)
        seen = [row.uid for row in page.rows]
        while page.cursor is not None:
            page = notes.page(tx, limit=3, cursor=page.cursor)
            seen += [row.uid for row in page.rows]
    assert seen == [f"u{n}" for n in range(7)]


def test_the_note_beside_an_instant(catalog: Catalog) -> None:
    """The next and the last note of a camera or the site are found, however far; the one at the instant is neither."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        for number, camera in ((3, "Gate"), (1, None), (2, "yard"), (400, "gate")):
            notes.add(tx, node, note(number, camera))
        found = [notes.beside(tx, "gate", at_us, later=later) for at_us in (10, 30) for later in (False, True)]
        assert [row and row.uid for row in found] == [None, "u3", "u1", "u400"]
        assert notes.beside(tx, "gate", 4000, later=True) is None

"""What is worth looking at beside an instant: the next or last gap or note of a camera, however far away it is.

The catalog answers; where it is away or behind, journals and notes files do, each read whole.

Reads only; any thread. Not here: everything within a span (spans).
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from holdfast.catalog import cameras, gaps
from holdfast.catalog import notes as note_rows
from holdfast.catalog.db import Catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.notes import Note
from holdfast.core.camera import StreamKey
from holdfast.core.errors import CatalogError, CatalogUnavailable
from holdfast.core.gap import Gap, gap_of
from holdfast.library import notes
from holdfast.library.footage import indexed_node
from holdfast.library.timeline import stream_timeline, streams_on


def beside(
    volumes: Mapping[str, Path],
    key: StreamKey,
    at_us: int,
    *,
    later: bool,
    now_us: int,
    catalog: Catalog | None,
    node: str = LOCAL,
) -> Gap | Note | None:
    """Return the gap or note that comes next after an instant, or the last one before it.

    Args:
        volumes: Roots by name.
        key: The stream; notes are those of its camera and of the whole site.
        at_us: The instant; a gap counts where it starts, and what stands at the instant itself does not count.
        later: Whether to look forwards.
        now_us: Wall time; a gap that lasts ends then.
        catalog: Where rows are, or None to ask the files.
        node: Whose stream.

    Returns:
        Whichever is nearer; None where there is neither.

    Raises:
        StorageError: The catalog does not answer, and a journal or notes file cannot be read.
    """
    if catalog is not None:
        with suppress(CatalogError):
            return _nearer(*_rows(catalog, key, at_us, now_us, node, later=later), later=later)
    return _nearer(*_files(volumes, key, at_us, now_us, later=later), later=later)


def at_of(mark: Gap | Note) -> int:
    """Return where a gap or note stands, in microseconds."""
    return mark.start_us if isinstance(mark, Gap) else mark.at_us


def _nearer(gap: Gap | None, note: Note | None, *, later: bool) -> Gap | Note | None:
    found: list[Gap | Note] = [mark for mark in (gap, note) if mark is not None]
    return (min if later else max)(found, key=at_of, default=None)


def _rows(
    catalog: Catalog, key: StreamKey, at_us: int, now_us: int, node: str, *, later: bool
) -> tuple[Gap | None, Note | None]:
    with catalog.read() as tx:
        number = indexed_node(tx, node, now_us, now_us if later else at_us)
        if number is None:
            raise CatalogUnavailable("the catalog is not up to date: is the worker running?")
        stream = cameras.find_stream(tx, number, key)
        plain = None if stream is None else gaps.beside(tx, stream.id, at_us, later=later)
        row = note_rows.beside(tx, key.camera, at_us, later=later)
    return None if plain is None else gap_of(*plain, now_us), None if row is None else note_rows.note_of(row)


def _files(
    volumes: Mapping[str, Path], key: StreamKey, at_us: int, now_us: int, *, later: bool
) -> tuple[Gap | None, Note | None]:
    def wanted(us: int) -> bool:
        return us > at_us if later else us < at_us

    line = stream_timeline(volumes, key, now_us) if key in streams_on(volumes) else None
    said = [
        note for note in notes.read(volumes)
        if wanted(note.at_us) and (note.camera is None or note.camera.lower() == key.camera.lower())
    ]  # fmt: skip
    found = [gap for gap in line.gaps if wanted(gap.start_us)] if line else []
    pick = min if later else max
    return pick(found, key=at_of, default=None), pick(said, key=at_of, default=None)

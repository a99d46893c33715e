"""Notes: what people write on the timeline, in a plain file first and in the catalog then.

The file is `notes.journal` in the root of the first configured volume that is there: one JSON object a line, synced
before the row is made, so that a lost catalog loses no words (reindex reads them back, by `uid`). Appending needs no
lock: a line is one write to a file opened for appending.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from holdfast.catalog import nodes, notes
from holdfast.catalog.db import Catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.notes import Note
from holdfast.core.clock import Clock
from holdfast.core.errors import CatalogUnavailable, UsageError, VolumeMissing
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import fsync_folder

NOTES_FILE = "notes.journal"
VERSION = 1
_MODE = 0o640


def write(
    volumes: Mapping[str, Path],
    clock: Clock,
    words: str,
    *,
    camera: str | None = None,
    site: str = "",
    at_us: int | None = None,
    author: str = "",
) -> Note:
    """Write a note to the notes file; `record` makes the catalog know it at once, the indexer within seconds.

    Args:
        volumes: Roots by name, in the order of the configuration.
        clock: Time.
        words: What to write.
        camera: Id of the camera that it is about; None for the whole site.
        site: Site id.
        at_us: Instant that it is about; None for now.
        author: Who writes.

    Raises:
        UsageError: There are no words.
        VolumeMissing: No volume is there.
        StorageError: It could not be made durable.
    """
    if not words.strip():
        raise UsageError("a note needs words", hint='holdfast notes add --camera gate "lens cleaned"')
    root = next((root for root in volumes.values() if root.is_dir()), None)
    if root is None:
        raise VolumeMissing("no volume is there to write the note to")
    now_us = clock.wall_us()
    note = Note(
        uid=secrets.token_hex(8), at_us=now_us if at_us is None else at_us, words=words.strip(), created_us=now_us,
        camera=camera, site=site, author=author,
    )  # fmt: skip
    line = json.dumps({"v": VERSION, **asdict(note)}, ensure_ascii=False) + "\n"
    path = root / NOTES_FILE
    with storage_errors("writing", path):
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            size = os.fstat(fd).st_size
            # Half a line that a power cut left must not swallow this one.
            torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
            os.write(fd, b"\n" * torn + line.encode())
            os.fsync(fd)
        finally:
            os.close(fd)
    fsync_folder(root)
    return note


def read(volumes: Mapping[str, Path]) -> list[Note]:
    """Return the notes of all notes files, by the instant that they are about; damaged lines are passed over.

    Raises:
        StorageError: A file cannot be read.
    """
    found: dict[str, Note] = {}
    for root in volumes.values():
        path = root / NOTES_FILE
        with storage_errors("reading", path):
            try:
                lines = path.read_bytes().splitlines()
            except (FileNotFoundError, NotADirectoryError):
                continue
        for raw in lines:
            note = _note(raw)
            if note is not None:
                found[note.uid] = note
    return sorted(found.values(), key=lambda note: (note.at_us, note.created_us))


def record(catalog: Catalog, found: list[Note], clock: Clock, *, node: str = LOCAL) -> None:
    """Make the catalog know notes; those that it knows stay as they are.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, clock.wall_us())
        notes.add_missing(tx, number, found)


def stamps(volumes: Mapping[str, Path]) -> tuple[tuple[int, int] | None, ...]:
    """Return what changes whenever somebody writes a note: time of change and size of each notes file."""
    return tuple(_stamp(root / NOTES_FILE) for root in volumes.values())


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def between(
    catalog: Catalog | None, volumes: Mapping[str, Path], *, camera: str | None, from_us: int | None, to_us: int | None
) -> list[Note]:
    """Return notes about a span, oldest first: from the catalog, or from the files where it does not answer."""
    if catalog is not None:
        try:
            return _from_catalog(catalog, camera, from_us, to_us)
        except CatalogUnavailable:
            pass  # the files say the same
    return [
        note for note in read(volumes)
        if (camera is None or note.camera is None or note.camera.lower() == camera.lower())
        and (from_us is None or note.at_us >= from_us) and (to_us is None or note.at_us < to_us)
    ]  # fmt: skip


def _from_catalog(catalog: Catalog, camera: str | None, from_us: int | None, to_us: int | None) -> list[Note]:
    found: list[Note] = []
    cursor: str | None = None
    with catalog.read() as tx:
        while True:
            page = notes.page(tx, camera=camera, from_us=from_us, to_us=to_us, cursor=cursor)
            found += [notes.note_of(row) for row in page.rows]
            cursor = page.cursor
            if cursor is None:
                return found


def _note(raw: bytes) -> Note | None:
    try:
        body = json.loads(raw)
        return Note(**{name: body[name] for name in Note.__dataclass_fields__})
    except (ValueError, KeyError, TypeError):
        return None

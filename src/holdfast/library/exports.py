"""Exports as people ask for them, list them, fetch them and give them up. The files lie in `exports/` of a volume.

Any thread, but never an event loop. Not here: making them (work.export), rows (catalog.exports).
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from holdfast.catalog import deliveries, exports, nodes
from holdfast.catalog.db import Catalog
from holdfast.catalog.exports import DONE, EXPIRED, PENDING, WORKING, ExportRow, Wanted
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.rows import PAGE, Id, Page
from holdfast.core.camera import StreamKey
from holdfast.core.config import Config
from holdfast.core.delivery import AssetKind
from holdfast.core.errors import Conflict, NotFound, TooMany, UsageError
from holdfast.core.manifest import Manifest, PieceState
from holdfast.core.retention import Promise
from holdfast.core.timing import DAY_US
from holdfast.library.export_plan import FORMATS, Asked
from holdfast.library.handing_on import promises
from holdfast.library.leftovers import EXPORTS
from holdfast.storage.errors import storage_errors

FOLDER = PurePosixPath(EXPORTS)
KEPT_US = 7 * DAY_US  # chosen: long enough to fetch one after a weekend; the footage itself stays as its policy says
MOST_OPEN = 20  # chosen: who asks for more does so by mistake
MOST_WORDS = 500
_OURS = re.compile(r"^(\d+-\d+)_.+_export\.(zip|tar|mp4)$")  # as the worker names them; people put files there too


def ask(catalog: Catalog, asked: Asked, now_us: int, *, node: str = LOCAL) -> ExportRow:
    """Ask for an export; the worker makes it. What lies in the future is left out.

    Raises:
        UsageError: The span or the format makes no sense.
        TooMany: Too many wait already.
        CatalogError: It could not be written.
    """
    if asked.format not in FORMATS:
        raise UsageError(f"{asked.format!r} is no format of an export", hint=f"one of {', '.join(FORMATS)}")
    if not asked.streams:
        raise UsageError("name at least one camera")
    if asked.format == "mp4" and len(asked.streams) > 1:
        raise UsageError("one MP4 holds one stream of one camera", hint="a ZIP or TAR takes several")
    if asked.from_us >= min(asked.to_us, now_us):
        raise UsageError("the span lies in the future" if asked.from_us < asked.to_us else "the span is empty")
    wanted = Wanted(
        streams=" ".join(map(str, asked.streams)), from_us=asked.from_us, to_us=min(asked.to_us, now_us),
        format=asked.format, cut=asked.cut, asked_by=asked.by, purpose=asked.purpose[:MOST_WORDS],
    )  # fmt: skip
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, now_us)
        if exports.open_count(tx, number) >= MOST_OPEN:
            raise TooMany("too many exports wait already", hint="wait until some are done, or delete some")
        return exports.get(tx, exports.add(tx, number, wanted, now_us))


def asked_of(row: ExportRow) -> Asked:
    """Return what was asked for."""
    return Asked(
        streams=tuple(StreamKey.parse(word) for word in row.streams.split()), from_us=row.from_us, to_us=row.to_us,
        format=row.format, cut=row.cut, by=row.asked_by, purpose=row.purpose,
    )  # fmt: skip


def get(catalog: Catalog, export: Id) -> ExportRow:
    """Return one.

    Raises:
        NotFound: There is none.
    """
    with catalog.read() as tx:
        return exports.get(tx, export)


def listed(catalog: Catalog, *, limit: int = PAGE, cursor: str | None = None, node: str = LOCAL) -> Page[ExportRow]:
    """List the exports of this node, newest first."""
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        return Page((), None) if number is None else exports.page(tx, number, limit=limit, cursor=cursor)


def path_of(volumes: Mapping[str, Path], row: ExportRow) -> Path:
    """Return where the file of one lies.

    Raises:
        Conflict: It is not done, or was removed when its time was over.
        NotFound: The file is gone, or its volume is not there.
    """
    if row.state == EXPIRED:
        raise Conflict("the file of this export was removed when its time was over", hint="ask for it anew")
    if row.state != DONE:
        raise Conflict(f"the export is not done: {row.error or row.state}", hint=row.hint)
    root = volumes.get(row.volume)
    path = None if root is None else root / row.file
    if path is None or not path.is_file():
        raise NotFound("the file of this export is not there", hint="its disk is away, or somebody removed it")
    return path


def read_part(path: Path, offset: int, count: int) -> bytes:
    """Read a part of a file; nothing stays open between two.

    Raises:
        NotFound: It was removed meanwhile.
        StorageError: It cannot be read.
    """
    with storage_errors("reading", path):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFound("the file of this export was removed") from error
        try:
            return os.pread(fd, count, offset)
        finally:
            os.close(fd)


def remove(catalog: Catalog, volumes: Mapping[str, Path], export: Id) -> None:
    """Give one up: whoever is making it stops, and its file goes.

    Raises:
        NotFound: There is none.
        StorageError: The file cannot be removed; the export stays.
    """
    row = get(catalog, export)
    unlink(volumes, row)
    with catalog.write() as tx:
        exports.remove(tx, export)


def expire(catalog: Catalog, config: Config, node: int, now_us: int) -> int:
    """Remove the files whose time is over; returns how many there were.

    A disk that is away keeps its files for later, and so does what a rule sends somewhere and has not arrived.

    Raises:
        StorageError: A file cannot be removed.
    """
    volumes = {name: volume.path for name, volume in config.volumes.items()}
    with catalog.read() as tx:
        rows = exports.over(tx, node, now_us)
        arrived = deliveries.arrived(tx, node, [(row.volume, row.file) for row in rows])
    promised = promises(config, AssetKind.EXPORT)
    rows = [row for row in rows if not _waits(row, promised, arrived.get((row.volume, row.file), frozenset()))]
    gone = 0
    for row in rows:
        root = volumes.get(row.volume)
        if root is not None and not (root / "footage").is_dir():
            continue
        unlink(volumes, row)
        with catalog.write() as tx:
            gone += exports.expire(tx, row.id)
    return gone


def _waits(row: ExportRow, promised: Sequence[Promise], arrived: frozenset[str]) -> bool:
    """Say whether a target is still to get an export: all are, however few copies its footage waits for."""
    cameras = {key.camera for key in asked_of(row).streams}
    targets = {
        one.target for one in promised
        if (row.done_us or 0) >= one.since_us and all(one.covers(camera, "") for camera in cameras)
    }  # fmt: skip
    return not targets <= arrived


def clear_strays(catalog: Catalog, volumes: Mapping[str, Path], now_us: int) -> int:
    """Remove files that no row names, once they are as old as any export becomes; returns how many there were.

    A worker that was killed between a file and its row leaves one where the row was deleted, or made anew elsewhere.

    Raises:
        StorageError: A folder cannot be read, or a file not be removed.
    """
    gone = 0
    for volume, root in volumes.items():
        folder = root / FOLDER
        if not folder.is_dir():
            continue
        with storage_errors("clearing", folder):
            for path in sorted(folder.iterdir()):
                found = _OURS.match(path.name)
                if found is None or not path.is_file() or now_us - path.stat().st_mtime_ns // 1000 < KEPT_US:
                    continue
                if not _is_named(catalog, Id.read(found[1], "export"), volume, path.name):
                    path.unlink(missing_ok=True)
                    gone += 1
    return gone


def _is_named(catalog: Catalog, export: Id, volume: str, name: str) -> bool:
    """Say whether a row has this file, or may be about to write it."""
    try:
        row = get(catalog, export)
    except NotFound:
        return False
    return row.state in {PENDING, WORKING} or (row.volume, row.file) == (volume, (FOLDER / name).as_posix())


def unlink(volumes: Mapping[str, Path], row: ExportRow) -> None:
    """Remove the file of one, where there is one.

    Raises:
        StorageError: It cannot be removed.
    """
    root = volumes.get(row.volume)
    if root is not None and row.file:
        with storage_errors("removing", root / row.file):
            (root / row.file).unlink(missing_ok=True)


def missing(manifest: Manifest) -> list[dict[str, Any]]:
    """Return what of the span is not in an export: gaps, and pieces that are gone or changed, by stream and time."""
    there = {PieceState.WHOLE, PieceState.CUT}
    found = []
    for stream in manifest.streams:
        spans = [(gap.start_us, gap.end_us, gap.reason) for gap in stream.gaps]
        spans += [(piece.start_us, piece.end_us, piece.why) for piece in stream.pieces if piece.state not in there]
        found += [
            {"stream": stream.name, "from_us": max(begin, stream.from_us), "to_us": min(end, stream.to_us), "why": why}
            for begin, end, why in sorted(spans)
        ]
    return found


def missing_of(row: ExportRow) -> list[dict[str, Any]]:
    """Return the same of a row; empty until it is done."""
    found: list[dict[str, Any]] = json.loads(row.missing) if row.missing else []
    return found

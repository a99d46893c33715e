"""A catalog from nothing: the timeline from journals, what they do not speak of from the files, notes from theirs.

People, settings and cameras added at run time are in no journal: they come from what the worker remembered of them.

`reconcile` is the part that also belongs to every start of a worker: adopt finished files that no line speaks of, and
mark rows whose file is gone although nobody removed it. A volume that is away is neither.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.catalog import cameras, nodes, removals, segments
from holdfast.catalog.db import Catalog, sqlite_path
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.rows import SegmentRow
from holdfast.catalog.segments import Piece
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput, NotFound, StorageError
from holdfast.core.footage import stream_folder
from holdfast.core.timing import stamp
from holdfast.library import accounts_memory, holds, kept, notes, settings
from holdfast.library import cameras as roster
from holdfast.library.index import Indexer, Progress
from holdfast.library.timeline import streams_on
from holdfast.media.recover import describe
from holdfast.storage.errors import storage_errors


@dataclass(frozen=True, slots=True)
class ReindexReport:
    """What came back: counts, and sentences about what could not be read."""

    streams: int
    lines: int
    adopted: int
    missing: int
    notes: int
    problems: tuple[str, ...]


def reindex(
    catalog: Catalog, volumes: Mapping[str, Path], clock: Clock, *, node: str = LOCAL, progress: Progress | None = None
) -> ReindexReport:
    """Rebuild the rows about footage and the notes. Safe at any time; rows that are right are not touched.

    Args:
        catalog: An open catalog, empty or not.
        volumes: Roots by name.
        clock: Time.
        node: Name of the node whose volumes these are.
        progress: Told which stream is being read.

    Raises:
        CatalogUnavailable: It did not answer; what is done is done, start again.
    """
    indexer = Indexer(catalog, volumes, clock, node=node)
    report = indexer.rebuild(progress)
    reconciled = reconcile(catalog, volumes, clock, node=node)
    if reconciled.adopted:
        indexer.rebuild()
    holds.restore(catalog, volumes, clock, node=node)
    words = notes.read(volumes)
    notes.record(catalog, words, clock, node=node)
    problems = (*report.problems, *reconciled.problems)
    return ReindexReport(report.streams, report.lines, reconciled.adopted, reconciled.missing, len(words), problems)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What came back from the state folder: names of users, keys of settings, ids of cameras."""

    users: tuple[str, ...]
    settings: tuple[str, ...]
    cameras: tuple[str, ...]


def restore_remembered(catalog: Catalog, state_dir: Path, clock: Clock, *, node: str = LOCAL) -> Remembered:
    """Put back what only the catalog knew and the worker remembered: people, settings, cameras added at run time.

    Args:
        catalog: An open catalog, empty or not; what it has is not overwritten.
        state_dir: The node's state folder.
        clock: Time.
        node: Name of the node.

    Raises:
        CatalogUnavailable: It did not answer; what is done is done, start again.
    """
    return Remembered(
        users=tuple(accounts_memory.restore_lost(catalog, node, accounts_memory.recall(state_dir), clock)),
        settings=tuple(settings.restore_lost(catalog, node, settings.recall(state_dir), clock)),
        cameras=tuple(roster.restore_lost(catalog, node, roster.recall(state_dir), clock)),
    )


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What rows and files disagreed about: files adopted, rows marked missing, files that could not be read."""

    adopted: int
    missing: int
    problems: tuple[str, ...]


def reconcile(catalog: Catalog, volumes: Mapping[str, Path], clock: Clock, *, node: str = LOCAL) -> Reconciled:
    """Adopt finished files without a row; mark rows whose file is gone, and unmark those whose file is back.

    Files that policy deleted, and that are there all the same, are footage again.

    Adopted rows change the gaps around them at the indexer's next derivation of that stream.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    now_us = clock.wall_us()
    adopted = missing = 0
    problems: list[str] = []
    for key, names in streams_on(volumes).items():
        on_disk = {(name, file) for name in names for file in _files(volumes[name], key, problems)}
        with catalog.write() as tx:
            number = nodes.ensure(tx, node, now_us)
            ids = nodes.ensure_volumes(tx, number, dict(volumes), now_us)
            stream = cameras.ensure_stream(tx, number, key, now_us)
            rows = segments.starting_at(tx, stream.id, None)
            known = {(row.volume, row.file) for row in rows}
            pieces = list(_described(volumes, sorted(on_disk - known), problems))
            if pieces:
                segments.write(tx, stream.id, ids, new=pieces, changed=[], gone=[])
                cameras.set_tail(tx, stream.id, settled_us=None, tail=None)
            mine = [row for row in rows if row.state == "sealed" and row.volume in names]
            gone = [row for row in mine if (row.volume, row.file) not in on_disk]
            back = [row for row in mine if (row.volume, row.file) in on_disk and row.missing_us is not None]
            segments.set_missing(tx, [row for row in gone if row.missing_us is None], now_us)
            segments.set_missing(tx, back, None)
            removals.take_back(tx, _brought_back(volumes, rows, on_disk, problems))
        adopted += len(pieces)
        missing += len(gone)
    return Reconciled(adopted, missing, tuple(problems))


def _brought_back(
    volumes: Mapping[str, Path], rows: Iterable[SegmentRow], on_disk: set[tuple[str, str]], problems: list[str]
) -> list[SegmentRow]:
    """Return rows that policy deleted and whose file is there: spared in the end, or put back by somebody."""
    found: list[SegmentRow] = []
    for row in rows:
        if row.state == "removed" and (row.volume, row.file) in on_disk:
            try:
                found += [row] * kept.brought_back(volumes[row.volume], row.file, row.sha256)
            except StorageError as error:
                problems.append(str(error))
    return found


def _files(root: Path, key: StreamKey, problems: list[str]) -> set[str]:
    folder = root / stream_folder(key)
    try:
        with storage_errors("listing", folder):
            return {path.relative_to(root).as_posix() for path in folder.glob("*/*.mp4")}
    except StorageError as error:
        problems.append(str(error))
        return set()


def _described(volumes: Mapping[str, Path], files: Iterable[tuple[str, str]], problems: list[str]) -> Iterable[Piece]:
    for volume, file in files:
        try:
            found = describe(volumes[volume] / file)
        except (BadInput, NotFound, StorageError) as error:
            problems.append(f"{file} on volume {volume} cannot be adopted: {error}")
            continue
        yield Piece(
            volume=volume, file=file, run=found.run, state="sealed", origin="file", start_us=found.start_us,
            end_us=found.end_us, bytes=found.bytes, media_bytes=found.media_bytes, sha256=found.sha256,
            video_samples=found.video_samples, audio_samples=found.audio_samples, began=found.began,
            ended=found.ended, recovered=True, tracks=tuple(found.tracks),
        )  # fmt: skip


def put_aside(url: str, clock: Clock) -> Path | None:
    """Rename a damaged SQLite catalog and what belongs to it, so that a new one can take its place.

    Returns:
        Its new name; None where there is no file, or the catalog is a server's.

    Raises:
        StorageError: It cannot be renamed.
    """
    path = sqlite_path(url)
    if path is None or not path.exists():
        return None
    target = path.with_name(f"{path.name}.damaged-{stamp(clock.wall_us())}")
    with storage_errors("renaming", path):
        for suffix in ("-wal", "-shm", ""):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(target.with_name(target.name + suffix))
    return target

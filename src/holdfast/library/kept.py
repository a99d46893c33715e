"""The kept journals of a node: copies that were verified, holds, and what policy deleted, each beside its footage.

What is said here survives the catalog. Each call returns only when its lines are durable: a delivery is acknowledged
here before its row says so, and a file is deleted after its line (docs/design/0015).

Any thread, any process; may block on the disk. Not here: rows (catalog.holds), what follows from it (retention).
"""

import functools
import re
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from holdfast.core.camera import StreamKey
from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.errors import StorageError, VolumeMissing
from holdfast.core.footage import Segment, Timeline
from holdfast.core.kept import Acknowledged, Deleted, Held, Kept, Released, Withdrawn, encode, kept_path
from holdfast.core.timing import day_of, from_datetime
from holdfast.storage import kept as files
from holdfast.storage import memory

_STAMP = re.compile(r"_(\d{8}T\d{6}Z)(?:-\d+)?\.mp4$")
_MAIN = "main"  # what is of no stream is told of beside the main one
_SEGMENT_DEPTH = 5  # footage/<camera>/<stream>/<day>/<file>


class Instance(NamedTuple):
    """A file as it was written once: the volume's name, its path under the root, and the SHA-256 of its content."""

    volume: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A verified copy: what, at which target, at which address, and when, microseconds since the epoch, UTC."""

    asset: Asset
    target: str
    address: str
    at_us: int


def acknowledged(volumes: Mapping[str, Path], asset: Asset, target: str, address: str, at_us: int) -> None:
    """Say that a verified copy of a file lies at a target. Saying it again is harmless.

    Args:
        volumes: Roots by name.
        asset: The file.
        target: Name of the target.
        address: Where the copy lies, without credentials.
        at_us: When it was verified, microseconds since the epoch, UTC.

    Raises:
        VolumeMissing: The file's volume is not configured, or not there.
        StorageError: It could not be made durable.
    """
    all_acknowledged(volumes, [Acknowledgement(asset=asset, target=target, address=address, at_us=at_us)])


def all_acknowledged(volumes: Mapping[str, Path], copies: Iterable[Acknowledgement]) -> None:
    """As `acknowledged`, for many copies at once: the disk is waited for once a journal instead of once a copy.

    Raises:
        VolumeMissing: A file's volume is not configured, or not there.
        StorageError: Not all of it could be made durable; doing it again is harmless.
    """
    lines: dict[tuple[str, PurePosixPath], list[bytes]] = {}
    for copy in copies:
        asset = copy.asset
        event = Acknowledged(
            file=asset.file, sha256=asset.sha256, bytes=asset.bytes, target=copy.target, address=copy.address
        )
        lines.setdefault((asset.volume, _journal_of(asset)), []).append(encode(copy.at_us, event))
    _append(volumes, lines)


def withdrawn(volumes: Mapping[str, Path], asset: Asset, target: str, why: str, at_us: int) -> None:
    """Say that a copy is not at a target any more: from now on it protects nothing.

    Raises:
        VolumeMissing: The file's volume is not configured, or not there.
        StorageError: It could not be made durable.
    """
    event = Withdrawn(file=asset.file, sha256=asset.sha256, target=target, why=why)
    _append(volumes, {(asset.volume, _journal_of(asset)): [encode(at_us, event)]})


def deleted(volumes: Mapping[str, Path], going: Sequence[tuple[str, Deleted]], at_us: int) -> None:
    """Say that files of footage, each named with its volume, are deleted by policy; called before they go.

    Raises:
        VolumeMissing: A volume is not configured, or not there.
        StorageError: Not all of it could be made durable: then nothing may be deleted.
    """
    lines: dict[tuple[str, PurePosixPath], list[bytes]] = {}
    for volume, event in going:
        lines.setdefault((volume, journal_of_segment(event.file)), []).append(encode(at_us, event))
    _append(volumes, lines)


def hold_said(volumes: Mapping[str, Path], camera: str, day_us: int, event: Held | Released, at_us: int) -> None:
    """Write that a hold of a camera is set or released, on every volume that is there: the loss of one loses none.

    Args:
        volumes: Roots by name.
        camera: Id of the camera.
        day_us: Begin of the held span: the journal of its day is written.
        event: What is said.
        at_us: Now.

    Raises:
        VolumeMissing: No volume is there.
        StorageError: None of them could make it durable. One that could is enough: retention writes it to the others.
    """
    here = present(volumes)
    if not here:
        names = ", ".join(volumes) or "none is configured"
        raise VolumeMissing(f"no volume is there to write a hold to ({names})", hint=files.AWAY_HINT)
    path = kept_path(StreamKey(camera, _MAIN), day_of(day_us))
    refused: list[StorageError] = []
    for root in here.values():
        try:
            files.append(root, root / path, [encode(at_us, event)])
        except StorageError as error:
            refused.append(error)
    if len(refused) == len(here):
        raise refused[0]


def holds_lacking(root: Path, said: Iterable[tuple[int, Held]]) -> list[tuple[int, Held]]:
    """Return which holds, each with when it was set, a volume's kept journals do not speak of, or otherwise.

    Raises:
        StorageError: A kept journal cannot be read.
    """
    by_day: dict[PurePosixPath, list[tuple[int, Held]]] = {}
    for at_us, event in said:
        by_day.setdefault(_holds_of(event), []).append((at_us, event))
    found: list[tuple[int, Held]] = []
    for path, some in by_day.items():
        spans = {
            line.event.uid: (line.event.from_us, line.event.to_us)
            for line in files.read(root / path) if isinstance(line.event, Held)
        }  # fmt: skip
        found += [one for one in some if spans.get(one[1].uid) != (one[1].from_us, one[1].to_us)]
    return found


def holds_said(root: Path, said: Iterable[tuple[int, Held]]) -> None:
    """Write holds, each with when it was set, on one volume: each in the journal of its begin.

    Raises:
        VolumeMissing: It is not there.
        StorageError: Not all of it could be made durable; doing it again is harmless.
    """
    lines: dict[PurePosixPath, list[bytes]] = {}
    for at_us, event in said:
        lines.setdefault(_holds_of(event), []).append(encode(at_us, event))
    for path, some in lines.items():
        files.append(root, root / path, some)


def _holds_of(event: Held) -> PurePosixPath:
    return kept_path(StreamKey(event.camera, _MAIN), day_of(event.from_us))


def present(volumes: Mapping[str, Path]) -> dict[str, Path]:
    """Return the volumes whose marker is there; a folder alone may be the mount point of a disk that is away."""
    return {name: root for name, root in volumes.items() if files.is_there(root)}


def journal_of_segment(file: str) -> PurePosixPath:
    """Return the kept journal that speaks of a file of footage."""
    _, camera, stream, day, _ = PurePosixPath(file).parts
    return kept_path(StreamKey(camera, stream), day)


def begin_of(file: str) -> int | None:
    """Return when a file of footage began, by its name, to the second; None where the name does not say."""
    found = _STAMP.search(file)
    if found is None:
        return None
    return from_datetime(datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))


def _journal_of(asset: Asset) -> PurePosixPath:
    if asset.kind is AssetKind.SEGMENT and asset.file.count("/") == _SEGMENT_DEPTH - 1:
        _, camera, stream, day, _ = asset.file.split("/")
        return _journal(camera, stream, day)
    return _journal(asset.camera, asset.stream or _MAIN, day_of(asset.start_us))


@functools.lru_cache(maxsize=1000)
def _journal(camera: str, stream: str, day: str) -> PurePosixPath:
    # Kept: batches of deliveries ask for the same few thousands of times.
    return kept_path(StreamKey(camera, stream), day)


def _append(volumes: Mapping[str, Path], lines: Mapping[tuple[str, PurePosixPath], Sequence[bytes]]) -> None:
    for (name, path), some in lines.items():
        root = volumes.get(name)
        if root is None:
            raise VolumeMissing(f"there is no volume {name!r}", hint="holdfast volumes list names all")
        files.append(root, root / path, some)


class Copies:
    """Which instances have verified copies, by the kept journals alone; what was read is read again where it changed.

    One thread. What cannot be read protects as if there were no copy.
    """

    def __init__(self, volumes: Mapping[str, Path]) -> None:
        self._volumes = dict(volumes)
        self._days: dict[tuple[str, PurePosixPath], tuple[tuple[int, int], dict[tuple[str, str], set[str]]]] = {}

    def targets(self, instance: Instance, journal: PurePosixPath) -> frozenset[str]:
        """Return the names of the targets that hold a verified copy of an instance that `journal` speaks of."""
        return frozenset(self.of_day(instance.volume, journal).get((instance.file, instance.sha256), ()))

    def of_day(self, volume: str, journal: PurePosixPath) -> Mapping[tuple[str, str], set[str]]:
        """Return the targets that hold a copy, by path and SHA-256, of all files that one kept journal speaks of."""
        root = self._volumes.get(volume)
        if root is None:
            return {}
        try:
            status = (root / journal).stat()
            stamp = (status.st_mtime_ns, status.st_size)
            known = self._days.get((volume, journal))
            if known is None or known[0] != stamp:
                known = (stamp, copies_in(files.read(root / journal)))
                self._days[volume, journal] = known
        except (OSError, StorageError):
            return {}
        return known[1]


def copies_in(lines: Iterable[Kept]) -> dict[tuple[str, str], set[str]]:
    """Return, by path and SHA-256, the targets that hold a copy after all that some lines say, in their order."""
    found: dict[tuple[str, str], set[str]] = {}
    for line in lines:
        if isinstance(line.event, Acknowledged):
            found.setdefault((line.event.file, line.event.sha256), set()).add(line.event.target)
        elif isinstance(line.event, Withdrawn):
            found.get((line.event.file, line.event.sha256), set()).discard(line.event.target)
    return found


def said_of(volumes: Mapping[str, Path], key: StreamKey, days: Collection[str] | None = None) -> dict[str, list[Kept]]:
    """Return all that the kept journals of a stream, or those of some days, say: by volume, in the order of writing.

    Raises:
        StorageError: One cannot be read.
    """
    return {
        name: [
            line
            for path in files.kept_files(root, key)
            if days is None or path.name[: len("YYYY-MM-DD")] in days
            for line in files.read(path)
        ]
        for name, root in volumes.items()
    }


def deletions(volumes: Mapping[str, Path], key: StreamKey, days: Collection[str] | None = None) -> dict[Instance, str]:
    """Return which instances of a stream, or of some days' folders of it, policy deleted, and why.

    The last word about a file is the file: one that is there was not deleted in the end, or somebody brought it back.

    Raises:
        StorageError: A kept journal cannot be read.
    """
    found: dict[Instance, str] = {}
    for name, lines in said_of(volumes, key, days).items():
        last: dict[str, Deleted] = {}  # two instances of one name cannot both be there
        for line in lines:
            if isinstance(line.event, Deleted):
                last[line.event.file] = line.event
                found[Instance(name, line.event.file, line.event.sha256)] = line.event.why
        folders: dict[str, set[str]] = {}
        for file, event in last.items():
            folder, _, own = file.rpartition("/")
            # Most of what was deleted has no folder any more: a look at each of these is enough for a year of files.
            if folder not in folders:
                folders[folder] = _names_in(volumes[name] / folder)
            if own in folders[folder] and _is_it(volumes[name] / file, event.bytes):
                del found[Instance(name, file, event.sha256)]
    return found


def brought_back(root: Path, file: str, sha256: str | None) -> bool:
    """Say whether policy deleted a file of a volume, and it is there all the same.

    Raises:
        StorageError: The kept journal of its day cannot be read.
    """
    said = [line.event for line in files.read(root / journal_of_segment(file)) if isinstance(line.event, Deleted)]
    return any((one.file, one.sha256) == (file, sha256) and _is_it(root / file, one.bytes) for one in said)


def _names_in(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir()}
    except OSError:
        return set()


def _is_it(path: Path, size: int) -> bool:
    try:
        facts = (memory.data_of(path) or path).lstat()
    except OSError:
        return False
    return stat.S_ISREG(facts.st_mode) and facts.st_size == size


def holds(
    volumes: Mapping[str, Path], keys: Iterable[StreamKey]
) -> tuple[dict[str, tuple[int, Held]], dict[str, tuple[int, Released]]]:  # fmt: skip
    """Return the holds that stand, and those that were released, by name, each with when that was said last.

    Raises:
        StorageError: A kept journal cannot be read.
    """
    lines = [line for key in keys for some in said_of(volumes, key).values() for line in some]
    found: dict[str, tuple[int, Held]] = {}
    released: dict[str, tuple[int, Released]] = {}
    # By the clock, because a hold may be set on one volume and released on another; the order of files breaks ties.
    for line in sorted(lines, key=lambda line: line.at_us):
        if isinstance(line.event, Held):
            found[line.event.uid] = (line.at_us, line.event)
            released.pop(line.event.uid, None)
        elif isinstance(line.event, Released):
            found.pop(line.event.uid, None)
            released[line.event.uid] = (line.at_us, line.event)
    return found, released


def without_deleted(timeline: Timeline, gone: Mapping[Instance, str]) -> Timeline:
    """Return a timeline whose files are named `volume:path`, with what policy deleted told as removed."""
    return (
        replace(timeline, segments=tuple(_told(segment, gone) for segment in timeline.segments)) if gone else timeline
    )


def _told(segment: Segment, gone: Mapping[Instance, str]) -> Segment:
    if segment.facts is None or segment.removed_why is not None:
        return segment
    volume, _, file = segment.file.rpartition(":")
    why = gone.get(Instance(volume, file, segment.facts.sha256))
    return segment if why is None else replace(segment, removed_why=why)

"""Evidence: are the files what was recorded, and the journals what was written? Every byte is read again.

Answers from journals and files alone; the catalog only helps to notice lines that were cut off the end, because it
remembers how far it had read. Invariants C1 to C4, docs/design/0002 and 0016.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.catalog.journals import Read
from holdfast.core.camera import StreamKey
from holdfast.core.errors import StorageError
from holdfast.core.footage import derive, placed
from holdfast.core.journal import CHAIN_START, Sealed, verify_chain
from holdfast.core.timing import iso
from holdfast.library import kept
from holdfast.library.signing import check_heads
from holdfast.library.timeline import read_stream, split, streams_on
from holdfast.storage.errors import storage_errors
from holdfast.storage.journal import journal_files, read_journal

Bytes = Callable[[int, int], None]
"""Told how many bytes have been read, and how many there are."""

_CHUNK = 1 << 20  # chosen: large enough that reading, not Python, is the limit


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as it was. `kind`: `changed`, `cut-off`, `removed`, or `unreadable`; `number`: the invariant."""

    number: str
    kind: str
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and what was found."""

    streams: int
    lines: int
    files: int
    bytes: int
    findings: tuple[Finding, ...]
    heads: int = 0
    """Signed heads of journals that were checked."""


def verify(
    volumes: Mapping[str, Path],
    *,
    camera: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    remembered: Mapping[StreamKey, Mapping[tuple[str, str], Read]] | None = None,
    trusted: str | None = None,
    progress: Bytes | None = None,
) -> Verified:
    """Recompute the chain of every journal and the hash of every file that should be there.

    Args:
        volumes: Roots by name.
        camera: Only this camera's.
        from_us: Only files that end later; chains are always checked whole.
        to_us: Only files that start earlier.
        remembered: How far the catalog has read each journal, where it can be asked.
        trusted: Fingerprint of the key that signs the heads of journals; None takes any.
        progress: Told about bytes of footage.

    Raises:
        StorageError: A volume does not answer.
    """
    keys = [key for key in streams_on(volumes) if camera is None or key.camera.lower() == camera.lower()]
    findings: list[Finding] = []
    lines = heads = 0
    todo: list[tuple[Path, Sealed]] = []
    for key in keys:
        for name, root in volumes.items():
            known = {day: read for (volume, day), read in (remembered or {}).get(key, {}).items() if volume == name}
            lines += _chain(root, key, known, findings)
            signed, broken = check_heads(root, key, trusted)
            heads += signed
            findings += [Finding("C4", one.kind, one.where, one.what) for one in broken]
        todo += _files(volumes, key, from_us, to_us)
    total, done = sum(facts.bytes for _, facts in todo), 0
    for path, facts in todo:
        findings += _file(path, facts)
        done += facts.bytes
        if progress is not None:
            progress(done, total)
    return Verified(len(keys), lines, len(todo), total, tuple(findings), heads)


def _chain(root: Path, key: StreamKey, known: Mapping[str, Read], findings: list[Finding]) -> int:
    chain, count = CHAIN_START, 0
    there = {path.name.removesuffix(".journal"): path for path in journal_files(root, key)}
    for day in sorted({*known, *there}):
        path = there.get(day)
        if path is None:
            findings.append(Finding("C2", "removed", f"{key} {day}", "a journal that was read before is gone"))
            continue
        at, seen = 0, False
        for entry in read_journal(path):
            count += 1
            if not verify_chain(entry.raw, chain):
                what = f"the line at byte {at} does not follow from the one before: changed, or lines are missing"
                findings.append(Finding("C1", "changed", str(path), what))
            at = entry.offset_after
            # After a break the chain is taken up again, so that one change is one finding.
            chain = entry.line.chain if entry.line is not None else chain
            seen = seen or (day in known and at == known[day].read_bytes and chain == known[day].chain)
        if day in known and at < known[day].read_bytes:
            what = f"{known[day].read_bytes - at} bytes that were read before are missing at its end"
            findings.append(Finding("C2", "cut-off", str(path), what))
        elif day in known and not seen:
            findings.append(Finding("C2", "changed", str(path), "it is not what was read before"))
    return count


def _files(
    volumes: Mapping[str, Path], key: StreamKey, from_us: int | None, to_us: int | None
) -> Iterator[tuple[Path, Sealed]]:
    line = derive(placed(read_stream(volumes, key)), now_us=0, alive=True)
    for segment in kept.without_deleted(line, kept.deletions(volumes, key)).segments:
        if segment.facts is None or segment.removed_why is not None:
            continue
        if (from_us is None or segment.end_us > from_us) and (to_us is None or segment.start_us < to_us):
            volume, file = split(segment.file)
            yield volumes[volume] / file, segment.facts


def _file(path: Path, facts: Sealed) -> Iterator[Finding]:
    when = iso(facts.start_us)
    try:
        with storage_errors("reading", path), path.open("rb") as file:
            digest, size = hashlib.sha256(), 0
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except StorageError as error:
        if path.exists():
            yield Finding("C3", "unreadable", str(path), str(error))
        else:
            yield Finding("C3", "removed", str(path), f"footage from {when} is gone, and nobody wrote that down")
        return
    if size < facts.bytes:
        yield Finding("C3", "cut-off", str(path), f"footage from {when}: {facts.bytes - size} bytes are missing")
    elif digest.hexdigest() != facts.sha256:
        yield Finding("C3", "changed", str(path), f"footage from {when} is not what was recorded")

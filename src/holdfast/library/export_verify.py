"""Is an export what was signed? Every byte of every file in it is read, without catalog, configuration or network.

What is checked, each with a name of its own that a finding cites:

* E1 the signature: manifest and signature belong together, by the key that the export brings, or the one that is named;
* E2 the files: each is there, with the size and hash of the manifest; nothing else is;
* E3 the chain: the lines of the journal follow from each other, and say of each piece what the manifest says of it;
* E4 the span: pieces and gaps cover every stream's span, so that none was taken out.

Any thread; blocks on the disk. Not here: reading archives (export_read), the recorder's own footage (verify).
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.core.errors import BadInput, HoldfastError
from holdfast.core.journal import Sealed
from holdfast.core.journal import decode as decode_line
from holdfast.core.manifest import (
    KEY,
    MANIFEST,
    SIGNATURE,
    FilePart,
    JournalPart,
    Manifest,
    PiecePart,
    PieceState,
    StreamPart,
    complete,
    decode,
    uncovered,
)
from holdfast.core.timing import iso
from holdfast.library.export_journal import broken
from holdfast.library.export_read import Members, opened
from holdfast.storage.keys import PublicKey

CHECKS: dict[str, str] = {
    "E1": "the signature is of this manifest, by this key",
    "E2": "every file is there, and is what was signed; nothing was added",
    "E3": "the journal's chain holds, and says of each piece what the manifest says",
    "E4": "pieces and gaps cover the whole span: none was taken out",
}
"""What `holdfast verify EXPORT` looks at, and what each number means."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as it was signed. `kind`: `signature`, `key`, `changed`, `removed`, `added`, `chain`, `gap`."""

    number: str
    kind: str
    where: str
    what: str


@dataclass(slots=True)
class Checked:
    """What was looked at, and what was found; `manifest` is None where it cannot be read."""

    manifest: Manifest | None = None
    key: str = ""
    files: int = 0
    bytes: int = 0
    lines: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, number: str, kind: str, where: str, what: str) -> None:
        """Note a finding."""
        self.findings.append(Finding(number, kind, where, what))


def verify_export(
    path: Path, *, key: str | None = None, seen: Callable[[int, int], None] = lambda _done, _total: None
) -> Checked:
    """Check an export.

    Args:
        path: The file, or the folder that it was unpacked to.
        key: Fingerprint that must have signed it; None takes the key that the export brings, which proves that it
            was not changed since, but not who made it.
        seen: Is told how many bytes of how many are read.

    Returns:
        What was found; no findings mean that all is as it was signed.

    Raises:
        NotFound: There is no such file.
        StorageError: It cannot be read.
    """
    result = Checked()
    try:
        with opened(path) as members:
            _all(members, key, result, seen)
    except BadInput as error:
        result.add("E2", "unreadable", path.name, str(error))
    return result


def _all(members: Members, key: str | None, result: Checked, seen: Callable[[int, int], None]) -> None:
    for name in members.doubled:
        result.add("E2", "added", name, "it stands in the export twice")
    manifest = _signed(members, key, result)
    if manifest is None:
        return
    result.manifest = manifest
    _files(members, manifest, result, seen)
    sha256 = {file.name: file.sha256 for file in manifest.files}
    for stream in manifest.streams:
        for journal in stream.journals:
            _journal(members, stream, journal, result)
        _span(stream, sha256, result)
    if manifest.complete != complete(manifest.streams):
        result.add("E4", "gap", MANIFEST, f"it says complete: {manifest.complete}, and lists otherwise")


def _signed(members: Members, key: str | None, result: Checked) -> Manifest | None:
    """Check the signature; returns the manifest as far as it can be read, whoever signed it."""
    parts: dict[str, bytes] = {}
    for name in (MANIFEST, SIGNATURE, KEY):
        try:
            parts[name] = members.read(name)
        except HoldfastError as error:
            result.add("E1", "removed" if name not in members.sizes else "unreadable", name, str(error))
    if MANIFEST not in parts:
        return None
    try:
        manifest = decode(parts[MANIFEST])
    except BadInput as error:
        result.add("E1", "unreadable", MANIFEST, str(error))
        return None
    if len(parts) < len((MANIFEST, SIGNATURE, KEY)):
        return manifest
    try:
        public = PublicKey.from_pem(parts[KEY])
    except BadInput as error:
        result.add("E1", "key", KEY, str(error))
        return manifest
    result.key = public.fingerprint
    if key is not None and key != public.fingerprint:
        result.add("E1", "key", KEY, f"another key signed it: {public.fingerprint}, expected {key}")
    if manifest.key != public.fingerprint:
        result.add("E1", "key", KEY, f"the manifest names another key: {manifest.key[:80]}")
    if not public.verifies(parts[SIGNATURE], parts[MANIFEST]):
        result.add("E1", "signature", MANIFEST, "the signature is not of this manifest: one of the two was changed")
    return manifest


def _files(members: Members, manifest: Manifest, result: Checked, seen: Callable[[int, int], None]) -> None:
    total, done = sum(file.bytes for file in manifest.files), 0
    named = {file.name for file in manifest.files}
    for file in manifest.files:
        digest, size = hashlib.sha256(), 0
        try:
            for piece in members.pieces(file.name):
                digest.update(piece)
                size += len(piece)
                seen(min(done + size, total), total)
        except HoldfastError as error:
            kind = "unreadable" if file.name in members.sizes else "removed"
            result.add("E2", kind, file.name, str(error))
        else:
            _file(file, size, digest.hexdigest(), result)
        done += file.bytes
        result.files += 1
        result.bytes += size
    for name in members.sizes.keys() - named - {MANIFEST, SIGNATURE}:
        result.add("E2", "added", name, "the manifest does not know it")


def _file(file: FilePart, size: int, sha256: str, result: Checked) -> None:
    if size != file.bytes:
        words = f"{file.bytes - size} bytes are missing" if size < file.bytes else f"{size - file.bytes} bytes too many"
        result.add("E2", "cut-off" if size < file.bytes else "changed", file.name, words)
    elif sha256 != file.sha256:
        result.add("E2", "changed", file.name, "its content is not what was signed")


def _journal(members: Members, stream: StreamPart, journal: JournalPart, result: Checked) -> None:
    wanted = {piece.source for piece in stream.pieces}
    said: dict[str, tuple[str, int, str]] = {}
    count = 0

    def heard() -> Iterator[bytes]:
        nonlocal count
        for raw in members.lines(journal.file):
            count += 1
            said.update((source, facts) for source, facts in _sealed(journal.volume, raw) if source in wanted)
            yield raw

    try:
        breaks = set(broken(heard(), journal.previous))
    except HoldfastError as error:
        result.add("E3", "chain", journal.file, f"its chain was not checked: {error}")
        return
    result.lines += count
    if count != journal.lines:
        result.add("E3", "chain", journal.file, f"it has {count} lines, {journal.lines} were signed")
    for number in sorted(breaks - set(journal.breaks)):
        what = f"line {number + 1} does not follow from the one before: changed, or lines are missing"
        result.add("E3", "chain", journal.file, what)
    for piece in stream.pieces:
        volume = piece.source.rpartition(":")[0]
        if piece.sha256 and volume == journal.volume:
            _said_of(piece, said, journal.file, result)


def _sealed(volume: str, raw: bytes) -> Iterator[tuple[str, tuple[str, int, str]]]:
    try:
        line = decode_line(raw)
    except BadInput:
        return
    if isinstance(line.event, Sealed):
        yield f"{volume}:{line.event.file}", (line.event.sha256, line.event.bytes, line.chain)


def _said_of(piece: PiecePart, said: dict[str, tuple[str, int, str]], where: str, result: Checked) -> None:
    told = said.get(piece.source)
    if told is None:
        result.add("E3", "chain", where, f"it does not say that {piece.source} was recorded")
    elif told != (piece.sha256, piece.bytes, piece.chain):
        result.add("E3", "chain", where, f"it says something else of {piece.source} than the manifest")


def _span(stream: StreamPart, sha256: dict[str, str], result: Checked) -> None:
    for begin, end in uncovered(stream):
        what = f"neither footage nor a gap stands for {iso(begin)} to {iso(end)}: it was taken out"
        result.add("E4", "gap", stream.name, what)
    for piece in stream.pieces:
        signed = sha256.get(piece.file)
        if piece.state is PieceState.WHOLE and signed != piece.sha256:
            what = f"{piece.source} is said to be whole, and its file holds something else"
            result.add("E3", "changed", stream.name, what)
        lies = piece.state in {PieceState.REMOVED, PieceState.MISSING}
        if lies != (not piece.file):
            result.add("E4", "gap", stream.name, f"{piece.source} is {piece.state}, and its file is {piece.file!r}")
    if stream.pieces and not stream.journals:
        result.add("E3", "chain", stream.name, "its journal is not in the export")

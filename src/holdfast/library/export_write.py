"""An export as one file: ZIP (stored), TAR, or MP4 with everything else in a box at its end. Signed.

Each file is hashed while it is copied. One that is gone by then, or is not what the journal says, is told in the
manifest, which is written after all of them. The whole lies under a temporary name until it is complete and on the
disk. ZIP and TAR hold one folder, so that unpacking makes no mess; an MP4 plays as it is.

Any thread; blocks on the disk. Not here: what goes in (export_plan), checking (export_verify).
"""

import hashlib
import io
import json
import os
import secrets
import struct
import tarfile
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol
from zoneinfo import ZoneInfo

from holdfast import __version__
from holdfast.core.errors import Conflict, DiskFull, HoldfastError, NotFound, StorageError
from holdfast.core.manifest import (
    INDEX,
    KEY,
    MANIFEST,
    README,
    SIGNATURE,
    SUMS,
    FilePart,
    Manifest,
    PiecePart,
    PieceState,
    complete,
    encode,
)
from holdfast.core.timing import to_datetime
from holdfast.library.export_plan import Draft, Item
from holdfast.library.export_words import index, readme, sums
from holdfast.media.boxes import HEADER
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import fsync_folder
from holdfast.storage.keys import NodeKey

BOX_UUID = b"holdfast-export1"
PART = ".part"
FREE_BYTES = 64 * 1024 * 1024  # chosen: what an export leaves free on a disk that holds no volume
_FIRST_YEAR = 1980  # ZIP knows no earlier one
_MOST_BOX = 0xFFFF_FFFF

Seen = Callable[[int, int], None]
"""Is told how many bytes of how many are written; what it raises ends the export and leaves nothing behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Who makes an export: the node's name, its site (name, id, time zone), its key, and the time."""

    node: str
    site: dict[str, str]
    key: NodeKey
    now_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An export that lies on a disk."""

    path: Path
    bytes: int
    manifest: Manifest


class _Container(Protocol):
    """A file that holds files."""

    def add(self, name: str, size_bytes: int, chunks: Iterator[bytes]) -> None:
        """Write one; `chunks` gives exactly as many bytes as `size_bytes`."""

    def finish(self) -> None:
        """Write what comes at the end."""


def name_of(draft: Draft, zone: ZoneInfo) -> str:
    """Return a file name in the site's time, such as `gate_2026-05-01_180000+0200_export.zip`."""
    cameras = list(dict.fromkeys(key.camera for key in draft.asked.streams))
    first = cameras[0] if len(cameras) == 1 else f"{cameras[0]}-and-{len(cameras) - 1}-more"
    at = to_datetime(draft.asked.from_us, zone).strftime("%Y-%m-%d_%H%M%S%z")
    return f"{first}_{at}_export.{draft.asked.format}"


def write(
    draft: Draft, maker: Maker, target: Path, *, replace_it: bool = False, reserve_bytes: int = FREE_BYTES,
    seen: Seen = lambda _done, _total: None,
) -> Made:  # fmt: skip
    """Write an export, whole or not at all.

    Args:
        draft: What goes in.
        maker: Who makes it.
        target: Where to.
        replace_it: Write over what is there.
        reserve_bytes: Free space that must be left on that disk.
        seen: Is told how far it is.

    Raises:
        Conflict: There is such a file.
        DiskFull: It would not leave the reserve free.
        StorageError: It cannot be written.
    """
    with storage_errors("looking at", target):
        if target.exists() and not replace_it:
            raise Conflict(f"{target} exists already", hint="choose another name, or say --force")
        facts = os.statvfs(target.parent)
    if facts.f_bavail * facts.f_frsize - draft.bytes < reserve_bytes:
        raise DiskFull(
            f"an export of {draft.bytes} bytes to {target.parent} would not leave {reserve_bytes} bytes free",
            hint="name another disk, or a shorter span",
        )
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}{PART}")
    try:
        manifest = _written(draft, maker, part, target.name.rpartition(".")[0] or target.name, seen)
        with storage_errors("writing", target):
            size = part.stat().st_size
            part.replace(target)
        fsync_folder(target.parent)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return Made(path=target, bytes=size, manifest=manifest)


def _written(draft: Draft, maker: Maker, part: Path, folder: str, seen: Seen) -> Manifest:
    with storage_errors("writing", part), part.open("wb") as file:
        kinds: dict[str, Callable[[], _Container]] = {
            "zip": lambda: _Zip(file, folder, maker.now_us), "tar": lambda: _Tar(file, folder, maker.now_us),
            "mp4": lambda: _Mp4(file),
        }  # fmt: skip
        container = kinds[draft.asked.format]()
        try:
            manifest = _filled(container, draft, maker, seen)
        except BaseException:
            # An archive that is only let go of writes its end later, to whatever file has that number then.
            with suppress(OSError, ValueError, HoldfastError):
                container.finish()
            raise
        container.finish()
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _filled(container: _Container, draft: Draft, maker: Maker, seen: Seen) -> Manifest:
    """Write every file, then the words about them, then the manifest that names them all, then its signature."""
    files: list[FilePart] = []
    problems: dict[str, str] = {}
    done = 0
    for item in draft.items:
        found, problem = _copied(container, item, partial(_tell, seen, done, draft.bytes))
        problems.update({item.name: problem} if problem else {})
        files += [found] if found is not None else []
        done += item.size_bytes
    by_name = {file.name: file for file in files}
    streams = tuple(
        replace(stream, pieces=tuple(_as_found(piece, by_name, problems) for piece in stream.pieces))
        for stream in draft.streams
    )
    manifest = Manifest(
        id=secrets.token_hex(8), made_us=maker.now_us, program=__version__, node=maker.node, site=maker.site,
        asked_by=draft.asked.by, purpose=draft.asked.purpose, format=draft.asked.format, from_us=draft.asked.from_us,
        to_us=draft.to_us, complete=complete(streams), key=maker.key.public.fingerprint, streams=streams, files=(),
    )  # fmt: skip
    for name, text in ((README, readme(manifest)), (INDEX, index(manifest)), (KEY, maker.key.public.pem.decode())):
        files += [_said(container, name, text.encode())]
    files += [_said(container, SUMS, sums(tuple(files)).encode())]
    manifest = replace(manifest, files=tuple(files))
    raw = encode(manifest)
    _said(container, MANIFEST, raw)
    _said(container, SIGNATURE, maker.key.sign(raw))
    return manifest


def _copied(container: _Container, item: Item, seen: Callable[[int], None]) -> tuple[FilePart | None, str]:
    """Copy a file; returns what it holds in the export, and what is wrong with it.

    It takes as many bytes as were expected, whatever the file has become: an archive says a file's size before its
    first byte. What a failing disk does not give is filled with zeros, and told.
    """
    copy = _Copy(item, seen)
    if not copy.begins():
        return None, copy.problem
    container.add(item.name, item.size_bytes, copy.chunks())
    return FilePart(name=item.name, bytes=item.size_bytes, sha256=copy.digest.hexdigest()), copy.problem


def _tell(seen: Seen, done: int, total: int, more: int) -> None:
    seen(done + more, total)


class _Copy:
    """A file on its way: hashed, counted, and cut or filled to its size."""

    def __init__(self, item: Item, seen: Callable[[int], None]) -> None:
        self.digest = hashlib.sha256()
        self.problem = ""
        self._item = item
        self._seen = seen
        self._source = item.read()
        self._next = b""
        self._size = 0

    def begins(self) -> bool:
        """Read its first bytes; says whether there is such a file."""
        self._advance()
        return not self.problem

    def chunks(self) -> Iterator[bytes]:
        """Give out its bytes."""
        while self._next and not self.problem:
            left = self._item.size_bytes - self._size
            if len(self._next) > left:  # said at once: who takes the last byte need not ask for more
                self.problem = "the file is longer than what was recorded; the rest is not here"
            if left:
                yield self._take(self._next[:left])
            if not self.problem:
                self._advance()
        if self._size < self._item.size_bytes:
            self.problem = self.problem or f"the file ends at byte {self._size} already; zeros stand for the rest"
        while self._size < self._item.size_bytes:
            yield self._take(bytes(min(1 << 20, self._item.size_bytes - self._size)))

    def _take(self, piece: bytes) -> bytes:
        self.digest.update(piece)
        self._size += len(piece)
        self._seen(self._size)
        return piece

    def _advance(self) -> None:
        try:
            self._next = next(self._source, b"")
        except (NotFound, StorageError) as error:
            # A disk that fails in the middle of one file must not cost all the others.
            self._next, self.problem = b"", f"its file could not be read beyond byte {self._size}: {error}"


def _said(container: _Container, name: str, data: bytes) -> FilePart:
    container.add(name, len(data), iter((data,)))
    return FilePart(name=name, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _as_found(piece: PiecePart, files: Mapping[str, FilePart], problems: Mapping[str, str]) -> PiecePart:
    if not piece.file:
        return piece
    file = files.get(piece.file)
    if file is None:
        return replace(piece, state=PieceState.MISSING, file="", why=problems[piece.file])
    if piece.file in problems:
        return replace(piece, state=PieceState.CHANGED, why=problems[piece.file])
    if piece.state is PieceState.WHOLE and file.sha256 != piece.sha256:
        return replace(piece, state=PieceState.CHANGED, why="the file is not what was recorded: its hash differs")
    return piece


class _Zip:
    """Stored, never compressed: footage is compressed already, and every byte stays where a reader can seek to it."""

    def __init__(self, file: BinaryIO, folder: str, made_us: int) -> None:
        at = to_datetime(made_us)
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._folder = folder
        self._date = (max(at.year, _FIRST_YEAR), at.month, at.day, at.hour, at.minute, at.second)

    def add(self, name: str, size_bytes: int, chunks: Iterator[bytes]) -> None:
        info = zipfile.ZipInfo(f"{self._folder}/{name}", self._date)
        info.external_attr = 0o640 << 16
        info.file_size = size_bytes
        with self._zip.open(info, "w") as member:
            for chunk in chunks:
                member.write(chunk)

    def finish(self) -> None:
        self._zip.close()


class _Tar:
    """POSIX (pax), so that names and sizes know no limit."""

    def __init__(self, file: BinaryIO, folder: str, made_us: int) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - `finish` closes it
        self._folder = folder
        self._at_s = made_us // 1_000_000

    def add(self, name: str, size_bytes: int, chunks: Iterator[bytes]) -> None:
        info = tarfile.TarInfo(f"{self._folder}/{name}")
        info.size, info.mtime, info.mode = size_bytes, self._at_s, 0o640
        self._tar.addfile(info, _Reader(chunks))

    def finish(self) -> None:
        self._tar.close()


class _Mp4:
    """The clip as it is, and behind it a box that players pass over, with every other file in it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._clip = ""
        self._others: dict[str, str] = {}

    def add(self, name: str, size_bytes: int, chunks: Iterator[bytes]) -> None:
        if not self._clip:
            self._clip = name
            for chunk in chunks:
                self._file.write(chunk)
        else:
            self._others[name] = b64encode(b"".join(chunks)).decode()
            if len(self._others[name]) < size_bytes:
                raise StorageError(f"{name} became shorter while it was read")

    def finish(self) -> None:
        body = json.dumps({"clip": self._clip, "files": self._others}, separators=(",", ":")).encode()
        size = HEADER.size + len(BOX_UUID) + len(body) + 4
        if size > _MOST_BOX:
            raise Conflict("the journal of this span is too long for one MP4", hint="--format zip takes it")
        # Its own length again at the very end: so it is found without reading what comes before.
        self._file.write(HEADER.pack(size, b"uuid") + BOX_UUID + body + struct.pack(">I", size))


class _Reader(io.RawIOBase):
    """Chunks as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        parts, got = [], 0
        while size < 0 or got < size:
            if not self._rest:
                self._rest = next(self._chunks, b"")
                if not self._rest:
                    break
            piece = self._rest if size < 0 else self._rest[: size - got]
            self._rest = self._rest[len(piece) :]
            parts.append(piece)
            got += len(piece)
        return b"".join(parts)

"""An export as whoever receives it has it: a ZIP, a TAR, an MP4, or the folder that one was unpacked to.

All are read as files by name, in pieces. A file may have been made by anybody: nothing in it is believed before
`export_verify` has checked it, nothing is unpacked, and what makes no sense ends in one of our errors.

Any thread; blocks on the disk. Not here: what the files must hold (export_verify).
"""

import io
import json
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO

from holdfast.core.errors import BadInput, NotFound
from holdfast.core.manifest import MANIFEST
from holdfast.library.export_write import BOX_UUID
from holdfast.media.boxes import HEADER
from holdfast.storage.errors import storage_errors

PIECE_BYTES = 1 << 20
SMALL_BYTES = 256 * 1024 * 1024  # chosen: a manifest of a year of ten cameras has some 200 MB; more is no manifest
LINE_BYTES = 16 * 1024 * 1024  # chosen: a journal's line has some 500 bytes; what a crash left in one may be longer
# What Python's readers raise on files that are none. They promise nothing: found by flipping bytes of exports.
_FOREIGN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, ValueError, KeyError, TypeError, AttributeError,
    RuntimeError, struct.error, OverflowError, IndexError, MemoryError,
)  # fmt: skip

_BLOCK = tarfile.BLOCKSIZE

Read = Callable[[], Iterator[bytes]]


class Members:
    """The files of an export.

    Attributes:
        sizes: Bytes, by name in it.
        doubled: Names that stand in it more than once.
    """

    def __init__(self, found: Iterable[tuple[str, int, Read]]) -> None:
        self.sizes: dict[str, int] = {}
        self.doubled: list[str] = []
        self._read: dict[str, Read] = {}
        for name, size, read in found:
            if name in self.sizes:
                self.doubled.append(name)
            self.sizes[name], self._read[name] = size, read

    def pieces(self, name: str) -> Iterator[bytes]:
        """Read one.

        Raises:
            NotFound: There is none of that name.
            BadInput: The archive is damaged there.
            StorageError: It cannot be read.
        """
        if name not in self._read:
            raise NotFound(f"{name} is not in it")
        with _foreign(name), storage_errors("reading", Path(name)):
            yield from self._read[name]()

    def read(self, name: str) -> bytes:
        """Read a small one whole; raises as `pieces` does."""
        if self.sizes.get(name, 0) > SMALL_BYTES:
            raise BadInput(f"{name} is longer than any such file")
        return b"".join(self.pieces(name))

    def lines(self, name: str) -> Iterator[bytes]:
        """Read one of any length by its lines, ends included; raises as `pieces` does."""
        rest = b""
        for piece in self.pieces(name):
            *whole, rest = (rest + piece).splitlines(keepends=True)  # the last may go on in the next piece
            yield from whole
            if len(rest) > LINE_BYTES:
                raise BadInput(f"{name} has a line that is longer than any")
        if rest:
            yield rest


@contextmanager
def opened(path: Path) -> Iterator[Members]:
    """Open an export.

    Raises:
        NotFound: There is no such file.
        BadInput: It is no export.
        StorageError: It cannot be read.
    """
    if path.is_dir():
        yield Members(_of_folder(path))
    elif not path.is_file():
        raise NotFound(f"{path} is not there")
    else:
        with storage_errors("reading", path), path.open("rb") as file:
            archive = _way(file)(file)
            with _foreign(path.name):
                members = archive.__enter__()
            try:
                yield members
            finally:
                archive.__exit__(None, None, None)


def _way(file: BinaryIO) -> Callable[[BinaryIO], AbstractContextManager[Members]]:
    begin = file.read(512)
    if begin[4:8] == b"ftyp":
        return _mp4
    if begin[257:262] == b"ustar":
        return _tar
    if zipfile.is_zipfile(file):
        return _zip
    if begin[:4] == b"PK\x03\x04":
        raise BadInput("this ZIP is cut off: the list of its files is not there", hint="fetch the rest of it")
    raise BadInput(
        "this is no export", hint="an export is a .zip, .tar or .mp4 that holdfast export made, or its folder"
    )


@contextmanager
def _zip(file: BinaryIO) -> Iterator[Members]:
    with zipfile.ZipFile(file) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        for info in archive.infolist():
            # The upper half is a mode of Unix, 0 where nobody gave one: programs that unpack make links of it.
            if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFDIR if info.is_dir() else stat.S_IFREG}:
                raise _no_file(info.filename)
        for info in infos:
            # Encrypted, or packed in a way that no export is: reading would need a password, or all of the memory.
            if info.flag_bits & 1 or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise BadInput(f"{info.filename} is packed in a way that no export is")
        yield Members(_inside((i.filename, i.file_size, partial(_read, partial(archive.open, i))) for i in infos))


@contextmanager
def _tar(file: BinaryIO) -> Iterator[Members]:
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as archive:
        infos: list[tarfile.TarInfo] = []
        end = 0
        for info in archive:
            # A link that stands behind a file of its name takes the file's place when all is unpacked.
            if not info.isdir() and (not info.isreg() or info.issparse()):
                raise _no_file(info.name)
            if info.isreg():
                infos.append(info)
            end = info.offset_data + (-(-info.size // _BLOCK) * _BLOCK if info.isreg() else 0)
        # Where a header is damaged Python's reader ends as if nothing followed; others go on behind it.
        file.seek(end)
        if any(piece.strip(b"\0") for piece in iter(partial(file.read, PIECE_BYTES), b"")):
            raise BadInput("something stands behind the end of the archive")
        yield Members(_inside((i.name, i.size, partial(_read, partial(_of_tar, archive, i))) for i in infos))


def _no_file(name: str) -> BadInput:
    return BadInput(f"{name} is a link or another thing that is no plain file: unpacked it may hold anything")


def _of_tar(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(info)
    if file is None:
        raise BadInput(f"{info.name} is no plain file")
    return file


@contextmanager
def _mp4(file: BinaryIO) -> Iterator[Members]:
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 4))
    (size,) = struct.unpack(">I", file.read(4))
    least = HEADER.size + len(BOX_UUID) + 4
    raw = b""
    if least <= size < end:
        file.seek(end - size)
        raw = file.read(size)
    if len(raw) < least or HEADER.unpack_from(raw) != (size, b"uuid") or raw[8:24] != BOX_UUID:
        raise BadInput("this MP4 carries no manifest, or is cut off", hint="only what holdfast export made carries one")
    body = json.loads(raw[24:-4])
    found: list[tuple[str, int, Read]] = [(str(body["clip"]), end - size, partial(_begin, file, end - size))]
    for name, text in body["files"].items():
        data = b64decode(text, validate=True)
        found.append((name, len(data), partial(_read, partial(io.BytesIO, data))))
    yield Members(found)


def _of_folder(root: Path) -> Iterator[tuple[str, int, Read]]:
    with storage_errors("listing", root):
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            yield path.relative_to(root).as_posix(), path.stat().st_size, partial(_read, partial(_plain, path))


def _plain(path: Path) -> IO[bytes]:
    return path.open("rb")


def _inside(found: Iterable[tuple[str, int, Read]]) -> list[tuple[str, int, Read]]:
    """Take off the one folder that everything lies in: its name is for people."""
    listed = list(found)
    folder = next((name.removesuffix(MANIFEST) for name, _, _ in listed if name.rpartition("/")[2] == MANIFEST), "")
    return [(name.removeprefix(folder), size, read) for name, size, read in listed]


def _read(open_it: Callable[[], IO[bytes]]) -> Iterator[bytes]:
    with open_it() as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _begin(file: BinaryIO, size: int) -> Iterator[bytes]:
    file.seek(0)
    left = size
    while left and (piece := file.read(min(PIECE_BYTES, left))):
        left -= len(piece)
        yield piece


@contextmanager
def _foreign(name: str) -> Iterator[None]:
    """Turn what Python's readers say of a damaged archive into one of our errors."""
    try:
        yield
    except _FOREIGN as error:
        raise BadInput(f"{name} cannot be read: {error}") from error

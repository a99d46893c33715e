"""Files that only somebody else can read: sealed with age for its recipients (C155), and opened with an identity.

The format is age's own (age-encryption.org/v1), so that the tool `age` opens them too. Both directions go through a
file in blocks and never hold it in memory; what must never be on a disk as it is goes through memory (`seal_bytes`).
Sealing the same twice gives different bytes: whoever sends a sealed file keeps it until it has arrived.

Any thread. Not here: who the recipients are (core.config.recipients), when something is sealed (work.prepare,
library.still_sealing).
"""

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyrage  # type: ignore[import-untyped]  # a library in Rust that carries no types

from holdfast.core.errors import BadInput, Conflict, HoldfastError, NotFound, UsageError
from holdfast.storage.errors import storage_errors, translate
from holdfast.storage.files import rename_durably

HEADER = b"age-encryption.org/v1\n"
_MODE = 0o600
_LONGEST_IDENTITY = 100_000  # chosen: an identity file holds a few lines


@dataclass(frozen=True, slots=True)
class Measured:
    """What went through: size in bytes, and SHA-256 in hexadecimal digits."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed file, and what is in it."""

    plain: Measured
    sealed: Measured


class _Through:
    """A file that is hashed while it is read or written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha = hashlib.sha256()
        self._count = 0
        self.failure: OSError | None = None

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        try:
            data = self._file.read(size)
        except OSError as error:
            self.failure = error
            raise
        self._add(data)
        return data

    def write(self, data: bytes) -> int:
        """Write on."""
        try:
            self._file.write(data)
        except OSError as error:
            self.failure = error
            raise
        self._add(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def measured(self) -> Measured:
        """Return what went through."""
        return Measured(self._count, self._sha.hexdigest())

    def _add(self, data: bytes) -> None:
        self._sha.update(data)
        self._count += len(data)


def seal(source: Path, into: Path, recipients: Sequence[str]) -> Sealed:
    """Write a sealed copy of a file; it appears whole or not at all.

    Args:
        source: The file.
        into: The copy; must not exist, its folder must.
        recipients: Public keys of age, or of SSH.

    Raises:
        UsageError: There is no recipient, or one is none.
        NotFound: The source is gone.
        Conflict: The copy is there already.
        StorageError: It cannot be read or written.
    """
    keys = _keys(recipients)
    plain, sealed = _copy(source, into, lambda reader, writer: pyrage.encrypt_io(reader, writer, keys))
    return Sealed(plain, sealed)


def seal_bytes(body: bytes, recipients: Sequence[str]) -> bytes:
    """Return what a sealed file of a content holds; nothing is written.

    Args:
        body: The content.
        recipients: As for `seal`.

    Raises:
        UsageError: There is no recipient, or one is none.
    """
    sealed: bytes = pyrage.encrypt(body, _keys(recipients))
    return sealed


def unseal(source: Path, into: Path, identities: Sequence[Any]) -> Measured:
    """Write an opened copy of a sealed file; it appears whole or not at all.

    Args:
        source: The sealed file.
        into: The copy; must not exist, its folder must.
        identities: What `read_identities` returned.

    Returns:
        What was in it.

    Raises:
        BadInput: It is not sealed, is damaged, or no identity opens it.
        NotFound: The source is gone.
        Conflict: The copy is there already.
        StorageError: It cannot be read or written.
    """
    if not is_sealed(source):
        raise BadInput(f"{source} is not sealed with age")
    return _copy(source, into, lambda reader, writer: pyrage.decrypt_io(reader, writer, list(identities)))[1]


def is_sealed(path: Path) -> bool:
    """Say whether a file begins as sealed ones do.

    Raises:
        NotFound: It is gone.
        StorageError: It cannot be read.
    """
    with storage_errors("reading", path):
        try:
            with path.open("rb") as file:
                return file.read(len(HEADER)) == HEADER
        except FileNotFoundError as error:
            raise NotFound(f"there is no file {path}") from error


def read_identities(path: Path) -> list[Any]:
    """Read private keys: age's identity file, or one of OpenSSH.

    Raises:
        NotFound: There is no such file.
        BadInput: It holds no key. Never repeats what it holds.
        StorageError: It cannot be read.
    """
    with storage_errors("reading", path):
        try:
            with path.open("rb") as file:
                raw = file.read(_LONGEST_IDENTITY)
        except FileNotFoundError as error:
            raise NotFound(f"there is no file {path}") from error
    try:
        if b"-----BEGIN" in raw:
            return [pyrage.ssh.Identity.from_buffer(raw)]
        lines = [line.strip() for line in raw.decode("ascii").splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (pyrage.IdentityError, ValueError) as error:
        raise BadInput(f"{path} holds no private key of age", hint="age-keygen -o FILE makes one") from error
    if not found:
        raise BadInput(f"{path} holds no private key of age", hint="age-keygen -o FILE makes one")
    return found


def _keys(recipients: Sequence[str]) -> list[Any]:
    if not recipients:
        raise UsageError("nobody could open it", hint="name recipients in `encrypt`")
    return [_recipient(text) for text in recipients]


def _recipient(text: str) -> Any:
    try:
        return (pyrage.ssh if text.startswith("ssh-") else pyrage.x25519).Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise UsageError(f"{text!r} is no public key of age", hint="correct `encrypt`, where it is named") from error


def _copy(source: Path, into: Path, work: Any) -> tuple[Measured, Measured]:
    """Let work go from one file to a new one, and give that its name when it is whole."""
    part = into.with_name(
        f".{hashlib.sha256(into.name.encode()).hexdigest()[:16]}.{os.getpid()}-{os.urandom(4).hex()}.part"
    )
    if into.exists():
        raise Conflict(f"{into} is there already", hint="remove it, or name another place")
    with storage_errors("opening", source):
        try:
            file = source.open("rb")
        except FileNotFoundError as error:
            raise NotFound(f"there is no file {source}") from error
    with file:
        try:
            with storage_errors("writing", part):
                fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
            with os.fdopen(fd, "wb") as made:
                reader, writer = _Through(file), _Through(made)
                _work(work, reader, writer, source, into)
            try:
                rename_durably(part, into)
            except FileExistsError as error:
                raise Conflict(f"{into} is there already") from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    return reader.measured(), writer.measured()


def _work(work: Any, reader: _Through, writer: _Through, source: Path, into: Path) -> None:
    try:
        work(reader, writer)
    except (pyrage.DecryptError, pyrage.EncryptError, OSError) as error:
        # The library wraps the system's own errors: those are told as what they are.
        for through, path, doing in ((reader, source, "reading"), (writer, into, "writing")):
            if through.failure is not None:
                raise translate(through.failure, doing, path) from error
        raise _opened_badly(source, error) from error


def _opened_badly(source: Path, error: Exception) -> HoldfastError:
    hint = "name the identity whose public key it was sealed for"
    return BadInput(
        f"{source} cannot be opened: {error}", hint=hint if "key" in str(error).lower() else "it is damaged"
    )

"""The node's signing key: Ed25519, made at first need, in the state folder, for nobody else's eyes (0600).

It signs what leaves the node as evidence (exports, heads of journals). Its public half is told to everybody; the
private one is read from its file when it is needed and goes nowhere else: no log, no API, no export.

Not here: what is signed (library.signing, library.export). Any thread; blocks on the disk.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from holdfast.core.errors import BadInput, UsageError
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import DurableFile, rename_durably

KEY_FILE = "node-key.pem"
KEY_MODE = 0o600
KEY_BYTES = 32  # specified: RFC 8032, section 5.1.5
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The half that everybody may know: 32 bytes."""

    raw: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key in hexadecimal digits: what two people compare over the telephone."""
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def pem(self) -> bytes:
        """As a file that other tools read (`openssl pkeyutl -verify -pubin -inkey …`)."""
        return Ed25519PublicKey.from_public_bytes(self.raw).public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Say whether the other half signed exactly this."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True

    @classmethod
    def from_pem(cls, pem: bytes) -> "PublicKey":
        """Read a PEM file.

        Raises:
            BadInput: It holds no public Ed25519 key.
        """
        try:
            found = load_pem_public_key(pem)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise BadInput("this is no public key in PEM") from error
        if not isinstance(found, Ed25519PublicKey):
            raise BadInput("this is a public key, but not an Ed25519 one")
        return cls(found.public_bytes(Encoding.Raw, PublicFormat.Raw))


class NodeKey:
    """The half that signs."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public(self) -> PublicKey:
        """The other half."""
        return PublicKey(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, data: bytes) -> bytes:
        """Return the signature, 64 bytes; the same for the same data."""
        return self._key.sign(data)


def node_key(state_dir: Path) -> NodeKey:
    """Return the node's key, making it where there is none yet.

    Raises:
        BadInput: The file is there and is no such key; it is never written over.
        StorageError: It cannot be read or made.
    """
    path = state_dir / KEY_FILE
    for _ in range(2):  # a second look where another process made it in between
        if path.exists():
            return _read(path)
        _make(path)
    return _read(path)


def expected_fingerprint(text: str) -> str:
    """Return the fingerprint that somebody names: as digits, with or without spaces and colons, or by a PEM file.

    Raises:
        UsageError: It is neither.
        BadInput: The file holds no such key.
    """
    digits = re.sub(r"[\s:]", "", text).lower()
    if _FINGERPRINT.fullmatch(digits):
        return digits
    path = Path(text)
    if not path.is_file():
        raise UsageError(
            f"{text[:80]!r} is no fingerprint of a key and no file",
            hint="64 hexadecimal digits, as holdfast node key shows them, or a PEM file",
        )
    with storage_errors("reading", path):
        return PublicKey.from_pem(path.read_bytes()).fingerprint


def _read(path: Path) -> NodeKey:
    with storage_errors("reading", path):
        pem = path.read_bytes()
    try:
        found = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _damaged(path) from error
    if not isinstance(found, Ed25519PrivateKey):
        raise _damaged(path)
    return NodeKey(found)


def _damaged(path: Path) -> BadInput:
    return BadInput(
        f"{path} is no Ed25519 key",
        hint="bring it back from a backup; or move it away: a new one is made, which others must learn to trust anew",
    )


def _make(path: Path) -> None:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with storage_errors("making folder", path.parent):
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        with DurableFile.create(fresh, mode=KEY_MODE) as file:
            file.append([pem])
            file.sync()
        # Never over one that is there: what another process made a moment ago may have signed something already.
        rename_durably(fresh, path)
    except FileExistsError:
        return
    finally:
        with storage_errors("removing", fresh):
            fresh.unlink(missing_ok=True)

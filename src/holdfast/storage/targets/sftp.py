"""SFTP as a target: files below one folder of a host.

A file is written under a name that nobody reads, gone on from where an interrupted transfer left it, read back, and
renamed in a way that never replaces. Thread-safe: each transfer has a connection to itself, kept for the next one.

All that talks runs apart, because a peer that takes nothing more holds the library for longer than its own limits.
"""

import errno
import hashlib
import os
import posixpath
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from holdfast.core.config.targets import SftpTarget as SftpConfig
from holdfast.core.errors import ContentDiffers, NameTaken, TargetAway, TargetFull, TargetRefused
from holdfast.storage.targets.address import public_address
from holdfast.storage.targets.apart import Apart
from holdfast.storage.targets.contract import Content, Going, Receipt, TargetFacts, synced_bytes
from holdfast.storage.targets.sftp_link import Link, Links
from holdfast.storage.targets.sources import blocks, checked_key, sha256_of, stop_if_told

T = TypeVar("T")

_PROBE = b"holdfast\n"
_AHEAD = 64  # chosen: requests for 32 kB that are under way while reading back
_SMALL = 1_000_000  # chosen: of smaller files most of the time is spent on waiting for answers, not on the link


class SftpTarget:
    """Files below one folder of a host."""

    def __init__(self, name: str, config: SftpConfig) -> None:
        self.name = name
        self._config = config
        self._links = Links(name, config)
        self._apart = Apart(name, config.quiet_s)
        # Files of one size that go together end together, and are all read back while nothing is sent: half a link.
        self._turns = threading.BoundedSemaphore(max(1, config.parallel // 2))

    def check(self) -> None:
        """Make sure that files can be written, read and removed."""

        def probe(link: Link, _going: Going) -> None:
            path = self._path(f".holdfast-probe-{os.urandom(6).hex()}")
            self._make_folder(link, posixpath.dirname(path))
            try:
                with link.sftp.open(path, "wb") as file:
                    file.write(_PROBE)
                with link.sftp.open(path, "rb") as file:
                    if file.read() != _PROBE:
                        raise ContentDiffers(f"{self.name}: what is written there is not what is read")
            except OSError as error:
                raise self._why(link, error) from error
            finally:
                with suppress(OSError):
                    link.sftp.remove(path)

        self._with("checking", probe)

    def facts(self) -> TargetFacts:
        """Return how files are verified, and free space where the server says it."""
        free, _ = self._with("asking for free space", lambda link, _going: link.room(self._config.path or "."))
        return TargetFacts("sha256, by reading back", free)

    def put(self, source: Path, key: str, content: Content, going: Going) -> Receipt:
        """Send a file; see the contract."""
        checked_key(self.name, key)
        return self._with(f"sending {key}", lambda link, apart: self._put(link, source, key, content, apart), going)

    def look(self, key: str, content: Content) -> Receipt | None:
        """Verify what lies under a key; see the contract."""
        checked_key(self.name, key)
        return self._with(f"reading {key}", lambda link, going: self._look(link, key, content, going))

    def remove(self, key: str) -> None:
        """Remove what lies under a key; see the contract."""
        checked_key(self.name, key)

        def work(link: Link, _going: Going) -> None:
            with suppress(FileNotFoundError):
                link.sftp.remove(self._path(key))

        self._with(f"removing {key}", work)

    def close(self) -> None:
        """Let go of connections."""
        self._links.close()

    def _with(self, doing: str, work: Callable[[Link, Going], T], going: Going | None = None) -> T:
        """Do something over a connection; where that hangs, the connection is ended, and with it what hangs."""
        used: list[Link] = []

        def body(apart: Going) -> T:
            with self._links.one(doing, apart, used) as link:
                return work(link, apart)

        try:
            return self._apart.run(doing, body, going)
        except TargetAway:
            for link in used[:]:
                link.close()
            raise

    def _put(self, link: Link, source: Path, key: str, content: Content, going: Going) -> Receipt:
        if (found := self._already(link, key, content, going)) is not None:
            return found
        final = self._path(key)
        seed = f"{key}\0{content.bytes}\0{content.sha256}".encode()
        part = posixpath.join(posixpath.dirname(final), f".holdfast-{hashlib.sha256(seed).hexdigest()[:24]}.part")
        self._make_folder(link, posixpath.dirname(final))
        try:
            with self._turn(content, going):
                self._write(link, part, source, content, going)
            self._read_back(link, part, content, going)
        except TargetAway:
            raise  # the next attempt goes on from what is there
        except FileNotFoundError as error:
            # Another worker with the same file was first.
            return self._other(link, key, content, going, error)
        except BaseException:
            with suppress(OSError):
                link.sftp.remove(part)
            raise
        try:
            link.sftp.rename(part, final)
        except OSError as error:
            receipt = self._other(link, key, content, going, error)
            with suppress(OSError):
                link.sftp.remove(part)
            return receipt
        return Receipt(self._address(key), "sha256")

    @contextmanager
    def _turn(self, content: Content, going: Going) -> Iterator[None]:
        """Wait until so few others send that some are left to be read back meanwhile."""
        if content.bytes < _SMALL:
            yield
            return
        while not self._turns.acquire(timeout=0.25):
            stop_if_told(going, self.name)
        try:
            yield
        finally:
            self._turns.release()

    def _other(self, link: Link, key: str, content: Content, going: Going, error: OSError) -> Receipt:
        found = self._already(link, key, content, going)
        if found is None:
            raise self._why(link, error) from error
        return found

    def _write(self, link: Link, part: str, source: Path, content: Content, going: Going) -> None:
        known = self._size(link, part) or 0
        if known > content.bytes:
            known = 0
        at = 0
        try:
            with link.sftp.open(part, "r+b" if known else "wb") as file:
                file.seek(known)
                sync_at = known + (step := synced_bytes(self._config.quiet_s))
                for block in blocks(source, content, Going(told_to_stop=going.told_to_stop), target=self.name):
                    piece = block[max(0, known - at) :]
                    at += len(block)
                    if piece:
                        going.pace(len(piece))
                        # Answers are not waited for one by one; what failed is said by the next request, or when it
                        # closes. Before a sync all are heard: while the library waits for its answer it loses others.
                        file.set_pipelined(pipelined=at < sync_at)
                        file.write(piece)
                        going.moved(len(piece))
                    if at >= sync_at:
                        link.sync(file.handle)
                        sync_at = at + step
                file.flush()
                link.sync(file.handle)
        except OSError as error:
            raise self._why(link, error, content.bytes - known) from error

    def _read_back(self, link: Link, part: str, content: Content, going: Going) -> None:
        if self._hash(link, part, going) != content.sha256:
            raise ContentDiffers(f"{self.name}: what was read back in {posixpath.dirname(part)} is not what was sent")

    def _hash(self, link: Link, path: str, going: Going) -> str:
        with link.sftp.open(path, "rb") as file:
            file.prefetch(max_concurrent_requests=_AHEAD)
            return sha256_of(file, going, self.name)

    def _already(self, link: Link, key: str, content: Content, going: Going) -> Receipt | None:
        try:
            found = self._look(link, key, content, going)
        except ContentDiffers as error:
            raise NameTaken(f"{self.name}: something else lies under {key}") from error
        return found and Receipt(found.address, found.verified, already=True)

    def _look(self, link: Link, key: str, content: Content, going: Going) -> Receipt | None:
        size = self._size(link, self._path(key))
        if size is None:
            return None
        if size != content.bytes or self._hash(link, self._path(key), going) != content.sha256:
            raise ContentDiffers(f"{self.name}: {key} does not hold what was sent there")
        return Receipt(self._address(key), "sha256")

    @staticmethod
    def _size(link: Link, path: str) -> int | None:
        try:
            facts = link.sftp.stat(path)
        except FileNotFoundError:
            return None
        # A folder is nothing that could be the file.
        return -1 if stat.S_ISDIR(facts.st_mode or 0) else facts.st_size

    def _make_folder(self, link: Link, folder: str) -> None:
        if not folder or folder == "/":
            return
        with suppress(FileNotFoundError):
            if stat.S_ISDIR(link.sftp.stat(folder).st_mode or 0):
                return
            raise NameTaken(f"{self.name}: {folder} is a file, and a folder is needed there")
        self._make_folder(link, posixpath.dirname(folder))
        try:
            link.sftp.mkdir(folder, 0o750)
        except OSError as error:
            with suppress(FileNotFoundError):
                link.sftp.stat(folder)
                return  # somebody else made it meanwhile
            raise self._why(link, error) from error

    def _why(self, link: Link, error: OSError, wanted: int = 1) -> Exception:
        """Return what is behind an error; servers say no more than `Failure` of a full or read-only disk."""
        if error.errno is not None or isinstance(error, TimeoutError):
            return error
        free, read_only = link.room(self._config.path or ".")
        if read_only:
            return TargetRefused(f"{self.name}: it may only be read there", hint="mount its disk writable")
        if free is not None and free < wanted:
            return TargetFull(f"{self.name}: {free} bytes are free there")
        return TargetAway(f"{self.name}: the server says {os.strerror(errno.EIO) if not str(error) else error}")

    def _path(self, key: str) -> str:
        return posixpath.join(self._config.path, key)

    def _address(self, key: str) -> str:
        config = self._config
        at = f"{config.user}@{config.host}" + (f":{config.port}" if config.port != 22 else "")  # noqa: PLR2004 - SFTP's own
        path = quote(self._path(key), safe="/").removeprefix("/")
        return public_address(config.address, self.name, key) or f"sftp://{at}/{path}"

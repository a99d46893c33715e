"""A folder as a target: another disk, or one that is mounted from another machine.

A file is written under a name that nobody reads, made durable, read back from the disk, and then given its name
(F22). The temporary name follows from key and content: what an interrupted transfer left is gone on from, and two
workers with the same file write the same bytes to the same places.

Any thread; all that touches the folder runs apart, because a file server that is away holds the thread that asks.
"""

import errno
import grp
import hashlib
import os
import pwd
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from holdfast.core.config.targets import FolderTarget as FolderConfig
from holdfast.core.errors import ContentDiffers, HoldfastError, NameTaken, StorageError, TargetAway, TargetRefused
from holdfast.storage.files import fsync_folder, rename_durably, sync_disk
from holdfast.storage.targets import marker, small_files
from holdfast.storage.targets.address import public_address
from holdfast.storage.targets.apart import Apart
from holdfast.storage.targets.contract import Content, Going, Receipt, TargetFacts, silence_s, synced_bytes
from holdfast.storage.targets.errors import target_errors, translate
from holdfast.storage.targets.many import Item, Outcome
from holdfast.storage.targets.sources import BLOCK_BYTES, blocks, checked_key, sha256_of, whole

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})  # exFAT, some network folders
_PROBE = b"holdfast\n"
_AHEAD = 64  # chosen: files of a batch that are open at once to be read back


class FolderTarget:
    """Files below one folder. Thread-safe: holds nothing open."""

    def __init__(self, name: str, config: FolderConfig) -> None:
        self.name = name
        self._config = config
        self._root = config.path
        self._apart = Apart(name, config.quiet_s)
        self._mode = int(config.mode, 8)
        self._folder_mode = int(config.folder_mode, 8)

    def check(self) -> None:
        """Make sure that the marker is there and that files can be written, read and removed."""
        self._apart.run("checking", lambda _going: self._check())

    def ready(self) -> None:
        """Make sure that the marker is there."""
        self._apart.run("looking", lambda _going: marker.check(self.name, self._root, self._config.marker))

    def facts(self) -> TargetFacts:
        """Return free space, and how files are verified."""

        def ask(_going: Going) -> int:
            with target_errors(self.name, f"asking for free space of {self._root}"):
                facts = os.statvfs(self._root)
            return facts.f_bavail * facts.f_frsize

        return TargetFacts("sha256, by reading back from the disk", self._apart.run("asking for free space", ask))

    def put(self, source: Path, key: str, content: Content, going: Going) -> Receipt:
        """Send a file; see the contract."""
        checked_key(self.name, key)
        return self._apart.run(f"sending {key}", lambda apart: self._put(source, key, content, apart), going)

    def put_many(self, items: Sequence[Item], going: Going) -> Iterator[Outcome]:
        """Send many with one wait for the disk in place of three each; see `many`."""
        try:
            yield from self._apart.run("sending", lambda apart: self._put_many(items, apart), going)
        except HoldfastError as error:
            yield from ((item, error) for item in items)

    def look(self, key: str, content: Content) -> Receipt | None:
        """Verify what lies under a key; see the contract."""
        checked_key(self.name, key)
        return self._apart.run(f"reading {key}", lambda going: self._look(key, content, going))

    def held(self, items: Sequence[Item], going: Going) -> dict[str, bool]:
        """Say of each key that is there whether it holds what it must, and make all of them durable first."""

        def look(apart: Going) -> dict[str, bool]:
            found: dict[str, bool] = {}
            marker.check(self.name, self._root, self._config.marker)
            self._sync(self._root, sync_disk)  # whoever wrote them left that to the system's own time
            for at in range(0, len(items), _AHEAD):
                found.update(self._held(items[at : at + _AHEAD], apart))
            marker.check(self.name, self._root, self._config.marker)
            return found

        longest_s = silence_s(self._config.quiet_s, sum(item.content.bytes for item in items))
        return self._apart.run("reading back", look, going, longest_s=longest_s, alive=self.ready)

    def _held(self, items: Sequence[Item], going: Going) -> Iterator[tuple[str, bool]]:
        with ExitStack() as stack:
            files: list[tuple[Item, int]] = []
            for item in items:
                try:
                    if (fd := self._opened_there(item.key, item.content)) is None:
                        continue
                except ContentDiffers:
                    yield item.key, False
                    continue
                stack.callback(os.close, fd)
                files.append((item, fd))
            for item, fd in files:
                with target_errors(self.name, f"reading {item.key}"):
                    right = small_files.sha256_again(fd, item.content, going, self.name) == item.content.sha256
                yield item.key, right

    def remove(self, key: str) -> None:
        """Remove what lies under a key; see the contract."""
        checked_key(self.name, key)
        self._apart.run(f"removing {key}", lambda _going: self._remove(key))

    def close(self) -> None:
        """Hold nothing open, as ever."""

    def _check(self) -> None:
        marker.check(self.name, self._root, self._config.marker)
        probe = self._root / f".holdfast-probe-{os.getpid()}-{os.urandom(4).hex()}"
        with target_errors(self.name, f"writing into {self._root}"):
            try:
                fd = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                try:
                    os.write(fd, _PROBE)
                    os.fsync(fd)
                    if os.pread(fd, 100, 0) != _PROBE:
                        raise ContentDiffers(f"{self.name}: what is written into {self._root} is not what is read")
                    self._give(fd, self._mode)
                finally:
                    os.close(fd)
            finally:
                with suppress(FileNotFoundError):
                    probe.unlink()

    def _put_many(self, items: Sequence[Item], going: Going) -> list[Outcome]:
        outcomes: list[Outcome] = []
        written: list[tuple[Item, str]] = []
        folders = set[str]()
        marker.check(self.name, self._root, self._config.marker)
        for item in items:
            try:
                key = checked_key(self.name, item.key)
                # Whatever lies there is looked at closely; nothing does, mostly.
                if os.path.lexists(f"{self._root}/{key}") and (found := self._already(key, item.content, going)):
                    outcomes.append((item, found))
                    continue
                part = self._part(key, item.content)
                if (folder := part.rpartition("/")[0]) not in folders:
                    self._make_folder(Path(folder))
                    folders.add(folder)
                self._lay(part, item, going)
                written.append((item, part))
            except HoldfastError as error:
                outcomes.append((item, error))
        if written:
            self._sync(self._root, sync_disk)
            marker.check(self.name, self._root, self._config.marker)
        for at in range(0, len(written), _AHEAD):
            outcomes += self._named(written[at : at + _AHEAD], going)
        for folder in folders:
            self._sync(Path(folder))
        return outcomes

    def _lay(self, part: str, item: Item, going: Going) -> None:
        """Write a file under its temporary name; it is synced by the caller, with all others."""
        if item.content.bytes > BLOCK_BYTES:
            self._write(Path(part), item.source, item.content, going, sync=False)
            return
        data = whole(item.source, item.content, going, target=self.name)
        small_files.write(part, data, self.name, lambda fd: self._give(fd, self._mode))
        going.moved(len(data))

    def _named(self, written: Sequence[tuple[Item, str]], going: Going) -> Iterator[Outcome]:
        """Read written files back and give them their names; their folders are synced by the caller."""
        files = [self._opened_again(part) for _, part in written]
        try:
            for (item, part), file in zip(written, files, strict=True):
                try:
                    if isinstance(file, HoldfastError):
                        raise file
                    yield item, self._name(part, file, item.key, item.content, going)
                except HoldfastError as error:
                    yield item, error
        finally:
            for file in files:
                if isinstance(file, int):
                    os.close(file)

    def _opened_again(self, part: str) -> int | HoldfastError | None:
        try:
            return small_files.open_again(part)
        except OSError as error:
            return translate(error, self.name, f"reading {part} back")

    def _name(self, part: str, file: int | None, key: str, content: Content, going: Going) -> Receipt:
        try:
            if file is not None:
                if small_files.sha256_again(file, content, going, self.name) != content.sha256:
                    self._drop(part)
                    raise ContentDiffers(f"{self.name}: what was read back of {key} is not what was written")
                # A second name and then one less: unlike a rename it never replaces.
                os.link(part, f"{self._root}/{key}")
                self._drop(part)
                return Receipt(self._address(key), "sha256")
        except (FileExistsError, FileNotFoundError):
            pass  # another worker was first
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise translate(error, self.name, f"naming {key}") from error
            return self._rename(Path(part), key, content, going)
        self._drop(part)
        if (found := self._already(key, content, going)) is None:
            raise TargetAway(f"{self.name}: {key} came and went while it was sent")
        return found

    def _part(self, key: str, content: Content) -> str:
        # Not the file's own name: with an ending it could be too long, and one that people know could be opened.
        seed = f"{key}\0{content.bytes}\0{content.sha256}".encode()
        folder = f"{self._root}/{key}".rpartition("/")[0]
        return f"{folder}/.holdfast-{hashlib.sha256(seed).hexdigest()[:24]}.part"

    def _put(self, source: Path, key: str, content: Content, going: Going) -> Receipt:
        marker.check(self.name, self._root, self._config.marker)
        if (found := self._already(key, content, going)) is not None:
            return found
        part = Path(self._part(key, content))
        self._make_folder(part.parent)
        self._write(part, source, content, going)
        return self._rename(part, key, content, going)

    def _rename(self, part: Path, key: str, content: Content, going: Going) -> Receipt:
        found: Receipt | None = None
        try:
            rename_durably(part, self._root / key)
        except FileExistsError:
            self._drop(part)
            found = self._already(key, content, going)
            if found is None:
                raise TargetAway(f"{self.name}: {key} came and went while it was sent") from None
        except StorageError as error:
            # Another worker with the same file was first, or the folder is in trouble.
            found = self._already(key, content, going)
            if found is None:
                cause = error.__cause__
                raise translate(cause, self.name, f"naming {key}") if isinstance(cause, OSError) else error from error
        return found or Receipt(self._address(key), "sha256")

    def _write(self, part: Path, source: Path, content: Content, going: Going, *, sync: bool = True) -> None:
        with target_errors(self.name, f"writing {part.parent}"):
            fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "r+b", buffering=0) as file:
            try:
                self._fill(file, source, content, going)
                going.told_to_stop()  # a sign of life before what may take long
                with target_errors(self.name, f"syncing {part.parent}"):
                    self._give(fd, self._mode)
                    if not sync:
                        return
                    os.fsync(fd)
                    right = self._reads_back(file, content, going)
            except TargetAway:
                raise  # the next attempt goes on from what is there
            except BaseException:
                self._drop(part)
                raise
        if not right:
            self._drop(part)
            raise ContentDiffers(f"{self.name}: what was read back in {part.parent} is not what was written")

    def _fill(self, file: BinaryIO, source: Path, content: Content, going: Going) -> None:
        """Write all of it; what an earlier transfer left, as far as it is right, is not written again."""
        with target_errors(self.name, "writing"):
            known = os.fstat(file.fileno()).st_size
        at, sync_at = 0, (piece := synced_bytes(self._config.quiet_s))
        for block in blocks(source, content, going, target=self.name):
            with target_errors(self.name, "writing"):
                if at + len(block) > known or os.pread(file.fileno(), len(block), at) != block:
                    rest = memoryview(block)
                    while rest:
                        done = os.pwrite(file.fileno(), rest, at + len(block) - len(rest))
                        rest = rest[done:]
            at += len(block)
            if at >= sync_at:
                with target_errors(self.name, "syncing"):
                    os.fdatasync(file.fileno())
                sync_at = at + piece
        if known > at:
            with target_errors(self.name, "cutting"):
                os.ftruncate(file.fileno(), at)

    def _reads_back(self, file: BinaryIO, content: Content, going: Going) -> bool:
        # What the system has in memory says nothing about the disk: it is asked to forget it first.
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.seek(0)
        return sha256_of(file, going, self.name) == content.sha256

    def _give(self, fd: int, mode: int) -> None:
        """Set rights and owner as configured."""
        os.fchmod(fd, mode)
        owner, group = self._ids()
        if owner >= 0 or group >= 0:
            os.fchown(fd, owner, group)

    def _ids(self) -> tuple[int, int]:
        owner, group = self._config.owner, self._config.group
        try:
            return (
                (int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid) if owner else -1,
                (int(group) if group.isdigit() else grp.getgrnam(group).gr_gid) if group else -1,
            )
        except KeyError as error:
            raise TargetRefused(f"{self.name}: {error.args[0]}", hint="correct owner or group in its table") from error

    def _make_folder(self, folder: Path) -> None:
        if folder == self._root or folder.is_dir():
            return
        self._make_folder(folder.parent)
        with target_errors(self.name, f"making folder {folder}"):
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    self._give(fd, self._folder_mode)
                finally:
                    os.close(fd)
            if not folder.is_dir():
                raise NameTaken(f"{self.name}: {folder} is a file, and a folder is needed there")
        self._sync(folder.parent)

    def _sync(self, folder: Path, sync: Callable[[Path], None] = fsync_folder) -> None:
        try:
            sync(folder)
        except StorageError as error:
            cause = error.__cause__
            raise translate(cause, self.name, f"syncing {folder}") if isinstance(cause, OSError) else error from error

    def _already(self, key: str, content: Content, going: Going) -> Receipt | None:
        try:
            found = self._look(key, content, going)
        except ContentDiffers as error:
            raise NameTaken(f"{self.name}: something else lies under {key}") from error
        return found and Receipt(found.address, found.verified, already=True)

    def _look(self, key: str, content: Content, going: Going) -> Receipt | None:
        marker.check(self.name, self._root, self._config.marker)
        return self._read(key, content, going)

    def _read(self, key: str, content: Content, going: Going) -> Receipt | None:
        if (fd := self._opened_there(key, content)) is None:
            return None
        try:
            with target_errors(self.name, f"reading {key}"):
                right = small_files.sha256_again(fd, content, going, self.name) == content.sha256
        finally:
            os.close(fd)
        if not right:
            raise self._differs(key)
        return Receipt(self._address(key), "sha256")

    def _opened_there(self, key: str, content: Content) -> int | None:
        """Open what lies under a key, to be read from the disk; None where nothing does."""
        path = f"{self._root}/{key}"
        try:
            fd = small_files.open_again(path)
        except OSError as error:
            if os.path.islink(path):  # noqa: PTH114 - as everywhere here, no path is made of a name
                raise self._differs(key) from error
            raise translate(error, self.name, f"reading {key}") from error
        if fd is None:
            return None
        facts = os.fstat(fd)
        if stat.S_ISREG(facts.st_mode) and facts.st_size == content.bytes:
            return fd
        os.close(fd)
        raise self._differs(key)

    def _differs(self, key: str) -> ContentDiffers:
        return ContentDiffers(f"{self.name}: {key} does not hold what was sent there")

    def _remove(self, key: str) -> None:
        marker.check(self.name, self._root, self._config.marker)
        path = self._root / key
        with target_errors(self.name, f"removing {key}"):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                return
        self._sync(path.parent)

    def _drop(self, part: Path | str) -> None:
        small_files.drop(str(part))

    def _address(self, key: str) -> str:
        return public_address(self._config.address, self.name, key) or f"{self._root}/{key}"

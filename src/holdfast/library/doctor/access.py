"""Who may do what with a folder: found out by trying, said so that it can be mended. Never changes a thing."""

import errno
import grp
import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of writing into a folder. `error` is an errno, or 0 where it went well."""

    error: int
    evidence: str

    @property
    def read_only(self) -> bool:
        """The file system is mounted read-only."""
        return self.error == errno.EROFS

    @property
    def full(self) -> bool:
        """There was no room."""
        return self.error in {errno.ENOSPC, errno.EDQUOT}


def user_name() -> str:
    """Return the effective user's name, or its number where it has none (containers)."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def group_name() -> str:
    """Return the effective group's name, or its number."""
    try:
        return grp.getgrgid(os.getegid()).gr_name
    except KeyError:
        return str(os.getegid())


def owner() -> str:
    """Return `user:group` as `chown` takes it."""
    return f"{user_name()}:{group_name()}"


def described(path: Path) -> str:
    """Return mode and owner of a path as `ls -l` shows them, or why they cannot be seen."""
    try:
        seen = path.stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    try:
        user = pwd.getpwuid(seen.st_uid).pw_name
    except KeyError:
        user = str(seen.st_uid)
    try:
        group = grp.getgrgid(seen.st_gid).gr_name
    except KeyError:
        group = str(seen.st_gid)
    return f"{path} is {stat.filemode(seen.st_mode)} {user}:{group}"


def try_writing(folder: Path) -> Trial:
    """Make a file in a folder and remove it again: rights, read-only mounts and quotas tell no other way."""
    try:
        # The file is gone when it is closed, and has no name that anybody could mistake for footage.
        with tempfile.NamedTemporaryFile(prefix=".doctor-", dir=folder) as probe:
            probe.write(b"?")
            probe.flush()
    except OSError as error:
        return Trial(error.errno or errno.EIO, f"writing as {user_name()}: {error.strerror}; {described(folder)}")
    return Trial(0, "")


def nearest(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists: what would be asked for the right to make it."""
    for candidate in (folder, *folder.parents):
        if candidate.exists():
            return candidate
    return Path("/")


def open_to_others(path: Path) -> str:
    """Say how users outside owner and group may look into a path; empty where they may not, or where it is absent."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""
    return described(path) if mode & stat.S_IRWXO else ""

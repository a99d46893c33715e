"""Small files of a folder, written and read back."""

import hashlib
import os
from pathlib import Path

import pytest

from holdfast.core.errors import TargetAway, TargetRefused
from holdfast.storage.targets import small_files
from holdfast.storage.targets.contract import Content, Going


def _keep(_fd: int) -> None:
    """Leave rights as they are."""


def test_what_lay_there_is_replaced_whole(tmp_path: Path) -> None:
    """Of a longer file that an earlier attempt left nothing stays, and what is read back has the new one's hash."""
    part = tmp_path / "part"
    part.write_bytes(b"something longer than that")
    small_files.write(str(part), b"new", "t", _keep)
    assert part.read_bytes() == b"new"
    fd = small_files.open_again(str(part))
    assert fd is not None
    try:
        sha256 = hashlib.sha256(b"new").hexdigest()
        assert small_files.sha256_again(fd, Content(3, sha256), Going(), "t") == sha256
    finally:
        os.close(fd)


def test_one_that_grew_has_another_hash(tmp_path: Path) -> None:
    """A file that is longer than it must be is not taken for the right one."""
    part = tmp_path / "part"
    part.write_bytes(b"new and more")
    fd = small_files.open_again(str(part))
    assert fd is not None
    try:
        sha256 = hashlib.sha256(b"new").hexdigest()
        assert small_files.sha256_again(fd, Content(3, sha256), Going(), "t") != sha256
    finally:
        os.close(fd)


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    """Where rights cannot be given no file stays, and the error is the target's; a link is not followed."""
    part, outside = tmp_path / "part", tmp_path / "outside"

    def refuse(_fd: int) -> None:
        raise PermissionError(1, "no")

    with pytest.raises(TargetRefused):
        small_files.write(str(part), b"new", "t", refuse)
    assert not part.exists()
    part.symlink_to(outside)
    with pytest.raises(TargetAway):
        small_files.write(str(part), b"new", "t", _keep)
    assert not outside.exists()


def test_one_that_is_gone_is_none(tmp_path: Path) -> None:
    """What another worker was first with is no error, and removing it again is none."""
    assert small_files.open_again(str(tmp_path / "part")) is None
    small_files.drop(str(tmp_path / "part"))

"""A file system that answers nobody, as a mount of a file server that went away. Needs root and FUSE."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_DETACH = 2  # MNT_DETACH


@contextmanager
def dead_disk(folder: Path) -> Iterator[Path]:
    """Mount one on `folder`: whoever touches it waits until it is taken away again, and gets an error then."""
    folder.mkdir(exist_ok=True)
    try:
        fd = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"no FUSE here: {error}")
    libc, place = ctypes.CDLL(None, use_errno=True), os.fsencode(folder)
    try:
        # Nobody ever reads a request from the descriptor, not even the first one.
        options = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"dead", place, b"fuse", 0, options) != 0:
            pytest.skip(f"FUSE cannot be mounted here: {os.strerror(ctypes.get_errno())}")
        try:
            yield folder
        finally:
            libc.umount2(place, _DETACH)
    finally:
        os.close(fd)

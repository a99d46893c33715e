import errno
from pathlib import Path

import pytest

from holdfast.core.errors import DiskError, DiskFull, StorageError
from holdfast.core.gap import GapReason
from holdfast.storage.errors import storage_errors, translate

PATH = Path("footage/gate")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_is_disk_full(number: int) -> None:
    """A full disk and an exhausted quota are one thing to a person, and name the gap `disk-full`."""
    error = translate(OSError(number, "no room"), "writing", PATH)
    assert type(error) is DiskFull
    assert error.reason is GapReason.DISK_FULL


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.ENXIO, errno.ESTALE, errno.EACCES, 9999])
def test_other_faults_are_disk_errors(number: int) -> None:
    """Every other fault says what was being done, to what, and the system's own words."""
    error = translate(OSError(number, "the system's words"), "writing", PATH)
    assert type(error) is DiskError
    assert str(error) == "writing footage/gate: the system's words"
    assert error.hint


def test_no_os_error_leaves_the_block() -> None:
    """What the system raised stays visible as the cause, for the log."""
    with pytest.raises(StorageError) as caught, storage_errors("syncing", PATH):
        raise OSError(errno.EIO, "Input/output error")
    assert isinstance(caught.value.__cause__, OSError)

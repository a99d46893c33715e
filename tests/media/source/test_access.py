import grp
import os
from pathlib import Path

import pytest

from holdfast.media.source.access import no_permission
from support.patients import ordinary_user


@pytest.mark.needs("root")
def test_the_missing_group_is_named(tmp_path: Path) -> None:
    """A user who is not in a device's group hears which group that is, and the command that helps (C150)."""
    theirs, device = tmp_path / "theirs", tmp_path / "video0"
    theirs.mkdir()
    device.touch()
    os.chown(device, 0, grp.getgrnam("video").gr_gid)
    device.chmod(0o660)
    with ordinary_user(theirs):
        words, hint = no_permission(str(device))
    assert "group video, which" in words
    assert "usermod -aG video" in hint


def test_a_group_that_may_not_either_is_told(tmp_path: Path) -> None:
    """Where the group is not what is missing, the mode is named."""
    device = tmp_path / "video0"
    device.touch(0o600)
    words, hint = no_permission(str(device))
    assert "mode 600" in words
    assert "chmod g+rw" in hint


def test_what_has_no_file_is_told_in_general() -> None:
    """An ALSA name is no file; the group of sound devices is named."""
    words, hint = no_permission("hw:1")
    assert "may not open hw:1" in words
    assert "usermod -aG audio" in hint

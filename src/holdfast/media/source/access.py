"""Why a device of this machine may not be opened, and what would let it: groups, in words. Any thread."""

import grp
import os
import pwd
import stat
from pathlib import Path


def no_permission(device: str) -> tuple[str, str]:
    """Return what is wrong with the rights to a device, and what to do.

    Args:
        device: Path of a device; something else, such as an ALSA name, is told in general.
    """
    user = _user()
    try:
        facts = Path(device).stat()
    except OSError:
        return f"{user} may not open {device}", f"sudo usermod -aG audio {user}, then start Holdfast again"
    group = _group(facts.st_gid)
    if facts.st_gid in {*os.getgroups(), os.getegid()} or not facts.st_mode & stat.S_IRGRP:
        mode = stat.S_IMODE(facts.st_mode)
        return (
            f"{user} may not open {device} (mode {mode:o}, group {group})",
            f"give the device's group the right to read and write: sudo chmod g+rw {device}, or a udev rule",
        )
    return (
        f"{user} may not open {device}: it belongs to the group {group}, which {user} is not in",
        f"sudo usermod -aG {group} {user}, then start Holdfast again",
    )


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)

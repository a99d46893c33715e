"""The marker in a folder that is a target: without it, it is the empty folder that a disk should be mounted on.

Any thread. Not here: markers of volumes, which hold footage (storage.volume).
"""

import json
import secrets
from pathlib import Path

from holdfast.core.errors import Conflict, TargetAway
from holdfast.storage.files import FOLDER_MODE, replace_atomically
from holdfast.storage.targets.errors import target_errors

MARKER = ".holdfast-target"
VERSION = 1
_MODE = 0o644  # whoever looks at the disk may know what it is
_LONGEST = 4096  # chosen: what is longer was not written by us


def adopt(name: str, root: Path, created_us: int, marker: str = "") -> str:
    """Put a marker into a folder, which is made where only it is missing; return its id.

    Args:
        name: Of the target.
        root: Its folder.
        created_us: Now.
        marker: Its id; empty invents one.

    Raises:
        Conflict: It has one already, with another id.
        TargetError: It cannot be written.
    """
    with target_errors(name, f"making {root}"):
        root.mkdir(mode=FOLDER_MODE, exist_ok=True)
        if (root / MARKER).exists():
            found = read(name, root)
            if marker and found != marker:
                raise Conflict(
                    f"{root} is target {found}, not {marker}", hint=f"remove {root / MARKER} to take it anyway"
                )
            return found
    marker = marker or secrets.token_hex(8)
    body = {"v": VERSION, "id": marker, "created_us": created_us}
    replace_atomically(root / MARKER, (json.dumps(body) + "\n").encode(), durable=True, mode=_MODE)
    return marker


def read(name: str, root: Path) -> str:
    """Return the id that a folder's marker holds.

    Raises:
        TargetAway: There is none, or it is damaged.
        TargetError: It cannot be read.
    """
    path = root / MARKER
    hint = f"mount what belongs there; if this is the right folder: holdfast targets adopt {name}"
    with target_errors(name, f"reading {path}"):
        try:
            with path.open("rb") as file:
                raw = file.read(_LONGEST)
        except (FileNotFoundError, NotADirectoryError) as error:
            what = f"holds no {MARKER}: most likely nothing is mounted there" if root.is_dir() else "is not there"
            raise TargetAway(f"{name}: {root} {what}", hint=hint) from error
    try:
        return str(json.loads(raw)["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise TargetAway(
            f"{name}: {path} is damaged", hint=f"remove it, then: holdfast targets adopt {name}"
        ) from error


def check(name: str, root: Path, wanted: str) -> None:
    """Make sure that a folder is the target that is meant.

    Raises:
        TargetAway: It is not.
        TargetError: That cannot be said.
    """
    found = read(name, root)
    if wanted and found != wanted:
        hint = "mount the right disk, or correct `marker` in its table"
        raise TargetAway(f"{name}: {root} is target {found}, expected {wanted}", hint=hint)

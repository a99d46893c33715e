"""Rows of cameras that were added or changed while running, and the files that their passwords lie in.

A row holds keys of a camera table (`[cameras.ID]`), and only those that differ from the file; a password stands in a
file of mode 0600 that the row points at. Each new password gets a new file, so that a change that is not committed
changes nothing, and whoever still knows the row of before finds what it points at.

Not here: the verbs (cameras, camera_change).
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from holdfast.catalog import cameras, nodes
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import PAGE_MAX, CameraRow
from holdfast.core import config as configuration
from holdfast.core.config import CameraConfig, Loaded, split_url
from holdfast.core.config.layers import leaves
from holdfast.core.config.problems import dotted
from holdfast.core.config.secret import MASK, is_reference
from holdfast.core.errors import NotFound, UsageError
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import replace_atomically

FILE, RUNTIME, FOUND = "file", "runtime", "found"
SECRETS = "secrets"  # folder in the state folder; rows point into it
ADDRESSES = ("url", "sub_url")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def held(tx: Transaction, node: str, now_us: int) -> int:
    """Return the number of a node, with its cameras held against every other change until the transaction ends."""
    number = nodes.ensure(tx, node, now_us)
    nodes.hold(tx, number)
    return number


def tables(tx: Transaction, node: int) -> list[dict[str, Any]]:
    """Return what was added or changed at run time on a node: tables as in `[cameras.ID]`, with their `id`."""
    return [{**(row.settings or {}), "id": row.camera} for row in of_origin(tx, node, RUNTIME)]


def of_origin(tx: Transaction, node: int, origin: str) -> list[CameraRow]:
    """Return all cameras of a node of one origin that were not taken away."""
    rows: list[CameraRow] = []
    cursor: str | None = None
    while True:
        page = cameras.page(tx, origin=origin, limit=PAGE_MAX, cursor=cursor)
        rows += [row for row in page.rows if row.id.node == node]
        cursor = page.cursor
        if cursor is None:
            return rows


def put(
    tx: Transaction, node: int, camera_id: str, own: dict[str, Any], now_us: int, *,
    whole: CameraConfig | None = None, site: str = "",
) -> None:  # fmt: skip
    """Save a camera's row.

    Args:
        tx: The transaction.
        node: Number of the node.
        camera_id: The camera.
        own: The row's keys.
        now_us: Wall time.
        whole: The camera with everything that the file and its defaults add, where that is known.
        site: The node's site, for a camera that names none.
    """
    cameras.put(
        tx, node,
        cameras.Facts(
            camera=camera_id, origin=RUNTIME, settings=own,
            enabled=bool(own.get("enabled", True)) if whole is None else whole.enabled,
            site=str(own.get("site", "")) if whole is None else whole.site or site,
            location=str(own.get("location", "")) if whole is None else whole.location,
        ),
        now_us,
    )  # fmt: skip


def put_back(tx: Transaction, node: int, loaded: Loaded, camera_id: str, now_us: int) -> None:
    """Let a camera of the file be what the file says, and nothing else."""
    camera = loaded.config.cameras[camera_id]
    facts = cameras.Facts(
        camera=camera_id, origin=FILE, enabled=camera.enabled, site=camera.site or loaded.config.site_id,
        location=camera.location,
    )  # fmt: skip
    cameras.put(tx, node, facts, now_us)


def own_letters(camera_id: str, names: Iterable[str]) -> str:
    """Return a camera's id as it is written where it stands.

    Raises:
        NotFound: There is none of that id.
    """
    known = list(dict.fromkeys(names))
    found = next((name for name in known if name.lower() == camera_id.lower()), None)
    if found is None:
        raise NotFound(f"there is no camera {camera_id}", hint=f"known: {', '.join(known) or 'none'}")
    return found


def must_make_sense(
    loaded: Loaded, others: Sequence[Mapping[str, Any]], camera_id: str, own: Mapping[str, Any]
) -> CameraConfig:
    """Return a camera as it would be, laid over the file beside all others.

    Raises:
        UsageError: It makes no sense; the message names the key, the hint the nearest one that there is.
    """
    for key in ("url", "sub_url", "address", "username", "password"):
        if MASK in str(own.get(key, "")):
            raise UsageError(f"camera {camera_id}: {key}: {MASK} stands for what is hidden", hint="write it whole")
    for path, value in leaves(dict(own)):
        # A line end in an address or a user name would begin another line of what is sent to the camera.
        if isinstance(value, str) and _CONTROL.search(value):
            raise UsageError(f"camera {camera_id}: {dotted(path)}: holds a control character", hint="type it anew")
    tried, problems = configuration.with_cameras(loaded, [*others, {**own, "id": camera_id}])
    mine = f"cameras.{camera_id}"
    for problem in problems:
        if problem.key == mine or problem.key.startswith(f"{mine}."):
            key = problem.key.removeprefix(mine).removeprefix(".")
            text = f"{key}: {problem.message}" if key else problem.message
            hint = problem.hint or "the reference of the configuration says what each key takes"
            raise UsageError(f"camera {camera_id}: {text}", hint=hint)
    return tried.config.cameras[camera_id]


def split_secrets(settings: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Take the password out of a camera's table, also where it stands in an address.

    Returns:
        The table, with the user name of the address; and the password, empty where there is none. One that is a
        reference (`{"file": …}`) or empty on purpose stays in the table.
    """
    own = dict(settings)
    in_address = ""
    for key in ADDRESSES:
        if isinstance(own.get(key), str):
            split = split_url(own[key])
            own[key] = split.url
            if split.username:
                own.setdefault("username", split.username)
            in_address = in_address or split.password
    password = own.get("password") or in_address
    if is_reference(password) or not isinstance(password, str) or not password:
        return own, ""
    own.pop("password", None)
    return own, password


def keep_secret(state_dir: Path, camera_id: str, password: str) -> Path:
    """Write a password into a file of its own, which only its owner may read; returns the file."""
    folder = state_dir / SECRETS
    with storage_errors("making folder", folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A dot is in no camera's id, so no other camera's file is called so.
    names = (folder / f"{camera_id}{f'.{number}' if number else ''}.txt" for number in count())
    path = next(name for name in names if not name.exists())
    replace_atomically(path, f"{password}{os.linesep}".encode(), durable=True, mode=0o600)
    return path


def drop_secrets(state_dir: Path, camera_id: str, *but: Mapping[str, Any]) -> None:
    """Remove a camera's files of passwords, all but those that these tables point at."""
    wanted = {str(table["password"]["file"]) for table in but if _points(table.get("password"))}
    folder = state_dir / SECRETS
    with storage_errors("removing secret", folder):
        for path in [folder / f"{camera_id}.txt", *folder.glob(f"{camera_id}.*.txt")]:
            number = path.name.removeprefix(f"{camera_id}.").removesuffix("txt").rstrip(".")
            if str(path) not in wanted and (number == "" or number.isdigit()):
                path.unlink(missing_ok=True)


def _points(password: object) -> bool:
    return isinstance(password, dict) and "file" in password

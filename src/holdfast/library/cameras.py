"""The roster: cameras of the configuration file, and those added, changed or switched while running.

The second kind are rows of the catalog with the keys of a camera table (`[cameras.ID]`), and only those that differ
from the file. The worker lays them over the file and publishes the result; nobody here talks to a recorder (desired
state, not commands). A password is never in a row: it stands in a file of mode 0600 that the row points at.

Not here: asking a camera what it sends (`camera_check`), resolving settings (core.config).
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.catalog import cameras, nodes
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.rows import PAGE_MAX, CameraRow
from holdfast.core import config as configuration
from holdfast.core.camera import CAMERA_ID
from holdfast.core.clock import Clock
from holdfast.core.config import Loaded, mask_url, split_url
from holdfast.core.errors import NotFound, UsageError
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import replace_atomically

FILE, RUNTIME, FOUND = "file", "runtime", "found"
MEMORY = "runtime-cameras.json"  # in the state folder: the catalog's last answer
SECRETS = "secrets"  # folder in the state folder; rows point into it


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraEntry:
    """A camera as people list it. `url` is without credentials; `origin` says where it comes from."""

    camera: str
    name: str
    url: str
    enabled: bool
    origin: str
    volume: str
    streams: tuple[str, ...]


def runtime_settings(catalog: Catalog, node: str) -> list[dict[str, Any]]:
    """Return what was added or changed at run time on a node: tables as in `[cameras.ID]`, with their `id`.

    Raises:
        CatalogUnavailable: It did not answer; what was known stands.
    """
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        return [] if number is None else [_table(row) for row in _rows(tx, number, RUNTIME)]


def remember(state_dir: Path, found: Sequence[Mapping[str, Any]]) -> None:
    """Keep the answer of `runtime_settings` for whoever starts while the catalog is away.

    Raises:
        StorageError: It cannot be written.
    """
    with storage_errors("making folder", state_dir):
        state_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
    replace_atomically(state_dir / MEMORY, json.dumps(list(found)).encode(), durable=True)


def recall(state_dir: Path) -> list[dict[str, Any]]:
    """Return what was remembered last; empty where there is nothing usable."""
    try:
        body = json.loads((state_dir / MEMORY).read_bytes())
    except (OSError, ValueError):
        return []
    return [camera for camera in body if isinstance(camera, dict) and "id" in camera]


def restore_lost(catalog: Catalog, node: str, remembered: Sequence[Mapping[str, Any]], clock: Clock) -> list[str]:
    """Put cameras back that a catalog has forgotten: it was deleted, or rebuilt from journals.

    A camera that was removed by a person still has its row, so this brings nobody back who was sent away.

    Args:
        catalog: The catalog.
        node: Name of this node.
        remembered: Its last known answer to `runtime_settings`.
        clock: Time.

    Returns:
        The ids that were put back.
    """
    if not remembered:
        return []
    with catalog.read() as tx:
        lost = [camera for camera in remembered if _forgotten(tx, str(camera["id"]))]
    for camera in lost:
        own = {key: value for key, value in camera.items() if key != "id"}
        _put(catalog, node, str(camera["id"]), own, clock)
    return [str(camera["id"]) for camera in lost]


def sync_file_cameras(catalog: Catalog, node: str, loaded: Loaded, clock: Clock) -> None:
    """Make the catalog's rows follow the file: new cameras come, changed ones change, gone ones are marked removed."""
    now_us = clock.wall_us()
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, now_us)
        at_run_time = {row.camera for row in _rows(tx, number, RUNTIME)}
        for camera_id, camera in loaded.config.cameras.items():
            if camera_id not in at_run_time:
                facts = cameras.Facts(
                    camera=camera_id, origin=FILE, enabled=camera.enabled,
                    site=camera.site or loaded.config.site_id, location=camera.location,
                )  # fmt: skip
                cameras.put(tx, number, facts, now_us)
        gone = {row.camera for row in _rows(tx, number, FILE)} - set(loaded.config.cameras)
        for camera_id in sorted(gone):
            cameras.remove(tx, camera_id, now_us)


def merged(loaded: Loaded, runtime: Sequence[Mapping[str, Any]]) -> Loaded:
    """Return all settings; cameras of the catalog that make no sense any more are left out."""
    return configuration.with_cameras(loaded, runtime)[0] if runtime else loaded


def list_cameras(loaded: Loaded, runtime: Sequence[Mapping[str, Any]]) -> list[CameraEntry]:
    """Return every camera, in the order of the file, then of their adding."""
    in_file = set(loaded.config.cameras)
    changed = {str(camera["id"]) for camera in runtime}
    entries = []
    for camera_id, camera in merged(loaded, runtime).config.cameras.items():
        feeds = configuration.feeds(camera_id, camera, loaded.base)
        origin = FILE if camera_id in in_file else RUNTIME
        entries.append(
            CameraEntry(
                camera=camera_id,
                name=camera.name or camera_id,
                url=mask_url(feeds[0].url),
                enabled=camera.enabled,
                origin=f"{origin}, changed at run time" if origin == FILE and camera_id in changed else origin,
                volume=camera.volume or next(iter(loaded.config.volumes), ""),
                streams=tuple(feed.stream for feed in feeds),
            )
        )
    return entries


def add_camera(
    catalog: Catalog, node: str, loaded: Loaded, camera_id: str, settings: Mapping[str, Any], clock: Clock
) -> CameraEntry:
    """Add a camera while everything runs; the worker publishes it within seconds.

    Args:
        catalog: Where it is kept.
        node: Name of the node that will record it.
        loaded: The file's settings, which give the defaults.
        camera_id: Its id.
        settings: Keys of a camera table. Credentials in `url` and a plain `password` are put into a secret file.
        clock: Time.

    Raises:
        UsageError: The id is no id or is taken, or the settings make no sense; nothing was changed.
        CatalogUnavailable: The catalog did not answer.
    """
    if not CAMERA_ID.fullmatch(camera_id):
        raise UsageError(f"{camera_id!r} is not a camera id", hint="use 1 to 50 of A-Z a-z 0-9 _ -; - not first")
    runtime = runtime_settings(catalog, node)
    taken = {name.lower() for name in (*loaded.config.cameras, *(str(camera["id"]) for camera in runtime))}
    if camera_id.lower() in taken:
        raise UsageError(f"there is a camera {camera_id} already", hint="holdfast cameras list shows all")
    own, password = _split_secrets(settings)
    tried = {**own, "id": camera_id, **({"password": password} if password else {})}
    _, problems = configuration.with_cameras(loaded, [*runtime, tried])
    for problem in problems:
        if camera_id in problem.key.split("."):
            raise UsageError(f"camera {camera_id}: {problem.message}", hint=problem.hint)
    if password:
        own["password"] = {"file": str(_keep_secret(loaded.config.state_dir, camera_id, password))}
    _put(catalog, node, camera_id, own, clock)
    return next(e for e in list_cameras(loaded, [*runtime, {**own, "id": camera_id}]) if e.camera == camera_id)


def remove_camera(catalog: Catalog, node: str, loaded: Loaded, camera_id: str, clock: Clock) -> None:
    """Take a camera away that was added at run time. Its footage stays, and what is missing from now on is no gap.

    Raises:
        UsageError: It stands in the configuration file, where it must be taken out.
        NotFound: There is none of that id.
    """
    name = _known(catalog, node, loaded, camera_id)
    if name in loaded.config.cameras:
        place = loaded.origins.get(f"cameras.{name}.url") or str(loaded.path)
        raise UsageError(f"{name} stands in the configuration ({place})", hint="take it out there; or disable it here")
    with catalog.write() as tx:
        cameras.remove(tx, name, clock.wall_us())
    with storage_errors("removing secret", loaded.config.state_dir):
        (loaded.config.state_dir / SECRETS / f"{name}.txt").unlink(missing_ok=True)


def switch_camera(catalog: Catalog, node: str, loaded: Loaded, camera_id: str, clock: Clock, *, enabled: bool) -> None:
    """Switch a camera on or off, wherever it is configured; off leaves a `disabled` gap.

    Raises:
        NotFound: There is none of that id.
    """
    name = _known(catalog, node, loaded, camera_id)
    runtime = {str(camera["id"]): camera for camera in runtime_settings(catalog, node)}
    own = {key: value for key, value in runtime.get(name, {}).items() if key != "id"}
    _put(catalog, node, name, {**own, "enabled": enabled}, clock)


def _known(catalog: Catalog, node: str, loaded: Loaded, camera_id: str) -> str:
    """Return a camera's id in its own letters."""
    names = [*loaded.config.cameras, *(str(camera["id"]) for camera in runtime_settings(catalog, node))]
    found = next((name for name in names if name.lower() == camera_id.lower()), None)
    if found is None:
        raise NotFound(f"there is no camera {camera_id}", hint=f"known: {', '.join(names) or 'none'}")
    return found


def _put(catalog: Catalog, node: str, camera_id: str, settings: dict[str, Any], clock: Clock) -> None:
    now_us = clock.wall_us()
    facts = cameras.Facts(
        camera=camera_id, origin=RUNTIME, settings=settings, enabled=bool(settings.get("enabled", True)),
        site=str(settings.get("site", "")), location=str(settings.get("location", "")),
    )  # fmt: skip
    with catalog.write() as tx:
        cameras.put(tx, nodes.ensure(tx, node, now_us), facts, now_us)


def _forgotten(tx: Transaction, camera_id: str) -> bool:
    row = cameras.get(tx, camera_id)
    return row is None or row.origin == FOUND


def _table(row: CameraRow) -> dict[str, Any]:
    return {**(row.settings or {}), "id": row.camera}


def _split_secrets(settings: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    own = dict(settings)
    password = own.pop("password", "")
    for key in ("url", "sub_url"):
        if isinstance(own.get(key), str):
            split = split_url(own[key])
            own[key] = split.url
            if split.username:
                own.setdefault("username", split.username)
            password = password or split.password
    if isinstance(password, dict):
        # A reference is no secret; it goes into the row as it is.
        return {**own, "password": password}, ""
    return own, str(password)


def _keep_secret(state_dir: Path, camera_id: str, password: str) -> Path:
    folder = state_dir / SECRETS
    with storage_errors("making folder", folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{camera_id}.txt"
    replace_atomically(path, f"{password}{os.linesep}".encode(), durable=True, mode=0o600)
    return path


def _rows(tx: Transaction, node: int, origin: str) -> list[CameraRow]:
    rows: list[CameraRow] = []
    cursor: str | None = None
    while True:
        page = cameras.page(tx, origin=origin, limit=PAGE_MAX, cursor=cursor)
        rows += [row for row in page.rows if row.id.node == node]
        cursor = page.cursor
        if cursor is None:
            return rows

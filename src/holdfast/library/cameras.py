"""The roster: cameras of the configuration file, and those added, changed or switched while running.

The second kind are rows of the catalog with the keys of a camera table (`[cameras.ID]`), and only those that differ
from the file. The worker lays them over the file and publishes the result; nobody here talks to a recorder (desired
state, not commands). A password is never in a row: it stands in a file of mode 0600 that the row points at.

Not here: changing what a camera is (camera_change), asking it what it sends (camera_check), resolving settings
(core.config).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.catalog import cameras, nodes
from holdfast.catalog.db import Catalog, Transaction
from holdfast.core import config as configuration
from holdfast.core.camera import CAMERA_ID
from holdfast.core.clock import Clock
from holdfast.core.config import CameraConfig, Loaded, mask_url
from holdfast.core.errors import UsageError
from holdfast.library import camera_reach, camera_rows, memory
from holdfast.library.camera_change import change_camera, own_table

FILE, RUNTIME, FOUND, SECRETS = camera_rows.FILE, camera_rows.RUNTIME, camera_rows.FOUND, camera_rows.SECRETS
MEMORY = "runtime-cameras.json"  # in the state folder: the catalog's last answer


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
        return [] if number is None else camera_rows.tables(tx, number)


def remember(state_dir: Path, found: Sequence[Mapping[str, Any]]) -> None:
    """Keep the answer of `runtime_settings` for whoever starts while the catalog is away.

    Raises:
        StorageError: It cannot be written.
    """
    memory.remember(state_dir, MEMORY, list(found))


def recall(state_dir: Path) -> list[dict[str, Any]]:
    """Return what was remembered last; empty where there is nothing usable."""
    body = memory.recall(state_dir, MEMORY)
    if not isinstance(body, list):
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
    now_us = clock.wall_us()
    for camera in lost:
        own = {key: value for key, value in camera.items() if key != "id"}
        with catalog.write() as tx:
            camera_rows.put(tx, nodes.ensure(tx, node, now_us), str(camera["id"]), own, now_us)
    return [str(camera["id"]) for camera in lost]


def sync_file_cameras(catalog: Catalog, node: str, loaded: Loaded, clock: Clock) -> None:
    """Make the catalog's rows follow the file: new cameras come, changed ones change, gone ones are marked removed."""
    now_us = clock.wall_us()
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, now_us)
        at_run_time = {row.camera for row in camera_rows.of_origin(tx, number, RUNTIME)}
        for camera_id in loaded.config.cameras:
            if camera_id not in at_run_time:
                camera_rows.put_back(tx, number, loaded, camera_id, now_us)
        gone = {row.camera for row in camera_rows.of_origin(tx, number, FILE)} - set(loaded.config.cameras)
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
    catalog: Catalog,
    node: str,
    loaded: Loaded,
    camera_id: str,
    settings: Mapping[str, Any],
    clock: Clock,
    *,
    remote: bool = False,
) -> CameraEntry:
    """Add a camera while everything runs; the worker publishes it within seconds.

    Args:
        catalog: Where it is kept.
        node: Name of the node that will record it.
        loaded: The file's settings, which give the defaults.
        camera_id: Its id.
        settings: Keys of a camera table. Credentials in `url` and a plain `password` are put into a secret file.
        clock: Time.
        remote: It was asked for over the network: see `camera_reach`.

    Raises:
        UsageError: The id is no id or is taken, or the settings make no sense; nothing was changed.
        CatalogUnavailable: The catalog did not answer.
    """
    if not CAMERA_ID.fullmatch(camera_id):
        raise UsageError(f"{camera_id!r} is not a camera id", hint="use 1 to 50 of A-Z a-z 0-9 _ -; - not first")
    now_us = clock.wall_us()
    with catalog.write() as tx:
        number = camera_rows.held(tx, node, now_us)
        runtime = camera_rows.tables(tx, number)
        taken = {name.lower() for name in (*loaded.config.cameras, *(str(camera["id"]) for camera in runtime))}
        if camera_id.lower() in taken:
            raise UsageError(f"there is a camera {camera_id} already", hint="holdfast cameras list shows all")
        own, password, whole = new_camera(loaded, runtime, camera_id, settings, remote=remote)
        if password:
            own["password"] = {"file": str(camera_rows.keep_secret(loaded.config.state_dir, camera_id, password))}
        camera_rows.put(tx, number, camera_id, own, now_us, whole=whole, site=loaded.config.site_id)
    return next(e for e in list_cameras(loaded, [*runtime, {**own, "id": camera_id}]) if e.camera == camera_id)


def new_camera(
    loaded: Loaded,
    others: Sequence[Mapping[str, Any]],
    camera_id: str,
    settings: Mapping[str, Any],
    *,
    remote: bool = False,
) -> tuple[dict[str, Any], str, CameraConfig]:
    """Work out what a new camera would be, without adding it.

    Returns:
        Its row without the password, the password, and the whole camera.

    Raises:
        UsageError: The settings make no sense.
    """
    said = {key: value for key, value in settings.items() if value is not None}
    if remote:
        camera_reach.check_settings(said)
    own, password = camera_rows.split_secrets(said)
    tried = {**own, "password": password} if password else own
    whole = camera_rows.must_make_sense(loaded, others, camera_id, tried)
    if remote:
        camera_reach.check_sources(loaded, camera_id, whole)
    return own, password, whole


def remove_camera(catalog: Catalog, node: str, loaded: Loaded, camera_id: str, clock: Clock) -> None:
    """Take a camera away that was added at run time. Its footage stays, and what is missing from now on is no gap.

    Raises:
        UsageError: It stands in the configuration file, where it must be taken out.
        NotFound: There is none of that id.
    """
    now_us = clock.wall_us()
    with catalog.write() as tx:
        number = camera_rows.held(tx, node, now_us)
        runtime = camera_rows.tables(tx, number)
        name = camera_rows.own_letters(camera_id, [*loaded.config.cameras, *(str(row["id"]) for row in runtime)])
        if name in loaded.config.cameras:
            place = loaded.origins.get(f"cameras.{name}.url") or str(loaded.path)
            hint = "take it out there; or disable it here"
            raise UsageError(f"{name} stands in the configuration ({place})", hint=hint)
        cameras.remove(tx, name, now_us)
    # Only once it is gone for good; who added one of that id again meanwhile keeps theirs.
    with catalog.write() as tx:
        again = own_table(camera_rows.tables(tx, camera_rows.held(tx, node, now_us)), name)
        camera_rows.drop_secrets(loaded.config.state_dir, name, again)


def switch_camera(catalog: Catalog, node: str, loaded: Loaded, camera_id: str, clock: Clock, *, enabled: bool) -> None:
    """Switch a camera on or off, wherever it is configured; off leaves a `disabled` gap.

    Raises:
        NotFound: There is none of that id.
    """
    change_camera(catalog, node, loaded, camera_id, {"enabled": enabled}, clock)


def _forgotten(tx: Transaction, camera_id: str) -> bool:
    row = cameras.get(tx, camera_id)
    return row is None or row.origin == FOUND

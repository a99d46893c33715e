"""Volumes as this node knows them: which disk is which, remembered beside the plan.

A volume that this node has never seen gets its marker by itself. One that it has seen, and whose marker is gone, is
most likely a disk that is not mounted: it is not filled until it is back, or until a person adopts what is there.

The worker and `holdfast volumes` call this; recorders only compare markers (storage.volume). May block on the disk.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from holdfast.core.clock import Clock
from holdfast.core.config import Config, VolumeConfig
from holdfast.core.errors import BadInput, DiskError, HoldfastError, NotFound, StorageError, VolumeMissing
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import FILE_MODE, FOLDER_MODE, replace_atomically
from holdfast.storage.volume import MARKER, UNMADE, Volume, create_marker, read_marker

MEMORY = "volumes.json"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeState:
    """What a volume looks like right now.

    Attributes:
        name: Its name in the configuration.
        root: Its folder.
        volume_id: The id that it must carry; empty where it has none yet.
        problem: Why footage cannot go there, or None.
        free_bytes: What may still be written; None where the disk does not answer.
        total_bytes: Size of the disk, without what only root may write; None likewise.
        reserve_bytes: What must stay free.
    """

    name: str
    root: Path
    volume_id: str
    problem: HoldfastError | None
    free_bytes: int | None
    total_bytes: int | None
    reserve_bytes: int


def remembered_ids(state_dir: Path) -> dict[str, str]:
    """Return the ids of volumes that this node has seen, by name and path: `main|/srv/footage`.

    Raises:
        BadInput: The memory is damaged.
    """
    path = state_dir / MEMORY
    try:
        body = json.loads(path.read_bytes())
        return {str(key): str(value) for key, value in body["volumes"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        hint = f"remove {path} while all disks are mounted: it is written anew from their markers"
        raise BadInput(f"{path} is damaged: {error}", hint=hint) from error


def prepare(config: Config, clock: Clock) -> tuple[dict[str, str], dict[str, HoldfastError]]:
    """Make every volume that is new ready, and find out which ones are missing.

    Args:
        config: The configuration.
        clock: Tells when a marker was made.

    Returns:
        The id of each volume by name (`build_plan` takes it), also of those that are missing, so that recorders
        refuse to fill what is there instead; and by name what is wrong. A volume that could not even be made has an
        id that no disk carries.

    Raises:
        BadInput: What was remembered is damaged.
        StorageError: It cannot be written: then nothing new may be trusted.
    """
    known = remembered_ids(config.state_dir)
    found, ids, problems = dict(known), {}, {}
    for name, volume in config.volumes.items():
        key = _key(name, volume)
        try:
            ids[name] = found[key] = _prepare(name, volume, known.get(key, ""), clock)
        except HoldfastError as error:
            # Recorders must refuse this folder, and an empty id would mean "any folder": so expect one nobody has.
            ids[name] = known.get(key) or f"{UNMADE}{name}"
            problems[name] = error
    if found != known:
        _remember(config.state_dir, found)
    return ids, problems


def _prepare(name: str, volume: VolumeConfig, known_id: str, clock: Clock) -> str:
    marker = read_marker(volume.path)
    if not known_id:
        return (marker or create_marker(volume.path, clock.wall_us())).volume_id
    if marker is None:
        message = f"volume {name}: {volume.path} holds no {MARKER}, although it did before: is the disk mounted?"
        raise VolumeMissing(message, hint=f"mount it; for a new disk: holdfast volumes adopt {name}")
    if marker.volume_id != known_id:
        message = f"volume {name}: another disk ({marker.volume_id}) is at {volume.path}, expected {known_id}"
        raise VolumeMissing(message, hint=f"mount the right disk, or take this one: holdfast volumes adopt {name}")
    return known_id


def adopt(config: Config, name: str, clock: Clock) -> str:
    """Take what is mounted at a volume's path as that volume from now on: a new or replaced disk.

    A disk that carries a marker keeps it, so that its footage stays findable.

    Returns:
        Its id.

    Raises:
        NotFound: No volume of that name is configured.
        StorageError: The marker cannot be written.
    """
    volume = config.volumes.get(name)
    if volume is None:
        raise NotFound(
            f"there is no volume {name!r}", hint=f"configured: {', '.join(sorted(config.volumes)) or 'none'}"
        )
    try:
        marker = read_marker(volume.path)
    except BadInput:
        damaged = volume.path / MARKER
        with storage_errors("setting aside", damaged):
            damaged.replace(damaged.with_name(f"{MARKER}.damaged-{clock.wall_us()}"))
        marker = None
    marker = marker or create_marker(volume.path, clock.wall_us())
    _remember(config.state_dir, {**remembered_ids(config.state_dir), _key(name, volume): marker.volume_id})
    return marker.volume_id


def disk_of(config: Config, name: str) -> Volume:
    """Return a configured volume as the disk that this node knows it to be; its `check` says whether it is there.

    Raises:
        BadInput: What was remembered is damaged.
    """
    volume = config.volumes[name]
    known = remembered_ids(config.state_dir)
    return Volume(volume.path, known.get(_key(name, volume), ""), volume.reserve)


def survey(config: Config) -> list[VolumeState]:
    """Look at every volume; changes nothing, and a disk that does not answer is a problem of its own alone.

    Raises:
        BadInput: What was remembered is damaged.
    """
    known = remembered_ids(config.state_dir)
    return [_look(name, volume, known) for name, volume in config.volumes.items()]


def _look(name: str, volume: VolumeConfig, known: Mapping[str, str]) -> VolumeState:
    state = VolumeState(
        name=name, root=volume.path, volume_id=known.get(_key(name, volume), ""), problem=None,
        free_bytes=None, total_bytes=None, reserve_bytes=volume.reserve,
    )  # fmt: skip
    try:
        if state.volume_id:
            Volume(volume.path, state.volume_id, volume.reserve).check()
        elif not volume.path.exists():
            hint = "holdfast run makes it by itself"
            return replace(state, problem=VolumeMissing(f"{volume.path} is not there yet", hint=hint))
        else:
            marker = read_marker(volume.path)
            if marker is None and not os.access(volume.path, os.W_OK | os.X_OK, effective_ids=True):
                return replace(state, problem=_unwritable(volume.path))
            state = replace(state, volume_id=marker.volume_id if marker else "")
    except (StorageError, BadInput) as error:
        return replace(state, problem=error)
    try:
        free_bytes = Volume(volume.path).free_bytes()
        total_bytes = _total_bytes(volume.path)
    except StorageError as error:
        return replace(state, problem=error)
    return replace(state, free_bytes=free_bytes, total_bytes=total_bytes)


def _unwritable(root: Path) -> DiskError:
    read_only = os.statvfs(root).f_flag & os.ST_RDONLY
    if read_only:
        return DiskError(f"{root} is on a file system that is mounted read-only")
    return DiskError(f"{root} may not be written by this user", hint=f"give it the right: chown or chmod {root}")


def _total_bytes(root: Path) -> int:
    with storage_errors("asking for the size of", root):
        usage = shutil.disk_usage(root)
    # What only root may write is no room for anybody, here as in the levels of disks.
    return usage.used + usage.free


def _key(name: str, volume: VolumeConfig) -> str:
    # The path belongs to it: pointing the name at another folder is a person's decision, not a missing disk.
    return f"{name}|{volume.path}"


def _remember(state_dir: Path, ids: Mapping[str, str]) -> None:
    with storage_errors("making folder", state_dir):
        state_dir.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    data = json.dumps({"v": VERSION, "volumes": dict(ids)}, indent=1).encode()
    replace_atomically(state_dir / MEMORY, data, durable=True, mode=FILE_MODE)

"""What whoever makes an export asks of a node: which streams are meant, what is known of a camera, how much room stays.

Shared by the command, the API and the worker.

Reads only; any thread. Not here: the export (export_plan, export_write), rows (catalog.exports).
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from holdfast.core.camera import STREAMS, StreamKey
from holdfast.core.config import Config
from holdfast.core.errors import NotFound, UsageError
from holdfast.library.export_write import FREE_BYTES
from holdfast.library.timeline import streams_on
from holdfast.storage.errors import storage_errors

ALL = "all"
_FACTS = ("name", "location", "side")


def streams_named(
    volumes: Mapping[str, Path], names: Iterable[str], streams: str = STREAMS[0]
) -> tuple[StreamKey, ...]:
    """Return the streams that somebody names: `gate/sub` as it is, `gate` with its main, sub or all streams.

    Args:
        volumes: Roots by name.
        names: As they were typed; the case of letters does not matter.
        streams: `main`, `sub` or `all`.

    Raises:
        UsageError: That is no choice of streams.
        NotFound: A camera has no footage on these volumes.
    """
    if streams not in {*STREAMS, ALL}:
        raise UsageError(f"{streams!r} is no stream", hint="main, sub or all")
    known = {(key.camera.lower(), key.stream): key for key in streams_on(volumes)}
    found: dict[StreamKey, None] = {}
    for name in names:
        camera, _, stream = name.partition("/")
        wanted = [stream] if stream else list(STREAMS) if streams == ALL else [streams]
        keys = [known[camera.lower(), one] for one in wanted if (camera.lower(), one) in known]
        if not keys:
            raise NotFound(f"there is no footage of {name[:80]}", hint="holdfast cameras list shows all cameras")
        found.update(dict.fromkeys(keys))
    return tuple(found)


def facts_of(config: Config, camera: str) -> dict[str, Any]:
    """Return what people know of a camera; empty for one that is not configured any more."""
    settings = config.cameras.get(camera)
    if settings is None:
        return {}
    facts = {name: str(getattr(settings, name)) for name in _FACTS if getattr(settings, name)}
    site = settings.site or config.site_id
    return {**facts, "site": site} if site else facts


def site_of(config: Config) -> dict[str, str]:
    """Return the place, as a manifest tells it."""
    return {"name": config.site.name, "id": config.site_id, "time_zone": config.site.time_zone}


def reserve_at(config: Config, folder: Path) -> int:
    """Return how many bytes must stay free where a folder lies: a volume's reserve, so that recording goes on.

    No more than that: what is free beyond it is what retention leaves on a full disk, the normal state of a recorder.

    Raises:
        StorageError: The folder is not there.
    """
    with storage_errors("looking at", folder):
        device = os.stat(folder).st_dev  # noqa: PTH116 - the same call as below, on what may be a link
    there = [volume for volume in config.volumes.values() if volume.path.is_dir()]
    return max([FREE_BYTES, *(one.reserve for one in there if one.path.stat().st_dev == device)])

"""What a camera may name when it is added, changed or tried over the network (C140).

Whoever asks over HTTP is not on this machine, whatever right they have. So a camera that they name may lead to an
address of the network and nowhere else: not to a file, a folder, a screen or a device of this machine, whose picture
they would be shown, and not to a secret by reference, which would be sent to a camera of theirs as its password. Two
kinds of files are no secret from whoever may administer: those in a volume, which holds footage, and those that the
configuration file itself has as cameras. A model, and the file with its labels, which are told to whoever asks, must be
named by the configuration file already. On this machine (`holdfast cameras`, the configuration file) everything may be
named that the recorder can read.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.core import config as configuration
from holdfast.core.camera import STREAMS
from holdfast.core.config import CameraConfig, Feed, Loaded
from holdfast.core.config.feeds import ON_THE_NETWORK
from holdfast.core.config.layers import leaves
from holdfast.core.config.problems import dotted
from holdfast.core.config.secret import is_reference
from holdfast.core.errors import UsageError

OBJECT_FILES = ("model", "labels_file")  # of `objects`
NOT_FROM_ELSEWHERE = "a file of this machine cannot be named from elsewhere"


def check_settings(settings: Mapping[str, Any]) -> None:
    """Look at what somebody wrote.

    Raises:
        UsageError: It refers to a file or variable of this machine instead of holding a value.
    """
    for key, value in leaves(dict(settings)):
        if is_reference(value) and isinstance(next(iter(value.values())), str) and key[:1] != ("options",):
            raise UsageError(
                f"{dotted(key)}: a reference to a file or variable can only stand in the configuration file",
                hint="write the value itself; it is kept where nobody is shown it again",
            )


def check_sources(loaded: Loaded, camera_id: str, camera: CameraConfig, before: CameraConfig | None = None) -> None:
    """Look at where a camera would be recorded from.

    Args:
        loaded: The file's settings.
        camera_id: Its id.
        camera: It, whole.
        before: What it is until now; what it is recorded from already it may keep.

    Raises:
        UsageError: From a file that is not for whoever asks over the network, or it names a model or labels that the
            file does not name.
    """
    for key in OBJECT_FILES:
        value = getattr(camera.objects, key)
        if value and value not in {*object_files(loaded, key), getattr(before.objects, key) if before else ""}:
            raise UsageError(f"camera {camera_id}: objects.{key}: {NOT_FROM_ELSEWHERE}", hint=where_to_name(loaded))
    known = {feed.url for name, one in loaded.config.cameras.items() for feed in _own(loaded, name, one)}
    if before is not None:
        known |= {feed.url for feed in _own(loaded, camera_id, before)}
    for feed in _own(loaded, camera_id, camera):
        if feed.url in known:
            continue
        if feed.source != "file":
            what = "a folder" if feed.source == "folder" else "a screen or a device"
            raise UsageError(
                f"camera {camera_id}: {what} of this machine cannot be named from elsewhere",
                hint=f"name it in {loaded.path.name}, or with holdfast cameras add on this machine",
            )
        if not _in_volume(loaded, Path(feed.url)):
            raise UsageError(
                f"camera {camera_id}: a file of this machine cannot be named from elsewhere",
                hint=f"use rtsp:// or rtsps://, put the file into a volume, or name it in {loaded.path.name}",
            )
        if not Path(feed.url).is_file():
            # A mistyped address reads as the name of a file: recording would stop for want of it.
            raise UsageError(
                f"camera {camera_id}: {'url' if feed.stream == STREAMS[0] else 'sub_url'}: is no address of a camera",
                hint="begin it with rtsp:// or rtsps://",
            )


def object_files(loaded: Loaded, key: str) -> set[str]:
    """Return what settings name already as a file of `objects`, which is what may be named from elsewhere.

    Args:
        loaded: The file's settings.
        key: `model` or `labels_file`.
    """
    return {getattr(one.objects, key) for one in (loaded.defaults, *loaded.config.cameras.values())} - {""}


def where_to_name(loaded: Loaded) -> str:
    """Say where a file of this machine may be named."""
    return f"name it in {loaded.path.name}: what stands there can be chosen here, too"


def _own(loaded: Loaded, camera_id: str, camera: CameraConfig) -> list[Feed]:
    """Return the feeds that lead to something of this machine."""
    found = configuration.feeds(camera_id, camera, loaded.base)
    return [feed for feed in found if feed.source not in ON_THE_NETWORK]


def _in_volume(loaded: Loaded, path: Path) -> bool:
    # Where it really is, past links and `..`; a volume that holds the state folder does not open it.
    real = path.resolve()
    closed = (loaded.config.state_dir, loaded.config.runtime_dir, loaded.path)
    if any(real.is_relative_to(place.resolve()) for place in closed):
        return False
    return any(real.is_relative_to(volume.path.resolve()) for volume in loaded.config.volumes.values())

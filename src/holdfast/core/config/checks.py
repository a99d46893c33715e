"""What only makes sense together: colliding ids, unknown volumes, sub streams alone; warnings.

Each finding goes to the layers, which know where things stand. Reads file modes, nothing else.
"""

import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from holdfast.core.camera import CAMERA_ID
from holdfast.core.config.feeds import FeedError, feeds
from holdfast.core.config.handovers import MarkerConfig
from holdfast.core.config.layers import Layers, leaves
from holdfast.core.config.model import CameraConfig, Config
from holdfast.core.config.positions import Key
from holdfast.core.config.problems import Problem, did_you_mean, dotted
from holdfast.core.config.secret import is_reference, secret_path, split_url
from holdfast.core.config.windows import WindowConfig
from holdfast.core.delivery import AssetKind

_SEALED_HINT = "leave form and quality out, name other cameras in the rule, or take stills.encrypt from the camera"

_LONGEST_HANDOVER = 40  # chosen: the rows that say how far it has looked have 50 letters, `handover:` before it
_OTHERS_MAY = 0o077  # chosen: anything for group or others is more than 600


def check_ids(layers: Layers, ids: Sequence[str]) -> None:
    """Camera ids must be safe as names of folders, and differ by more than case."""
    seen: dict[str, str] = {}
    for camera_id in ids:
        key = ("cameras", camera_id)
        if not CAMERA_ID.fullmatch(camera_id):
            layers.report(key, f"{camera_id!r} is not a camera id", "use 1 to 50 of A-Z a-z 0-9 _ -; - not first")
        first = seen.setdefault(camera_id.casefold(), camera_id)
        if first != camera_id:
            layers.report(key, f"is the same as {first}, but for case", "ids are told apart ignoring case; rename one")


def check_camera(layers: Layers, camera_id: str, camera: CameraConfig, volumes: Sequence[str], base: Path) -> None:
    """Check what holds between the settings of one camera, and between it and the rest."""
    try:
        feeds(camera_id, camera, base)
    except FeedError as error:
        _report(layers, camera_id, (error.key,), str(error), error.hint)
    if not volumes:
        _report(layers, camera_id, ("volume",), "there is no volume to record to", "add [volumes.main] with a path")
    elif camera.volume and camera.volume not in volumes:
        hint = did_you_mean(camera.volume, volumes)
        _report(layers, camera_id, ("volume",), f"there is no volume {camera.volume!r}", hint)
    elif not camera.volume and len(volumes) > 1:
        _report(layers, camera_id, ("volume",), "is missing", f"there are several: {', '.join(sorted(volumes))}")
    if camera.backoff_first_s > camera.backoff_cap_s:
        _report(layers, camera_id, ("backoff_first_s",), "is longer than backoff_cap_s", "the cap is the longest wait")
    _check_windows(layers, camera_id, ("capture", "windows"), camera.capture.windows)
    _check_windows(layers, camera_id, ("stills", "windows"), camera.stills.windows)
    if camera.capture.override_until and not camera.capture.override:
        _report(layers, camera_id, ("capture", "override_until"), "there is no override that could end", "set override")


def check_targets(layers: Layers, config: Config | None) -> None:
    """Names of targets stand in commands, lanes and rows; hours must have a length."""
    for name, target in config.targets.items() if config else ():
        if not CAMERA_ID.fullmatch(name):
            hint = "use 1 to 50 of A-Z a-z 0-9 _ -; - not first"
            layers.report(("targets", name), f"{name!r} is no name for a target", hint)
        for number, window in enumerate(target.hours):
            if window.start == window.end:
                at = ("targets", name, "hours", number)
                layers.report(at, f"starts and ends at {window.start}", 'a whole day is "00:00" to "24:00"')


def check_deliveries(layers: Layers, config: Config | None) -> None:
    """A rule must name a target that there is; a camera that there is not may come later, and is no mistake."""
    if config is None:
        return
    for name, rule in config.deliveries.items():
        if not CAMERA_ID.fullmatch(name):
            hint = "use 1 to 50 of A-Z a-z 0-9 _ -; - not first"
            layers.report(("deliveries", name), f"{name!r} is no name for a rule", hint)
        if not _is_told(layers, config, rule.target):
            hint = did_you_mean(rule.target, config.targets) or f"add [targets.{rule.target}]"
            layers.report(("deliveries", name, "target"), f"there is no target {rule.target!r}", hint)


def _is_told(layers: Layers, config: Config, target: str) -> bool:
    """Whether there is a table of this target: one with a mistake is left out here, and its mistake was told."""
    return target in config.targets or target in layers.table("targets")


def check_sealed(layers: Layers, config: Config | None) -> None:
    """What is encrypted as it is taken cannot be compressed anew: a rule that asks for that would be ignored."""
    for name, words, hint in sealed_though_compressed(config) if config else ():
        said = next((key for key in ("form", "quality") if layers.said(("deliveries", name, key))), "form")
        layers.report(("deliveries", name, said), words, hint)


def sealed_though_compressed(config: Config) -> Iterator[tuple[str, str, str]]:
    """Yield each rule that compresses anew the stills of a camera that encrypts them, with what is wrong and a hint."""
    for name, rule in config.deliveries.items():
        if rule.recompresses and AssetKind.STILL in rule.kinds:
            meant = (one for one in rule.cameras or config.cameras if one in config.cameras)
            camera = next((one for one in meant if config.cameras[one].stills.encrypt), "")
            if camera:
                yield name, f"compresses pictures anew, and the stills of {camera} are encrypted", _SEALED_HINT


def check_handovers(layers: Layers, config: Config | None) -> None:
    """A hand-over may wait only for targets that there are, and no two may make one marker."""
    markers: dict[tuple[Path | None, str], str] = {}
    for name, rule in config.handovers.items() if config else ():
        if not CAMERA_ID.fullmatch(name) or len(name) > _LONGEST_HANDOVER:
            hint = f"use 1 to {_LONGEST_HANDOVER} of A-Z a-z 0-9 _ -; - not first"
            layers.report(("handovers", name), f"{name!r} is no name for a hand-over", hint)
        for number, target in enumerate(rule.after):
            if config and not _is_told(layers, config, target):
                hint = did_you_mean(target, config.targets) or f"add [targets.{target}]"
                layers.report(("handovers", name, "after", number), f"there is no target {target!r}", hint)
        if isinstance(rule, MarkerConfig):
            other = markers.setdefault((rule.folder, rule.template), name)
            if other != name:
                hint = "give one of them another ending"
                layers.report(("handovers", name, "name"), f"makes the markers that {other} makes", hint)


def _check_windows(layers: Layers, camera_id: str, at: Key, windows: Sequence[WindowConfig]) -> None:
    for number, window in enumerate(windows):
        if window.start == window.end:
            key = (*at, number)
            _report(layers, camera_id, key, f"starts and ends at {window.start}", 'a whole day is "00:00" to "24:00"')
        if window.start == "24:00":
            start = (*at, number, "start")
            _report(layers, camera_id, start, "a window cannot start at 24:00", 'write "00:00", on the next day')


def _report(layers: Layers, camera_id: str, key: Key, message: str, hint: str) -> None:
    own = ("cameras", camera_id, *key)
    # What came from the defaults is mended there: the place says where, the key still says whose.
    stands = own if layers.said(own) or not layers.said(("defaults", *key)) else ("defaults", *key)
    layers.report(stands, message, hint, shown=own)


def find_warnings(layers: Layers, original: Mapping[str, Any], path: Path, context: Mapping[str, Any]) -> list[Problem]:
    """Find secrets that others can read: in the file itself, or in files that it points at.

    Args:
        layers: Say where keys stand.
        original: The document as it was written.
        path: The file.
        context: `base`, the folder that relative paths start from.
    """
    found: list[Problem] = []
    plain: list[Key] = []
    for key, value in leaves(original):
        if is_reference(value) and isinstance(value.get("file"), str):
            # A name that is no path is a problem, and reported as one.
            with suppress(ValueError):
                found += _too_open(secret_path(value["file"], context), layers.place(key), dotted(key))
        elif isinstance(value, str) and value and not layers.environment.get(key) and _is_secret(key, value):
            plain.append(key)
    mode = _mode(path)
    if plain and mode & _OTHERS_MAY:
        hint = f"chmod 600 {path}, or move it into a file of its own"
        found.append(
            Problem(
                place=layers.place(plain[0]), key=dotted(plain[0]), hint=hint,
                message=f"stands in plain text in a file that others may read (mode {mode:o})",
            )
        )  # fmt: skip
    return found


def find_copies_that_never_come(layers: Layers, config: Config) -> list[Problem]:
    """Find cameras whose footage waits for more copies than there are targets that rules send it to: it never goes."""
    found = []
    for name, camera in config.cameras.items():
        wanted = camera.retention.copies or 0
        sent = {
            rule.target for rule in config.deliveries.values()
            if rule.enabled and AssetKind.SEGMENT in rule.kinds and (not rule.cameras or name in rule.cameras)
        }  # fmt: skip
        if wanted > len(sent):
            key = ("cameras", name, "retention", "copies")
            place = layers.said(key) or layers.place(("defaults", "retention", "copies"))
            message = f"asks for {wanted}, and footage is sent to {len(sent) or 'no'} target{'s' * (len(sent) != 1)}"
            hint = "it would never be deleted, and recording stops once the disk is full: ask for fewer, or add a rule"
            found.append(Problem(place=place, key=dotted(key), message=message, hint=hint))
    return found


def _is_secret(key: Key, value: str) -> bool:
    if key[0] == "deliveries" and key[-1] == "key":
        return True
    if key[0] == "handovers" and key[-1] in {"secret", "token"}:
        return True
    if key[0] == "targets" and value.startswith(("eyJ", "sb_secret_")):
        return True  # what keys of Supabase begin with
    return key[-1] in {"password", "secret_key"} or bool(split_url(value).password)


def _too_open(path: Path, place: str, key: str) -> list[Problem]:
    mode = _mode(path)
    if not mode & _OTHERS_MAY:
        return []
    message = f"{path} may be read by others (mode {mode:o})"
    return [Problem(place=place, key=key, message=message, hint=f"chmod 600 {path}")]


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0

"""Desired state: from the configuration to `streams.json`, and back to the last good one of both.

The worker alone writes here; recorders read `streams.json` and never wait. A configuration that is broken changes
nothing: the plan stands, and the last good copy of the configuration serves whoever starts meanwhile (F48).

Not here: marker files of volumes (volumes), evaluating windows (core.schedule).
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from holdfast.core import config as configuration
from holdfast.core.camera import STREAMS
from holdfast.core.config import CameraConfig, CaptureConfig, Config, ConfigInvalid, Feed, Loaded
from holdfast.core.config.windows import windows_of
from holdfast.core.errors import BadInput
from holdfast.core.plan import Capture, Plan, StreamPlan
from holdfast.core.timing import from_datetime
from holdfast.library import ram
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import FOLDER_MODE, replace_atomically

PLAN = "streams.json"
GOOD_PLAN = "streams.json.good"
GOOD_CONFIG = "config.last-good.toml"

SYNC_S = {"disk": 2.0, "sd-card": 10.0}
"""Seconds that a power cut may cost, by kind of volume, against how fast flash wears (architecture)."""

_NOTE = "# Last good copy, kept by Holdfast; the settings are in "

_log = structlog.get_logger()

Spot = tuple[str, str]


def build_plan(
    loaded: Loaded,
    runtime_cameras: Sequence[Mapping[str, Any]] = (),
    previous: Plan | None = None,
    volume_ids: Mapping[str, str] | None = None,
    *,
    cores: Sequence[int] | None = None,
) -> Plan:
    """Resolve what is to be recorded.

    Streams stick: a stream of `previous` keeps its process and core, new ones fill what is free, so that adding a
    camera moves no other (C008).

    Args:
        loaded: The configuration.
        runtime_cameras: Cameras added or changed at run time: tables as in `[cameras.ID]`, with their `id`. One that
            makes no sense is logged and left out, or left as it is in the file.
        previous: The plan in force.
        volume_ids: Marker id by volume name; a volume that is not in it may be any folder.
        cores: Cores for `round-robin`; None asks the system which this process may use.
    """
    if runtime_cameras:
        loaded, problems = configuration.with_cameras(loaded, runtime_cameras)
        for problem in problems:
            _log.warning("camera.refused", key=problem.key, reason=problem.message, hint=problem.hint)
    config = loaded.config
    streams = [
        _stream(config, camera_id, camera, feed, volume_ids or {})
        for camera_id, camera in config.cameras.items()
        for feed in configuration.feeds(camera_id, camera, loaded.base)
    ]
    before = {(s.camera, s.stream): s for s in previous.streams} if previous else {}
    streams = _spread(streams, before, config.recorder.streams_per_process)
    streams = _pin(streams, before, _cores(config, cores))
    return Plan(
        streams=tuple(streams), runtime_dir=str(config.runtime_dir), log_level=config.log.level,
        log_dir=str(config.log_dir), log_max_bytes=config.log.max_bytes, log_keep=config.log.keep,
        log_keep_days=config.log.keep_days,
    )  # fmt: skip


def _stream(
    config: Config, camera_id: str, camera: CameraConfig, feed: Feed, volume_ids: Mapping[str, str]
) -> StreamPlan:
    name = camera.volume or next(iter(config.volumes))
    volume = config.volumes[name]
    place = ram.place(config, camera, volume)
    return StreamPlan(
        camera=camera_id,
        stream=feed.stream,
        source=feed.source,
        url=feed.url,
        username=camera.username,
        password=camera.password.reveal(),
        transport=camera.transport,
        volume=str(volume.path),
        volume_id=volume_ids.get(name, ""),
        memory=str(place or ""),
        memory_bytes=config.memory.cap if place else 0,
        settles=ram.settles(camera),
        audio=camera.audio,
        segment_s=min(camera.segment_s, config.memory.segment_s) if place else camera.segment_s,
        open_timeout_s=camera.open_timeout_s,
        stall_s=camera.stall_s,
        keyframe_s=camera.keyframe_s,
        backoff_first_s=camera.backoff_first_s,
        backoff_cap_s=camera.backoff_cap_s,
        probe_s=camera.probe_s,
        healthy_s=camera.healthy_s,
        sync_s=camera.sync_s or SYNC_S[volume.storage],
        queue_bytes=camera.queue,
        reserve_bytes=volume.reserve,
        # The contract is about the main stream; a sub stream is smaller by nature.
        expected=_expected(camera) if feed.stream == STREAMS[0] else {},
        capture=_capture(camera.capture, config.site.time_zone, enabled=camera.enabled),
        cpu=camera.cpu,
        encode=configuration.encoding(camera.encode, feed.source),
        site=camera.site or config.site_id,
        location=camera.location,
        # The program stands in the file alone: whoever may change a camera over the network must not choose what runs.
        options=camera.options if feed.source != "csi" else {"program": config.recorder.camera_program},
    )


def _expected(camera: CameraConfig) -> dict[str, dict[str, str | int | float]]:
    return {kind: facts for kind, facts in camera.expected.model_dump(exclude_none=True).items() if facts}


def _capture(wanted: CaptureConfig, zone: str, *, enabled: bool) -> Capture:
    # Where files lie first is another question than when there are any.
    mode = wanted.mode if wanted.mode not in {None, "ram"} else "window" if wanted.windows else "always"
    until = _instant(wanted.override_until, zone) if wanted.override_until else None
    return Capture(
        mode=mode if enabled else "off",
        windows=windows_of(wanted.windows),
        zone=zone,
        burst_s=wanted.burst_s,
        override=wanted.override if enabled else "",
        override_until_us=until if enabled else None,
    )


def _instant(moment: datetime, zone: str) -> int:
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)))


def _spread(streams: Sequence[StreamPlan], before: Mapping[Spot, StreamPlan], room: int) -> list[StreamPlan]:
    """Give each stream a process: its old one, else the first with room."""
    kept = {(s.camera, s.stream): before[s.camera, s.stream].process for s in streams if _spot(s) in before}
    load = Counter(kept.values())
    placed = []
    for stream in streams:
        process = kept.get(_spot(stream))
        if process is None:
            process = next(number for number in range(len(streams) + 1) if load[number] < room)
            load[process] += 1
        placed.append(replace(stream, process=process))
    return placed


def _pin(streams: Sequence[StreamPlan], before: Mapping[Spot, StreamPlan], cores: Sequence[int]) -> list[StreamPlan]:
    """Give each stream without a core of its own one of `cores`: its old one, else the least used."""
    if not cores:
        return list(streams)
    kept = {
        _spot(s): old.cpu
        for s in streams
        if s.cpu is None and (old := before.get(_spot(s))) is not None and old.cpu in cores
    }
    load = Counter([core for core in kept.values() if core is not None] + [s.cpu for s in streams if s.cpu is not None])
    pinned = []
    for stream in streams:
        core = stream.cpu if stream.cpu is not None else kept.get(_spot(stream))
        if core is None:
            core = min(cores, key=lambda number: (load[number], cores.index(number)))
            load[core] += 1
        pinned.append(replace(stream, cpu=core))
    return pinned


def _spot(stream: StreamPlan) -> Spot:
    return stream.camera, stream.stream


def _cores(config: Config, cores: Sequence[int] | None) -> Sequence[int]:
    choice = config.recorder.cpu
    if isinstance(choice, tuple):
        return choice
    if choice == "none":
        return ()
    if cores is not None:
        return cores
    allowed: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)  # not on macOS
    return sorted(allowed(0)) if allowed else range(os.cpu_count() or 1)


def publish_plan(state_dir: Path, plan: Plan) -> bool:
    """Write `streams.json`, durably, and keep a second copy; an unchanged plan is not written.

    Returns:
        Whether anything changed.

    Raises:
        StorageError: It cannot be written; the old plan stands.
    """
    data = plan.to_json().encode()
    if _content(state_dir / PLAN) == data and _content(state_dir / GOOD_PLAN) == data:
        return False
    _make(state_dir)
    replace_atomically(state_dir / PLAN, data, durable=True)
    # Replacing is atomic, but disks lie and people edit: recorders start from the copy where the first is unreadable.
    replace_atomically(state_dir / GOOD_PLAN, data, durable=True)
    return True


def read_plan(state_dir: Path) -> Plan | None:
    """Return the plan in force, from its second copy where the first is damaged; None before there is any.

    Raises:
        BadInput: Both are damaged.
    """
    damage: BadInput | None = None
    for name in (PLAN, GOOD_PLAN):
        data = _content(state_dir / name)
        if data is None:
            continue
        try:
            return Plan.from_json(data)
        except BadInput as error:
            damage = error
            _log.warning("plan.damaged", file=str(state_dir / name), reason=str(error))
    if damage:
        raise damage
    return None


def remember_config(loaded: Loaded) -> bool:
    """Keep a copy of a configuration that worked; does nothing where it is a copy itself, or unchanged.

    Raises:
        StorageError: It cannot be written.
    """
    if loaded.stale:
        return False
    state_dir = loaded.config.state_dir
    data = f"{_NOTE}{loaded.path}\n{loaded.text}".encode()
    if _content(state_dir / GOOD_CONFIG) == data:
        return False
    _make(state_dir)
    replace_atomically(state_dir / GOOD_CONFIG, data, durable=True)
    return True


def load_or_last_good(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read the configuration; where it is broken, the last one that worked, with `stale` saying why.

    Raises:
        ConfigInvalid: It is broken and there is no good copy of it, or that cannot be used any more either.
    """
    path = (path or configuration.default_path(environ)).absolute()
    try:
        return configuration.load(path, environ)
    except ConfigInvalid as error:
        data = _content(configuration.guess_state_dir(path, environ) / GOOD_CONFIG)
        head, _, text = data.decode(errors="replace").partition("\n") if data else ("", "", "")
        # A copy of another file would make a typing mistake in -c start somebody else's cameras.
        if head != f"{_NOTE}{path}":
            raise
        try:
            loaded = configuration.load(path, environ, text=text)
        except ConfigInvalid:
            raise error from None
        return replace(loaded, stale=error)


def _make(state_dir: Path) -> None:
    with storage_errors("making folder", state_dir):
        state_dir.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None

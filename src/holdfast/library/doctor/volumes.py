"""Checks of the volumes: there, the right one, writable, with room, fast enough."""

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from holdfast.core.errors import HoldfastError
from holdfast.core.timing import SECOND_US
from holdfast.library.doctor import access
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.mounts import mount_of
from holdfast.library.doctor.patient import Patient, VolumeToCheck
from holdfast.storage.volume import MARKER, read_marker

NEARLY_FULL = 0.9  # chosen: of 1 TB it leaves 100 GB, five hours of ten cameras at 4 Mb/s, to do something about it
NO_INODES = 0.01  # chosen: below this a burst of small files ends it within hours
SLOW_US = SECOND_US // 2  # chosen: recorders sync each 2 s and stream; slower than this they begin to queue
_PROBE_BYTES = 1024 * 1024  # about what a stream of 4 Mb/s syncs at once


def check_volumes(patient: Patient) -> Iterator[Finding]:
    """Is each volume there, the right one, writable, with room, fast enough?"""
    for volume in patient.volumes:
        if not volume.path.exists() and not volume.volume_id:
            yield from _makeable(volume)
            continue
        if not volume.path.is_dir():
            evidence = access.described(volume.path) if not volume.path.exists() else f"{volume.path} is no folder"
            yield FAULTS["volume-folder-missing"].found(volume.name, evidence, path=volume.path, name=volume.name)
            continue
        # On a wrong disk nothing else matters, and nothing may be written to it.
        wrong = list(_marker(volume))
        yield from wrong or _condition(patient, volume)


def _makeable(volume: VolumeToCheck) -> Iterator[Finding]:
    """Judge a volume that this node has never seen: its first start makes folder and marker, if it may."""
    trial = access.try_writing(access.nearest(volume.path))
    if trial.error:
        owner = access.owner()
        yield FAULTS["volume-unwritable"].found(volume.name, trial.evidence, path=volume.path, owner=owner)


def _marker(volume: VolumeToCheck) -> Iterator[Finding]:
    place = volume.path / MARKER
    try:
        marker = read_marker(volume.path)
    except HoldfastError as error:
        yield FAULTS["volume-marker-damaged"].found(
            volume.name, str(error), path=volume.path, owner=access.owner(), name=volume.name
        )
        return
    if marker is None and not volume.volume_id:
        return  # never seen: the first start adopts it
    if marker is None:
        evidence = f"there is no {place}; {volume.path} is on {mount_of(volume.path)[0] or 'an unknown mount'}"
        yield FAULTS["volume-marker-missing"].found(volume.name, evidence, path=volume.path, name=volume.name)
    elif volume.volume_id and marker.volume_id != volume.volume_id:
        evidence = f"{place} says {marker.volume_id}, expected {volume.volume_id}"
        yield FAULTS["volume-other"].found(volume.name, evidence, name=volume.name)


def _condition(patient: Patient, volume: VolumeToCheck) -> Iterator[Finding]:
    trial = access.try_writing(volume.path)
    mount = mount_of(volume.path)[0] or volume.path
    if trial.read_only:
        yield FAULTS["volume-read-only"].found(volume.name, trial.evidence, mount=mount)
    elif trial.error and not trial.full:
        yield FAULTS["volume-unwritable"].found(volume.name, trial.evidence, path=volume.path, owner=access.owner())
    yield from _room(volume)
    if not trial.error:
        yield from _speed(patient, volume)


def _room(volume: VolumeToCheck) -> Iterator[Finding]:
    facts = os.statvfs(volume.path)
    free, total = facts.f_bavail * facts.f_frsize, facts.f_blocks * facts.f_frsize
    used = 1 - free / total if total else 0.0
    seen = f"{size(free)} of {size(total)} free"
    if free < volume.reserve_bytes:
        evidence = f"{seen}; the reserve is {size(volume.reserve_bytes)}"
        missing = size(volume.reserve_bytes - free)
        yield FAULTS["volume-full"].found(volume.name, evidence, missing=missing, path=volume.path)
    elif used >= NEARLY_FULL:
        yield FAULTS["volume-nearly-full"].found(volume.name, f"{seen} ({used:.0%} used)", path=volume.path)
    # Some file systems (btrfs) have no fixed number of inodes and report none.
    if facts.f_files and facts.f_favail / facts.f_files < NO_INODES:
        evidence = f"{facts.f_favail} of {facts.f_files} inodes free"
        yield FAULTS["volume-no-inodes"].found(volume.name, evidence, path=volume.path)


def _speed(patient: Patient, volume: VolumeToCheck) -> Iterator[Finding]:
    try:
        with tempfile.NamedTemporaryFile(prefix=".doctor-", dir=volume.path) as probe:
            begun_us = patient.clock.boot_us()
            probe.write(bytes(_PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
            took_us = patient.clock.boot_us() - begun_us
    except OSError:
        return  # no room even for the probe: `volume-full` says so
    if took_us > SLOW_US:
        evidence = f"it took {took_us / SECOND_US:.1f} s to make {size(_PROBE_BYTES)} durable"
        yield FAULTS["volume-slow"].found(volume.name, evidence)


def check_disks(patient: Patient) -> Iterator[Finding]:
    """Do volumes share a disk, with each other or with the system?"""
    by_device: dict[int, list[VolumeToCheck]] = defaultdict(list)
    for volume in patient.volumes:
        if volume.path.is_dir():
            by_device[volume.path.stat().st_dev].append(volume)
    system = Path("/").stat().st_dev
    for device, volumes in by_device.items():
        names = " and ".join(volume.name for volume in volumes)
        paths = ", ".join(str(volume.path) for volume in volumes)
        place = mount_of(volumes[0].path)[0] or "one file system"
        if len(volumes) > 1:
            yield FAULTS["volumes-share-disk"].found(names, f"{paths} are all on {place}")
        if device == system:
            yield FAULTS["volume-on-system-disk"].found(names, f"{paths}: on {place}")


def size(count: int) -> str:
    """Write a number of bytes for a person."""
    value = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004 - SI prefixes
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"

"""Installations in a temporary folder, sound unless a test breaks them, and sources for the doctor to connect with."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from holdfast.core.clock import Clock
from holdfast.core.plan import Capture, StreamPlan
from holdfast.library.doctor.patient import Patient, VolumeToCheck
from holdfast.media.source.contract import Source
from holdfast.storage.volume import create_marker
from support.clock import PushedClock

NOBODY = 65_534


def no_source(plan: StreamPlan) -> Source:
    """Stand where no camera may be connected to."""
    raise AssertionError(f"{plan.key} must not be connected to")


def plan_for(folder: Path, camera: str = "gate", stream: str = "main", **changes: object) -> StreamPlan:
    """Return the plan of one stream that records into `folder`."""
    plan = StreamPlan(camera=camera, stream=stream, url="rtsp://127.0.0.1:9/none", volume=str(folder))
    return replace(plan, **changes)  # type: ignore[arg-type]  # any field, as the test names it


def healthy(tmp_path: Path, *plans: StreamPlan, clock: Clock | None = None, **changes: object) -> Patient:
    """Return an installation without a fault: folders made, volume adopted, no cameras unless given."""
    for name in ("state", "run", "log", "footage-disk"):
        (tmp_path / name).mkdir(mode=0o700, exist_ok=True)
    root = tmp_path / "footage-disk"
    volume_id = "vol-1"
    if not (root / ".holdfast-volume").exists():
        create_marker(root, 1, volume_id)
    patient = Patient(
        clock=clock or PushedClock(),
        connect=no_source,
        streams=plans,
        volumes=(VolumeToCheck(name="main", path=root, volume_id=volume_id, reserve_bytes=1024),),
        state_dir=tmp_path / "state",
        runtime_dir=tmp_path / "run",
        log_dir=tmp_path / "log",
    )
    return replace(patient, **changes)  # type: ignore[arg-type]  # any field, as the test names it


def off(plan: StreamPlan) -> StreamPlan:
    """Switch a stream off."""
    return replace(plan, capture=Capture(mode="off"))


@contextmanager
def ordinary_user(folder: Path) -> Iterator[None]:
    """Be a user whom rights bind, also where the tests run as root. `folder` stays reachable, its content is theirs."""
    if os.geteuid() != 0:
        yield
        return
    opened = [parent for parent in folder.parents if parent.stat().st_mode & 0o005 != 0o005]
    modes = {parent: parent.stat().st_mode & 0o7777 for parent in opened}
    for parent in opened:
        parent.chmod(modes[parent] | 0o005)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        for parent, mode in modes.items():
            parent.chmod(mode)

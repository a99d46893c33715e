"""Checks of the configuration, and what it says is to be examined.

A broken configuration is not the end: what recorders go on with is its last good copy, so that is examined then.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from holdfast.core import config as configuration
from holdfast.core.clock import Clock
from holdfast.core.config import ConfigInvalid, Loaded, Problem, default_path
from holdfast.core.errors import BadInput
from holdfast.core.plan import StreamPlan
from holdfast.library import cameras, ram, watermarks
from holdfast.library.desired import build_plan, read_plan
from holdfast.library.doctor import access
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient, VolumeToCheck
from holdfast.library.recognising import order_of
from holdfast.library.settings import load_in_force
from holdfast.library.volumes import remembered_ids
from holdfast.media.source.contract import Source

_SAYS = (
    ("no such file", "config-missing"),
    ("cannot be read", "config-unreadable"),
    ("is not TOML", "config-syntax"),
    ("unknown key", "config-unknown-key"),
    ("is no time zone", "time-zone-unknown"),
    ("is not set", "secret-unset"),
    ("cannot read", "secret-missing"),
)
"""How a problem of the configuration is told from others: by its own words; tests hold them to it."""


def examine_settings(path: Path | None, environ: Mapping[str, str] = os.environ) -> tuple[Loaded | None, list[Finding]]:
    """Read the configuration as a recorder would.

    Args:
        path: The file; None looks for it in the usual places.
        environ: Environment.

    Returns:
        The settings in force, or None where there are none; and what is wrong with the file.
    """
    path = (path or default_path(environ)).absolute()
    findings: list[Finding] = []
    try:
        loaded = load_in_force(path, environ)
    except ConfigInvalid as error:
        return None, [_finding(problem, path) for problem in error.problems]
    if loaded.stale is not None:
        findings += [_finding(problem, path) for problem in loaded.stale.problems]
        findings.append(FAULTS["config-stale"].found(str(path), "recorders go on with the last good copy of it"))
    for problem in loaded.warnings:
        code = "config-exposed" if "plain text" in problem.message else "secret-exposed"
        findings.append(FAULTS[code].found(problem.key, f"{problem.place}: {problem.message}", hint=problem.hint))
    if not loaded.config.cameras and not cameras.recall(loaded.config.state_dir):
        findings.append(FAULTS["no-cameras"].found(str(path), "there is no [cameras.NAME] section in it"))
    return loaded, findings


def _finding(problem: Problem, path: Path) -> Finding:
    code = next((code for says, code in _SAYS if says in problem.message), "config-invalid")
    hint = problem.hint or "holdfast config check shows it with its place; docs/configuration.md lists every key"
    subject = problem.key or path.name
    evidence = f"{problem.place}: {problem.message}"
    return FAULTS[code].found(subject, evidence, hint=hint, path=path, owner=access.owner())


def patient_of(
    loaded: Loaded, clock: Clock, connect: Callable[[StreamPlan], Source], *, camera: str = "", deep: bool = False
) -> Patient:
    """Say what is to be examined.

    Args:
        loaded: The settings in force.
        clock: Time.
        connect: Makes a source for a stream.
        camera: Only this camera; empty for all.
        deep: Connect to cameras even while they are being recorded.
    """
    config = loaded.config
    try:
        published = read_plan(config.state_dir)
    except BadInput:  # `streams-damaged` says so
        published = None
    try:
        known = remembered_ids(config.state_dir)
    except BadInput:  # markers are then compared with nothing; `holdfast volumes list` names the damage
        known = {}
    by_name = {name: known.get(f"{name}|{volume.path}", "") for name, volume in config.volumes.items()}
    whole, _ = configuration.with_cameras(loaded, cameras.recall(config.state_dir))
    # The published plan keeps streams where they are, and knows the cameras that were added at run time.
    streams = build_plan(loaded, previous=published, volume_ids=by_name).streams
    here = {stream.key for stream in streams}
    added = [stream for stream in published.streams if stream.key not in here] if published else []
    return Patient(
        clock=clock,
        connect=connect,
        streams=tuple(stream for stream in (*streams, *added) if not camera or stream.camera == camera),
        volumes=tuple(
            VolumeToCheck(name=name, path=volume.path, volume_id=by_name[name], reserve_bytes=volume.reserve)
            for name, volume in config.volumes.items()
        ),
        state_dir=config.state_dir,
        runtime_dir=Path(published.runtime_dir) if published and published.runtime_dir else config.runtime_dir,
        log_dir=config.log_dir,
        catalog_url=config.catalog_url,
        disks=watermarks.look(config).fills,
        memory=ram.trouble(config) if ram.users(whole.config) else "",
        objects={
            name: order_of(one, loaded.base)
            for name, one in whole.config.cameras.items()
            if one.objects.model and one.enabled and camera in {"", name}
        },
        handovers={name: rule for name, rule in config.handovers.items() if rule.enabled},
        config=config,
        deep=deep,
    )

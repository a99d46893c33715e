"""All checks, in the order in which one thing leads to the next, and what they found, worst first."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from holdfast.core.errors import HoldfastError
from holdfast.library.doctor.cameras import check_cameras
from holdfast.library.doctor.devices import check_devices
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding, Severity
from holdfast.library.doctor.folders import check_logs, check_memory, check_runtime, check_state, check_streams_file
from holdfast.library.doctor.host import check_clock, check_descriptors, check_user
from holdfast.library.doctor.keeping import check_levels, check_retention
from holdfast.library.doctor.labour import check_work
from holdfast.library.doctor.ledger import check_catalog
from holdfast.library.doctor.media import check_codecs
from holdfast.library.doctor.objects import check_objects
from holdfast.library.doctor.patient import Patient
from holdfast.library.doctor.receivers import check_receivers
from holdfast.library.doctor.running import (
    check_journals,
    check_parts,
    check_recorders,
    check_server,
    check_supervisor,
    check_worker,
)
from holdfast.library.doctor.targets import check_targets
from holdfast.library.doctor.volumes import check_disks, check_volumes

Check = Callable[[Patient], Iterator[Finding]]

CHECKS: Mapping[str, Check] = {
    "clock": check_clock,
    "open files": check_descriptors,
    "user": check_user,
    "codecs": check_codecs,
    "state folder": check_state,
    "runtime folder": check_runtime,
    "log folder": check_logs,
    "memory": check_memory,
    "streams.json": check_streams_file,
    "volumes": check_volumes,
    "disks": check_disks,
    "levels of disks": check_levels,
    "catalog": check_catalog,
    "work": check_work,
    "retention": check_retention,
    "recorders": check_recorders,
    "worker": check_worker,
    "server": check_server,
    "supervisor": check_supervisor,
    "journals": check_journals,
    "interrupted files": check_parts,
    "objects": check_objects,
    "targets": check_targets,
    "hand-overs": check_receivers,
    "devices": check_devices,
    "cameras": check_cameras,
}
"""Every check by its name; the slow ones come last."""


def examine(patient: Patient, began: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Carry out every check.

    Args:
        patient: What to examine.
        began: Called with the name of each check as it begins.

    Returns:
        What was found, worst first. A check that cannot be carried out is a finding itself.
    """
    findings: list[Finding] = []
    for name, check in CHECKS.items():
        began(name)
        try:
            findings += check(patient)
        except (HoldfastError, OSError) as error:
            findings.append(FAULTS["check-failed"].found(name, str(error)))
    return worst_first(_once(findings))


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """Leave out what a better-founded finding says already: a camera that was asked tells why its stream is down."""
    asked = {finding.subject for finding in findings if finding.fault in _CAMERA_FAULTS}
    kept = [f for f in findings if not (f.fault == "stream-down" and f.subject in asked)]
    return list(dict.fromkeys(kept))


_CAMERA_FAULTS = frozenset(
    {"host-unknown", "camera-silent", "camera-mute", "port-closed", "not-rtsp", "password-missing", "password-wrong"}
    | {"path-wrong", "session-limit", "camera-refuses", "no-media", "no-keyframe", "codec-unsupported", "file-missing"}
    | {"device-missing"}
)


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Order by severity; what was found first stays first among equals."""
    return sorted(findings, key=lambda finding: -finding.severity)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 0 where all is well, 1 for warnings, 2 for errors. Notes do not count."""
    return max((int(finding.severity) for finding in findings), default=int(Severity.NOTE))

"""Checks of the host: clock, limits, user."""

import os
import resource
from collections.abc import Iterator

from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient

_BASE_DESCRIPTORS = 64  # measured: 4 in a recorder besides its streams; the rest is room for libraries and logs
_STREAM_DESCRIPTORS = 8  # measured: 4 a stream while 16 record; twice that while they reconnect and recover


def check_clock(patient: Patient) -> Iterator[Finding]:
    """Is the wall clock disciplined?"""
    if not patient.clock.synchronised():
        yield FAULTS["clock-unsynchronised"].found("host", "the kernel says that its clock is not synchronised")


def check_descriptors(patient: Patient) -> Iterator[Finding]:
    """May a recorder open as many files as its streams need?"""
    per_process: dict[int, int] = {}
    for plan in patient.streams:
        per_process[plan.process] = per_process.get(plan.process, 0) + 1
    wanted = _BASE_DESCRIPTORS + _STREAM_DESCRIPTORS * max(per_process.values(), default=1)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        evidence = f"at most {soft} open files; a recorder of this configuration needs up to {wanted}"
        yield FAULTS["few-descriptors"].found("host", evidence, wanted=max(1024, wanted))


def check_user(patient: Patient) -> Iterator[Finding]:  # noqa: ARG001 - every check is called alike
    """Is this an ordinary user?"""
    if os.geteuid() == 0:
        yield FAULTS["running-as-root"].found("host", "the effective user id is 0")

"""Checks of retention: may anything be deleted, was anything lately, and how full are the disks?"""

from collections.abc import Iterator

from holdfast.catalog import nodes, removals
from holdfast.catalog.db import open_catalog, sqlite_path
from holdfast.catalog.nodes import LOCAL
from holdfast.core.errors import CatalogError
from holdfast.core.timing import HOUR_US, iso
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient
from holdfast.library.doctor.volumes import NEARLY_FULL
from holdfast.library.watermarks import Mark

_FILLING = {Mark.WARNING: "disk-filling", Mark.ALERT: "disk-alert", Mark.CRITICAL: "disk-critical"}
LATE_US = HOUR_US  # chosen: six passes; one or two may have had a disk to wait for


def check_retention(patient: Patient) -> Iterator[Finding]:
    """May the worker delete, and does it look?"""
    url = patient.catalog_url
    path = sqlite_path(url) if url else None
    if not url or (path is not None and not path.exists()):
        return
    try:
        with open_catalog(url) as catalog, catalog.read() as tx:
            number = nodes.find(tx, LOCAL)
            standing = None if number is None else removals.standing(tx, number)
    except CatalogError:
        return  # `catalog` says what is wrong with it
    if standing is None:
        return  # no pass was taken yet; `worker-not-running` tells where that is wrong
    trust, now_us = standing.trust, patient.clock.wall_us()
    if trust.off_why:
        since = "" if trust.off_us is None else f", since {iso(trust.off_us)}"
        yield FAULTS["deleting-in-doubt"].found("retention", f"{trust.off_why}{since}")
    elif standing.passed_us is not None and now_us - standing.passed_us > LATE_US:
        yield FAULTS["deleting-late"].found("retention", f"the last whole pass was at {iso(standing.passed_us)}")


def check_levels(patient: Patient) -> Iterator[Finding]:
    """Has any disk that is used reached one of its levels?"""
    volumes = {volume.name for volume in patient.volumes}
    for disk in patient.disks:
        # `volume-nearly-full` and `volume-full` say it of volumes that far, and what to do.
        if disk.mark in _FILLING and not (disk.name in volumes and disk.percent >= 100 * NEARLY_FULL):
            yield FAULTS[_FILLING[disk.mark]].found(disk.name, disk.words, path=disk.path)

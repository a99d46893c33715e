"""Checks of durable work: is it done, did any fail, and is somebody holding it back who has forgotten?

Not here: what is said better of deliveries (targets) and of hand-overs that failed (receivers).
"""

from collections.abc import Iterator

from holdfast.catalog import deliveries, handovers
from holdfast.catalog.db import Catalog, open_catalog, sqlite_path
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.schema_work import FAILED
from holdfast.catalog.work_controls import Running
from holdfast.core.errors import CatalogError
from holdfast.core.timing import DAY_US, HOUR_US, iso
from holdfast.library import jobs
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient
from holdfast.library.jobs import JobNow, LaneNow

HELD_US = DAY_US  # chosen: who pauses for an evening remembers it, who paused last week does not
WAITED_US = HOUR_US  # chosen: far above any back-off (ten minutes)


def check_work(patient: Patient) -> Iterator[Finding]:
    """Is durable work done, or does it wait?"""
    url = patient.catalog_url
    path = sqlite_path(url) if url else None
    if not url or (path is not None and not path.exists()):
        return
    try:
        with open_catalog(url) as catalog:
            found = jobs.every(catalog, LOCAL)
            failed = [
                (job, lane, _last(catalog, job, lane)) for job in found for lane in job.lanes if _counts(job, lane)
            ]
    except CatalogError:
        return  # `catalog` says what is wrong with it
    now_us = patient.clock.wall_us()
    for job in found:
        yield from _held(job, now_us)
        yield from _waiting(job, now_us)
    for job, lane, (error, hint) in failed:
        name = job.kind.name
        evidence = f"{lane.failed} failed, the last one: {error}" + (f" ({hint})" if hint else "")
        yield FAULTS["work-failed"].found(
            f"{name} {lane.lane}".strip(), evidence, name=f"{name} --lane {lane.lane}" if lane.lane else name
        )


def _counts(job: JobNow, lane: LaneNow) -> bool:
    return bool(lane.failed) and job.kind.noun not in {deliveries.NOUN, handovers.NOUN}


def _last(catalog: Catalog, job: JobNow, lane: LaneNow) -> tuple[str, str]:
    """Return why the newest row that failed did, and what to do."""
    rows = jobs.rows(catalog, LOCAL, job.kind.name, state=FAILED, lane=lane.lane, limit=1).rows
    return (str(rows[0].work["error"]), str(rows[0].work["hint"])) if rows else ("", "")


def _held(job: JobNow, now_us: int) -> Iterator[Finding]:
    name = job.kind.name
    said = [("", job.control), *((lane.lane, lane.control) for lane in job.lanes if lane.lane)]
    for lane, control in said:
        over = control.state is not Running.RUNNING and now_us - control.since_us > HELD_US
        if over and (not lane or job.control.state is Running.RUNNING):
            by = f" by {control.by}" if control.by else ""
            evidence = f"{control.state.value} since {iso(control.since_us)}{by}, {job.waiting} rows wait"
            target = f"{name} --lane {lane}" if lane else name
            yield FAULTS["work-held"].found(f"{name} {lane}".strip(), evidence, name=target)


def _waiting(job: JobNow, now_us: int) -> Iterator[Finding]:
    if job.kind.noun == deliveries.NOUN:
        return  # `targets` knows their hours, and why they wait
    for lane in job.lanes:
        due_us = lane.due_us
        held = lane.control.state is not Running.RUNNING
        if due_us is None or held or lane.at_work or now_us - due_us <= WAITED_US:
            continue
        evidence = f"{lane.waiting} rows wait, the oldest is due since {iso(due_us)}, and nobody works on any"
        yield FAULTS["work-waits"].found(f"{job.kind.name} {lane.lane}".strip(), evidence, name=job.kind.name)

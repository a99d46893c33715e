"""Durable work over HTTP (C090): kinds of work with their state and counts, rows with their history, and steering both.

Not here: what people see and say (library.jobs). Deliveries have routes of their own, with more about each.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from holdfast.api.files import Node
from holdfast.http.errors import problems
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import jobs
from holdfast.library.jobs import Deed, JobNow, LaneNow, RowNow

router = APIRouter(prefix="/api/v1/jobs", tags=["node"], dependencies=[needs(Right.ADMIN)])

State = Literal["running", "paused", "stopped"]
_AT_US = 1_777_658_400_000_000  # 2026-05-01T18:00:00Z, as in all examples
_LANE = {"lane": "archive", "state": "running", "waiting": 12, "at_work": 2, "failed": 0, "oldest_due_us": _AT_US}
_RUNNING = {
    "row": "1-42", "lane": "archive", "since_us": _AT_US, "attempt": 1, "done": 41_000_000, "total": 180_000_000,
}  # fmt: skip
_JOB = {
    "name": "deliver", "about": "Sends finished files to targets.", "queue": "deliver", "state": "running",
    "since_us": 0, "by": "", "waiting": 12, "at_work": 2, "failed": 0, "oldest_due_us": _AT_US, "lanes": [_LANE],
    "running": [_RUNNING],
}  # fmt: skip
_LINE = {
    "at_us": _AT_US, "what": "again", "worker": "recorder1-5f0c9a4e", "attempt": 1, "error": "archive did not answer",
}  # fmt: skip
_ROW = {
    "id": "1-42", "job": "deliver", "state": "pending", "lane": "archive", "priority": 0, "due_us": _AT_US,
    "attempts": 1, "last_us": _AT_US, "worker": "", "error": "archive did not answer", "hint": "",
    "about": {"camera": "gate", "target": "archive"}, "history": [_LINE],
}  # fmt: skip


def _example(facts: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": facts})


Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="Name of the job.", examples=["deliver"])]
RowId = Annotated[str, Path(pattern=r"^[0-9]{1,18}(-[0-9]{1,18})?$", description="Id of the row.", examples=["1-42"])]


class LaneOut(BaseModel):
    """A lane of a job: rows that share a limit."""

    model_config = _example(_LANE)

    lane: str = Field(description="A target's name for deliveries; empty where the job has one lane.")
    state: State
    waiting: int
    at_work: int
    failed: int
    oldest_due_us: int | None = Field(description="When the oldest row that waits became due; null where none waits.")


class RunningOut(BaseModel):
    """A row that this host works on now."""

    model_config = _example(_RUNNING)

    row: str
    lane: str
    since_us: int
    attempt: int
    done: int = Field(description="How far it is, in bytes mostly.")
    total: int = Field(description="0 where that is not known.")


class JobOut(BaseModel):
    """A kind of durable work."""

    model_config = _example(_JOB)

    name: str = Field(examples=["deliver"])
    about: str
    queue: str = Field(examples=["deliver"])
    state: State = Field(description="`paused` begins nothing new; `stopped` has also given back what was at work.")
    since_us: int = Field(description="Since when it is in this state; 0 where nobody ever said anything.")
    by: str = Field(description="Who said so.")
    waiting: int
    at_work: int
    failed: int
    oldest_due_us: int | None = Field(description="When the oldest row that waits became due; null where none waits.")
    lanes: list[LaneOut]
    running: list[RunningOut]


class Jobs(BaseModel):
    """All kinds of durable work."""

    model_config = _example({"items": [_JOB]})

    items: list[JobOut]


class LineOut(BaseModel):
    """How an attempt ended, or what a person did."""

    model_config = _example(_LINE)

    at_us: int
    what: str = Field(examples=["again"])
    worker: str = Field(examples=["recorder1-5f0c9a4e"])
    attempt: int
    error: str


class JobRow(BaseModel):
    """A row of durable work."""

    model_config = _example(_ROW)

    id: str = Field(examples=["1-42"])
    job: str = Field(examples=["deliver"])
    state: str = Field(examples=["pending"])
    lane: str
    priority: int
    due_us: int
    attempts: int
    last_us: int | None
    worker: str = Field(description="Who has claimed it; empty while nobody has.", examples=["recorder1-5f0c9a4e"])
    error: str
    hint: str
    about: dict[str, Any] = Field(
        description="The columns of its own table.", examples=[{"file": "footage/gate/main/a.mp4"}]
    )
    history: list[LineOut] = Field(description="Newest first, the last twenty; empty in lists.")


class JobRows(BaseModel):
    """Rows of a job, newest first."""

    model_config = _example({"items": [_ROW], "cursor": None})

    items: list[JobRow]
    cursor: str | None


class LaneIn(BaseModel):
    """What is meant; without a body all of the job."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"lane": "archive"}})

    lane: str = Field(default="", max_length=60, description="Only this lane; empty for all of the job.")


class Changed(BaseModel):
    """How many rows were changed."""

    model_config = _example({"rows": 3})

    rows: int


@router.get("", summary="List jobs", responses=problems(401, 403, 503))
def list_jobs(context: Node) -> Jobs:
    """Return every kind of durable work with its state, its lanes, and what is at work now."""
    found = jobs.every(context.catalog(), context.node, context.runtime_dir, context.clock.wall_us())
    return Jobs(items=[_job(job) for job in found])


@router.get("/{name}", summary="Show a job", responses=problems(401, 403, 404, 422, 503))
def show_job(context: Node, name: Name) -> JobOut:
    """Return one kind of durable work."""
    return _job(jobs.one(context.catalog(), context.node, name, context.runtime_dir, context.clock.wall_us()))


@router.get("/{name}/rows", summary="List a job's rows", responses=problems(400, 401, 403, 404, 422, 503))
def list_rows(
    context: Node, name: Name,
    state: Annotated[str, Query(max_length=12, description="Only rows in this state.", examples=["failed"])] = "",
    lane: Annotated[
        str | None, Query(max_length=60, description="Only rows of this lane.", examples=["archive"])
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows a page.")] = 200,
    cursor: Annotated[str, Query(max_length=60, description="Of the page before.")] = "",
) -> JobRows:  # fmt: skip
    """Return rows, newest first."""
    found = jobs.rows(
        context.catalog(), context.node, name, state=state, lane=lane, limit=limit, cursor=cursor or None
    )  # fmt: skip
    return JobRows(items=[_row(row) for row in found.rows], cursor=found.cursor)


@router.get("/{name}/{row}", summary="Show a row", responses=problems(401, 403, 404, 422, 503))
def show_row(context: Node, name: Name, row: RowId) -> JobRow:
    """Return a row with how its last attempts ended."""
    return _row(jobs.show(context.catalog(), context.node, name, row))


@router.post("/{name}/retry", summary="Retry what failed", responses=problems(401, 403, 404, 422, 503))
def retry_all(context: Node, request: Request, name: Name, body: LaneIn | None = None) -> Changed:
    """Have all rows that failed tried anew, at once."""
    lane = body.lane if body is not None and body.lane else None
    who = identity_of(request).name
    return Changed(rows=jobs.retry(context.catalog(), context.node, name, lane=lane, by=who, clock=context.clock))


@router.post("/{name}/pause", summary="Pause a job", responses=problems(401, 403, 404, 422, 503))
def pause(context: Node, request: Request, name: Name, body: LaneIn | None = None) -> JobOut:
    """Begin nothing new; what is at work goes on. It holds across restarts."""
    return _steer(context, request, name, Deed.PAUSE, body)


@router.post("/{name}/resume", summary="Resume a job", responses=problems(401, 403, 404, 422, 503))
def resume(context: Node, request: Request, name: Name, body: LaneIn | None = None) -> JobOut:
    """Go on with what was paused or stopped."""
    return _steer(context, request, name, Deed.RESUME, body)


@router.post("/{name}/stop", summary="Stop a job", responses=problems(401, 403, 404, 422, 503))
def stop(context: Node, request: Request, name: Name, body: LaneIn | None = None) -> JobOut:
    """Begin nothing new, and give back what is at work. It holds across restarts."""
    return _steer(context, request, name, Deed.STOP, body)


@router.post("/{name}/restart", summary="Restart a job", responses=problems(401, 403, 404, 422, 503))
def restart(context: Node, request: Request, name: Name, body: LaneIn | None = None) -> JobOut:
    """Give back what is at work, and begin with it anew."""
    return _steer(context, request, name, Deed.RESTART, body)


@router.post("/{name}/{row}/retry", summary="Retry a row", responses=problems(401, 403, 404, 409, 422, 503))
def retry_row(context: Node, request: Request, name: Name, row: RowId) -> JobRow:
    """Have a row tried anew, at once, as if for the first time."""
    jobs.retry(context.catalog(), context.node, name, row, by=identity_of(request).name, clock=context.clock)
    return _row(jobs.show(context.catalog(), context.node, name, row))


@router.post("/{name}/{row}/cancel", summary="Cancel a row", responses=problems(401, 403, 404, 409, 422, 503))
def cancel_row(context: Node, request: Request, name: Name, row: RowId) -> JobRow:
    """Let a row come to nothing: it counts as failed, and whoever works on it is refused its result."""
    jobs.cancel(context.catalog(), context.node, name, row, by=identity_of(request).name, clock=context.clock)
    return _row(jobs.show(context.catalog(), context.node, name, row))


def _steer(context: Node, request: Request, name: str, deed: Deed, body: LaneIn | None) -> JobOut:
    jobs.steer(
        context.catalog(), context.node, [name], deed, lane=body.lane if body is not None else "",
        by=identity_of(request).name, clock=context.clock,
    )  # fmt: skip
    return show_job(context, name)


def _job(job: JobNow) -> JobOut:
    return JobOut(
        name=job.kind.name, about=job.kind.about, queue=job.kind.queue, state=job.control.state.value,
        since_us=job.control.since_us, by=job.control.by, waiting=job.waiting, at_work=job.at_work, failed=job.failed,
        oldest_due_us=job.due_us, lanes=[_lane(lane) for lane in job.lanes],
        running=[RunningOut(**{name: one[name] for name in RunningOut.model_fields}) for one in job.running],
    )  # fmt: skip


def _lane(lane: LaneNow) -> LaneOut:
    return LaneOut(
        lane=lane.lane, state=lane.control.state.value, waiting=lane.waiting, at_work=lane.at_work,
        failed=lane.failed, oldest_due_us=lane.due_us,
    )  # fmt: skip


def _row(row: RowNow) -> JobRow:
    known: dict[str, Any] = {name: row.work[name] for name in JobRow.model_fields if name in row.work}
    lines = [LineOut(**{name: getattr(line, name) for name in LineOut.model_fields}) for line in row.history]
    return JobRow(id=str(row.id), job=row.kind, about=dict(row.about), history=lines, **known)

"""What cameras answered when they were last asked, and asking them: a part of the system page.

Nobody waits for a camera here: a round goes on by itself, and the page follows it, with scripts or by loading anew.

Not here: asking (http.asking), a camera's own test in its details (static/details.js).
"""

from dataclasses import dataclass

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response

from holdfast.http.app import context_of
from holdfast.http.asking import Asked, Progress, ask_many, askable, round_of, verdicts_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library.camera_check import Outcome, Verdict
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page

router = APIRouter(include_in_schema=False, dependencies=[needs(Right.VIEWER)])
_log = structlog.get_logger("holdfast.web")

BADGES = {
    Outcome.OK: ("well", "answers"), Outcome.MISMATCH: ("degraded", "not as expected"),
    Outcome.ERROR: ("lost", "no answer"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A camera: what came of asking it, and whether it is being asked, is waiting for its turn, or neither."""

    camera: str
    name: str
    verdicts: tuple[Verdict, ...]
    at_us: int | None
    turn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """All of them, and how far a round is."""

    rows: tuple[Row, ...]
    progress: Progress

    @property
    def words(self) -> str:
        """How far the round is, in words; empty where none is going on."""
        if not self.progress.running:
            return ""
        return f"{self.progress.done} of {self.progress.total} asked"


def checks_of(request: Request, context: Context) -> Checks:
    """Return what is known; asks nobody."""
    known, progress = verdicts_of(request).known(), round_of(request, context).progress()
    rows = []
    for camera in askable(context):
        asked = known.get(camera, Asked((), 0))
        settings = context.config.cameras.get(camera)
        turn = "asking" if camera in progress.asking else "waiting" if camera in progress.waiting else ""
        rows.append(
            Row(
                camera=camera, name=(settings.name if settings else "") or camera, verdicts=asked.verdicts,
                at_us=asked.at_us or None, turn=turn,
            )
        )  # fmt: skip
    return Checks(rows=tuple(rows), progress=progress)


@router.get("/machine/checks")
def checks(request: Request) -> Response:
    """Show this part alone, for the page's script, which puts it in the place of the old one."""
    return page(request, "checks.html", checks=checks_of(request, context_of(request)), badges=BADGES)


@router.post("/machine/checks", dependencies=[needs(Right.OPERATOR)])
def begin(request: Request, form: Form) -> Response:
    """Have one camera asked, or all, and show the page, which follows."""
    context, camera = context_of(request), form.get("camera", "")
    progress = ask_many(request, context, [camera] if camera else [])
    _log.info("cameras.asked", cameras=progress.total, by=identity_of(request).name)
    return go_to("/machine#checks")

"""Films of stills: asked for, watched while they are made, downloaded.

Not here: making them (library.timelapse_jobs). Routes that start or look at a child run in the event loop.
"""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from holdfast.api.files import Node
from holdfast.core.camera import CAMERA_ID
from holdfast.core.timing import iso
from holdfast.http.errors import problems
from holdfast.http.filming import Films, asked_for
from holdfast.http.rights import Right, needs
from holdfast.library.timelapse_jobs import JobNow

router = APIRouter(prefix="/api/v1/timelapses", tags=["stills"])

Which = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="Name of the film.", examples=["0123456789ab"])]


class FilmWanted(BaseModel):
    """Of which stills, and how fast."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"camera": "gate", "from": "2026-05-01T08:00", "to": "2026-05-01T18:00"}},
    )

    camera: str = Field(pattern=f"^{CAMERA_ID.pattern}$")
    begin: str = Field(alias="from", max_length=40, description="Begin of the span; site's time without an offset.")
    end: str = Field(alias="to", max_length=40, description="End of the span, which is not in it.")
    rate: float = Field(default=25.0, gt=0, le=60, description="Pictures a second.")
    width: int | None = Field(default=None, ge=16, le=7680, description="Pixels across at most.")


class FilmOut(BaseModel):
    """How a film stands."""

    id: str = Field(examples=["0123456789ab"])
    camera: str = Field(examples=["gate"])
    begin: str = Field(alias="from", examples=["2026-05-01T06:00:00.000Z"])
    end: str = Field(alias="to", examples=["2026-05-01T16:00:00.000Z"])
    rate: float = Field(examples=[25.0])
    state: Literal["working", "done", "failed"]
    done: int = Field(description="Pictures that are in it so far.", examples=[60])
    total: int = Field(description="Pictures in all; 0 while that is not known.", examples=[120])
    problem: str = Field(description="Why it failed.", examples=[""])
    url: str | None = Field(
        description="Where it is, when it is done.", examples=["/api/v1/timelapses/0123456789ab/film.mp4"]
    )


@router.post(
    "", summary="Make a film of stills", status_code=202, dependencies=[needs(Right.OPERATOR)],
    responses=problems(400, 401, 403, 404, 422, 429, 507),
)  # fmt: skip
async def make_film(context: Node, films: Films, body: FilmWanted) -> FilmOut:
    """Begin to make an MP4 of a camera's stills of a span; one at a time. It says how far it is."""
    wanted = await asyncio.to_thread(asked_for, context, body.camera, (body.begin, body.end), body.rate, body.width)
    return _out(films.start(wanted))


@router.get(
    "/{film}", summary="Get how a film stands", dependencies=[needs(Right.VIEWER)],
    responses=problems(401, 403, 404, 422),
)  # fmt: skip
async def get_film(films: Films, film: Which) -> FilmOut:
    """Return how far a film is, and where it is when it is done."""
    return _out(films.get(film))


@router.get(
    "/{film}/film.mp4", summary="Get a film", dependencies=[needs(Right.VIEWER)], response_class=FileResponse,
    responses={200: {"content": {"video/mp4": {}}}, **problems(401, 403, 404, 409, 422)},
)  # fmt: skip
async def download_film(films: Films, film: Which) -> FileResponse:
    """Return a film that is done."""
    return FileResponse(films.path_of(film), media_type="video/mp4", filename=films.get(film).asked.name)


@router.delete(
    "/{film}", summary="Stop or delete a film", dependencies=[needs(Right.OPERATOR)], status_code=204,
    responses=problems(401, 403, 404, 422),
)  # fmt: skip
async def delete_film(films: Films, film: Which) -> None:
    """End a film that is being made, or delete one that is done."""
    films.remove(film)


def _out(now: JobNow) -> FilmOut:
    asked = now.asked
    return FilmOut.model_validate(
        {
            "id": now.id, "camera": asked.camera, "from": iso(asked.from_us), "to": iso(asked.to_us),
            "rate": asked.rate, "state": now.state, "done": now.done, "total": now.total, "problem": now.problem,
            "url": f"/api/v1/timelapses/{now.id}/film.mp4" if now.state == "done" else None,
        }
    )  # fmt: skip

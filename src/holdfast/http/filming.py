"""Films of stills that are being made, held once for the whole server; routes ask for them with `films_of`.

Not here: what they do (library.timelapse_jobs), addresses (api), forms (web).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection

from holdfast.core.errors import HoldfastError, UsageError
from holdfast.http.context import Context
from holdfast.library.instants import read_instant
from holdfast.library.timelapse import name_of
from holdfast.library.timelapse_jobs import FOLDER, Asked, TimelapseJobs


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Let it live while the server does."""
    context: Context = app.state.context
    films = TimelapseJobs(context.state_dir / FOLDER, context.file.path)
    with suppress(HoldfastError):  # starting a film says why it cannot be made; everything else goes on
        films.open()
    app.state.films = films
    try:
        yield
    finally:
        await films.close()


async def _films_of(connection: HTTPConnection) -> TimelapseJobs:
    films: TimelapseJobs = connection.app.state.films
    return films


Films = Annotated[TimelapseJobs, Depends(_films_of)]


def asked_for(context: Context, camera: str, span: tuple[str, str], rate: float, width: int | None) -> Asked:
    """Return what somebody asks for.

    Raises:
        NotFound: There is no such camera.
        UsageError: The span is none.
    """
    name = context.camera_id(camera)
    now_us = context.clock.wall_us()
    from_us, to_us = (read_instant(word, context.zone, now_us) for word in span)
    if from_us >= to_us:
        raise UsageError("the span ends before it begins")
    return Asked(
        camera=name, from_us=from_us, to_us=to_us, rate=rate, width=width,
        name=name_of(name, (from_us, to_us), context.zone),
    )  # fmt: skip

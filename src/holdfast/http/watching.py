"""What shows pictures of footage, held once for the whole server: tiers that are converted for viewers.

Routes ask for it with `tiers_of`. Not here: what it does (library.tiers), addresses (api).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from holdfast.http.context import Context
from holdfast.library.tiers import Tiers


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Let it live while the server does."""
    context: Context = app.state.context
    tiers = Tiers(
        context.runtime_dir, context.clock, volumes=lambda: context.volumes,
        limit=lambda: context.config.web.transcodes, config=context.file.path,
    )  # fmt: skip
    async with tiers:
        app.state.tiers = tiers
        yield


def tiers_of(connection: HTTPConnection) -> Tiers:
    """Return the server's tiers."""
    tiers: Tiers = connection.app.state.tiers
    return tiers

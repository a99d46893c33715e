"""What shows pictures of footage, held once for the whole server: converted tiers, stills and MJPEG.

Routes ask for them with `tiers_of`, `stills_of` and `previews_of`. Not here: what they do (library), addresses (api).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from holdfast.catalog.db import Catalog
from holdfast.core.errors import CatalogError
from holdfast.http.context import Context
from holdfast.library.mjpeg import Previews
from holdfast.library.stills import Stills
from holdfast.library.tiers import Tiers


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Let it live while the server does."""
    context: Context = app.state.context
    tiers = Tiers(
        context.runtime_dir, context.clock, volumes=lambda: context.volumes,
        limit=lambda: context.config.web.transcodes, config=context.file.path,
    )  # fmt: skip
    stills = Stills(context.clock, volumes=lambda: context.volumes, catalog=lambda: _catalog(context))
    previews = Previews(context.clock, volumes=lambda: context.volumes)
    with stills, previews:
        async with tiers:
            app.state.tiers, app.state.stills, app.state.previews = tiers, stills, previews
            yield


def _catalog(context: Context) -> Catalog | None:
    try:
        return context.catalog()
    except CatalogError:
        return None  # the journals know of footage, too


def tiers_of(connection: HTTPConnection) -> Tiers:
    """Return the server's tiers."""
    tiers: Tiers = connection.app.state.tiers
    return tiers


def stills_of(connection: HTTPConnection) -> Stills:
    """Return the server's stills."""
    stills: Stills = connection.app.state.stills
    return stills


def previews_of(connection: HTTPConnection) -> Previews:
    """Return the server's MJPEG views."""
    previews: Previews = connection.app.state.previews
    return previews

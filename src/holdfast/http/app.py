"""Puts an application together: routers, errors in one shape, who asks. The role `server` and the tests build it here.

Not here: routes (api, web), listening (roles.server), headers and limits of every answer (guard).
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from holdfast import __version__
from holdfast.http import errors
from holdfast.http.context import Context
from holdfast.http.errors import PageFor
from holdfast.http.examples import add_examples
from holdfast.http.rights import Identify

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Wrap = Callable[[ASGIApp], ASGIApp]


class Application(FastAPI):
    """An application with something around all of it, also around what answers when everything else fails."""

    wrap: Wrap | None = None

    def openapi(self) -> dict[str, Any]:
        """Return the schema; made once."""
        if self.openapi_schema is None:
            self.openapi_schema = add_examples(errors.one_shape(super().openapi()))
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        """Put the layers together; called once, by the first request."""
        inner = super().build_middleware_stack()
        return inner if self.wrap is None else self.wrap(inner)


def build(
    context: Context,
    identify: Identify,
    routers: Iterable[APIRouter],
    *,
    pages: PageFor | None = None,
    alive: Iterable[Lifespan] = (),
    wrap: Wrap | None = None,
) -> FastAPI:
    """Build the application.

    Args:
        context: The node. Routes get it with `context_of`.
        identify: Says who asks.
        routers: Everything that answers.
        pages: Makes a page of an error, for people.
        alive: What must run while the server does: each is entered at the start and left at the end, in order.
        wrap: Puts a layer around everything, such as `guard`.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _entered(app, list(alive)):
            yield

    app = Application(
        title="Holdfast", version=__version__, lifespan=lifespan, openapi_url="/api/v1/openapi.json",
        docs_url=None, redoc_url=None,
    )  # fmt: skip
    app.wrap = wrap
    app.state.context = context
    app.state.identify = identify
    errors.install(app, pages)
    for router in routers:
        app.include_router(router)
    return app


@asynccontextmanager
async def _entered(app: FastAPI, lifespans: list[Lifespan]) -> AsyncIterator[None]:
    if not lifespans:
        yield
        return
    async with lifespans[0](app), _entered(app, lifespans[1:]):
        yield


def context_of(connection: HTTPConnection) -> Context:
    """Return the node, for use as a dependency: `context: Annotated[Context, Depends(context_of)]`."""
    context: Context = connection.app.state.context
    return context

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.http.app import Lifespan, build, context_of
from support.accounts import House


def test_an_application_knows_its_node(home: House) -> None:
    """Routes get the node, the schema stands at its agreed address, and there is no page of somebody else's tool."""
    router = APIRouter()

    @router.get("/where")
    def where(request: Request) -> str:
        return str(context_of(request).state_dir)

    home.app = build(home.context, lambda _: None, [router])
    client = home.client()
    assert client.get("/where").json() == str(home.context.state_dir)
    assert "/where" in client.get("/api/v1/openapi.json").json()["paths"]
    assert client.get("/docs").status_code == 404


def test_what_lives_beside_routes_ends_in_reverse(home: House) -> None:
    """What must run while the server does is begun in order and ended in reverse, also where there is nothing (R7)."""
    story: list[str] = []

    def beside(name: str) -> Lifespan:
        @asynccontextmanager
        async def life(_app: FastAPI) -> AsyncIterator[None]:
            story.append(f"{name} begins")
            yield
            story.append(f"{name} ends")

        return life

    async def live(app: FastAPI) -> None:
        async with app.router.lifespan_context(app):
            story.append("serving")

    asyncio.run(live(build(home.context, lambda _: None, [], alive=[beside("a"), beside("b")])))
    asyncio.run(live(build(home.context, lambda _: None, [])))
    assert story == ["a begins", "b begins", "serving", "b ends", "a ends", "serving"]


def test_a_layer_stands_around_everything(home: House) -> None:
    """What is put around an application sees every answer, also the one to an error that nobody expected."""
    seen: list[int] = []

    def wrap(app: ASGIApp) -> ASGIApp:
        async def layer(scope: Scope, receive: Receive, send: Send) -> None:
            async def note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    seen.append(message["status"])
                await send(message)

            await app(scope, receive, note)

        return layer

    router = APIRouter()
    router.get("/broken")(lambda: 1 // 0)
    home.app = build(home.context, lambda _: None, [router], wrap=wrap)
    assert home.client().get("/broken").status_code == 500
    assert seen == [500]

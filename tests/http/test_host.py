import asyncio
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from holdfast.http import host
from support.accounts import node
from support.clock import PushedClock
from support.web import context_for


def test_the_host_is_sampled_while_the_server_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor's share is ready when somebody asks for the first time, and sampling ends with the server."""
    monkeypatch.setattr(host, "SAMPLE_S", 0.01)
    clock = PushedClock()
    app = FastAPI()
    app.state.context = context_for(node(tmp_path), clock)

    async def lived() -> None:
        before = len(asyncio.all_tasks())
        async with host.lifespan(app):
            seen = host.host_of(HTTPConnection({"type": "http", "app": app}))
            first = seen._samples[-1].at_us
            clock.advance(5)
            async with asyncio.timeout(60):
                while seen._samples[-1].at_us == first:  # noqa: ASYNC110 - looking has no event of its own
                    await asyncio.sleep(0.01)
        assert len(asyncio.all_tasks()) == before

    asyncio.run(lived())
    app.state.context.close()
    assert host.holdings_of(HTTPConnection({"type": "http", "app": app})).catalog_now().problem == ""
    app.state.context.close()

"""What the server knows of its host and of this node's sums, for API and pages alike; lives as long as the server does.

Not here: looking (library.host, library.holdings), saying it (api.status, web.machine).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from holdfast.library.holdings import Holdings
from holdfast.library.host import SAMPLE_S, Host


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Sample the host while the server lives."""
    context = app.state.context
    host = app.state.host = Host(context.clock)
    app.state.holdings = Holdings(context.clock, context.catalog, context.node)

    async def sampled() -> None:
        while True:
            await asyncio.sleep(SAMPLE_S)
            await asyncio.to_thread(host.sample)

    task = asyncio.create_task(sampled(), name="host")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def host_of(connection: HTTPConnection) -> Host:
    """Return the host, for use as a dependency."""
    host: Host = connection.app.state.host
    return host


def holdings_of(connection: HTTPConnection) -> Holdings:
    """Return the node's sums, for use as a dependency."""
    holdings: Holdings = connection.app.state.holdings
    return holdings

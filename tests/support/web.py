"""An application over a node's folders, asked over a real socket or in process, as somebody with a right.

`application` builds it from routers; `Asked` is a client with a right; `serving` runs it under uvicorn on loopback.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.requests import HTTPConnection

from holdfast.catalog.db import open_catalog
from holdfast.core import config
from holdfast.core.clock import Clock
from holdfast.http.app import Lifespan, build
from holdfast.http.context import Context
from holdfast.http.line import Line
from holdfast.http.rights import Identity, Right


def fixed_identity(right: Right) -> Identity | None:
    """Somebody with a right; nobody for `PUBLIC`."""
    return None if right is Right.PUBLIC else Identity(name=f"test-{right}", right=right)


def context_for(path: Path, clock: Clock, environ: dict[str, str] | None = None) -> Context:
    """A context over a configuration file; close it."""
    return Context(config.load(path, environ or {}), clock, open_catalog=open_catalog)


def application(
    context: Context, routers: Iterable[APIRouter], right: Right = Right.ADMIN, alive: Iterable[Lifespan] = ()
) -> FastAPI:
    """An application where whoever asks has this right; the header `X-Test-Right` changes it for one request."""

    def identify(connection: HTTPConnection) -> Identity | None:
        return fixed_identity(Right(connection.headers.get("x-test-right", right)))

    return build(context, identify, routers, alive=alive)


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve on a free port of loopback; gives its address, `http://127.0.0.1:PORT`."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws=Line, lifespan="on"))
    thread = threading.Thread(target=server.run, name="uvicorn")
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive(), "the server ended while it was starting"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()

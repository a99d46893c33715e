"""A node with users, and clients that are signed in: the real application in process, with what it really checks."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import argon2
import httpx
import pytest
from fastapi import FastAPI

from holdfast.core.clock import Clock
from holdfast.http.context import Context
from holdfast.library import accounts
from holdfast.library.accounts import Role
from holdfast.roles.server import create_app
from support.web import context_for

PASSWORD = "correct horse battery"
ADDRESS = "http://127.0.0.1:8080"
_numbers = itertools.count(1)


def node(root: Path, *, catalog_url: str = "", more: str = "") -> Path:
    """Write a configuration without cameras; returns its path."""
    path = root / "holdfast.toml"
    catalog = f'[catalog]\nurl = "{catalog_url}"\n' if catalog_url else ""
    path.write_text(
        f'state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "vol"\n{catalog}{more}', encoding="utf-8"
    )
    (root / "state").mkdir(exist_ok=True)
    return path


class Client:
    """Somebody with a browser or a program: keeps cookies, asks in process."""

    def __init__(self, runner: asyncio.Runner, app: FastAPI, address: str, peer: str, headers: dict[str, str]) -> None:
        self._runner = runner
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(peer, 40_000))
        self._http = httpx.AsyncClient(transport=transport, base_url=address, headers=headers)

    @property
    def cookies(self) -> httpx.Cookies:
        """What it keeps."""
        return self._http.cookies

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask."""
        return self._runner.run(self._http.request(method, path, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def put(self, path: str, **more: Any) -> httpx.Response:
        return self.request("PUT", path, **more)

    def patch(self, path: str, **more: Any) -> httpx.Response:
        return self.request("PATCH", path, **more)

    def delete(self, path: str, **more: Any) -> httpx.Response:
        return self.request("DELETE", path, **more)

    def close(self) -> None:
        """Let everything go."""
        self._runner.run(self._http.aclose())


class House:
    """The application over a node, and its users."""

    def __init__(self, context: Context, app: FastAPI, runner: asyncio.Runner) -> None:
        self.context = context
        self.app = app
        self._runner = runner
        self._clients: list[Client] = []

    def user(self, role: Role, name: str = "") -> str:
        """Add a user; returns the name."""
        name = name or f"{role.value}{next(_numbers)}"
        accounts.add_user(self.context.catalog(), self.context.clock, name, PASSWORD, role)
        return name

    def token(self, role: Role, **more: Any) -> dict[str, str]:
        """Make a token; returns the header that shows it."""
        name = f"{role.value}-token{next(_numbers)}"
        _, token = accounts.add_token(self.context.catalog(), self.context.clock, name, role, **more)
        return {"Authorization": f"Bearer {token}"}

    def client(
        self, headers: dict[str, str] | None = None, *, address: str = ADDRESS, peer: str = "127.0.0.1"
    ) -> Client:
        """Return a client without a session, from an address."""
        self._clients.append(Client(self._runner, self.app, address, peer, headers or {}))
        return self._clients[-1]

    def signed_in(
        self, name: str, password: str = PASSWORD, *, address: str = ADDRESS, peer: str = "127.0.0.1"
    ) -> Client:
        """Return a client with a session."""
        client = self.client(address=address, peer=peer)
        answer = client.post("/api/v1/session", json={"name": name, "password": password})
        assert answer.status_code == 200, answer.text
        return client

    def close(self) -> None:
        """Close every client."""
        for client in self._clients:
            client.close()


@contextmanager
def _quick_hashes() -> Iterator[None]:
    """Hash passwords with argon2's least parameters; what the product's own are, the tests of library.accounts see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_HASHER", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@contextmanager
def house(root: Path, clock: Clock, *, catalog_url: str = "", more: str = "") -> Iterator[House]:
    """The application over a new node; closed at the end."""
    context = context_for(node(root, catalog_url=catalog_url, more=more), clock)
    with _quick_hashes(), asyncio.Runner() as runner:
        made = House(context, create_app(context), runner)
        stop = runner.run(_begun(made.app))
        try:
            yield made
        finally:
            made.close()
            runner.run(stop())
            context.close()


async def _begun(app: FastAPI) -> Callable[[], Coroutine[Any, Any, None]]:
    """Begin what runs beside an application's routes; returns what ends it. All of it in one task, as a server does."""
    ready, over = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.router.lifespan_context(app):
            ready.set()
            await over.wait()

    task = asyncio.create_task(live())
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()

    async def end() -> None:
        over.set()
        await task

    return end


def code(answer: httpx.Response) -> str:
    """Return the code of an error."""
    text: str = answer.json()["error"]["code"]
    return text

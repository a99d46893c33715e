import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from holdfast.http import guard as guard_module
from holdfast.http.app import build
from holdfast.http.guard import AGAIN_S, BODY_MAX, Guard, host_allowed, same_site
from holdfast.http.limits import Buckets
from holdfast.http.rights import Identity, Right, needs
from support.accounts import ADDRESS, Client, House, code, house
from support.clock import PushedClock
from support.web import context_for, serving

ORIGINS = '[web]\ncors_origins = ["https://Wall.example.org/"]\nhosts = ["cams.example.org", "*.site.example"]\n'


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8080", True), ("[::1]:8080", True), ("192.0.2.9", True), ("[2001:db8::1]", True),
        ("localhost:8080", True), ("recorder", True), ("recorder.local.", True), ("nvr.home.arpa:443", True),
        ("CAMS.example.org:8080", True), ("a.site.example", True), ("", True),
        ("evil.example", False), ("cams.example.org.evil.example", False), ("site.example", False),
        ("127.0.0.1.evil.example", False), ("evil.example:8080", False), ("local.evil.example", False),
    ],
)  # fmt: skip
def test_only_own_names_are_answered(host: str, allowed: bool) -> None:  # noqa: FBT001 - a column of the table
    """Addresses, local names and listed names are ours; a stranger's name that points here is not (C140)."""
    assert host_allowed(host, {"cams.example.org", "*.site.example"}) is allowed


@pytest.mark.parametrize(
    ("site", "origin", "allowed"),
    [
        (None, None, True), ("same-origin", "http://cams:8080", True), ("none", None, True),
        ("same-origin", "https://other.name", True), (None, "http://cams:8080", True),
        (None, "https://CAMS:8080", True),
        ("cross-site", "https://wall.example.org", True),
        ("cross-site", "http://evil.example", False), ("same-site", "http://cams:8081", False),
        (None, "http://evil.example", False), (None, "null", False), (None, "", False), (None, "http://[", False),
        (None, "http://cams:8080.evil.example", False), (None, "http://cams", False),
    ],
)  # fmt: skip
def test_changes_come_from_own_pages(site: str | None, origin: str | None, allowed: bool) -> None:  # noqa: FBT001 - a column of the table
    """A change may come from our pages, from a program or from a listed site, and from no other page (C139)."""
    assert same_site(site, origin, "cams:8080", {"https://wall.example.org"}) is allowed


@pytest.fixture
def open_house(tmp_path: Path, clock: PushedClock) -> Iterator[House]:
    """An application with public routes behind the guard."""
    with house(tmp_path, clock, more=ORIGINS) as made:
        router = APIRouter(prefix="/api/v1", dependencies=[needs(Right.PUBLIC)])

        @router.post("/echo")
        async def echo(request: Request) -> int:
            return len(await request.body())

        router.get("/plain")(lambda: "plain")
        router.get("/broken")(lambda: 1 // 0)
        watch = Guard(made.context, pages=page, buckets=Buckets(clock, each_s=1, burst=20))
        made.app = build(made.context, lambda _: None, [router], wrap=watch.around)
        yield made


async def page(request: Request, status: int, body: dict[str, Any]) -> Response:
    """Make a page of an error."""
    return HTMLResponse(f"<p>{body['error']['code']} {request.method}", status)


def test_a_strange_host_is_refused(open_house: House) -> None:
    """A name that is not ours is answered with what to do about it, in the common shape or as a page (C140)."""
    client = open_house.client()
    answer = client.get("/api/v1/plain", headers={"host": "evil.example"})
    assert (answer.status_code, code(answer)) == (421, "wrong-host")
    assert "hosts" in answer.json()["error"]["hint"]
    shown = client.get("/", headers={"host": "evil.example", "accept": "text/html"})
    assert shown.text == "<p>wrong-host GET"
    assert "content-security-policy" in shown.headers
    assert client.get("/api/v1/plain", headers={"host": "b.site.example"}).status_code == 200


def test_other_sites_change_nothing(open_house: House) -> None:
    """A change that another site's page sends is refused before any route sees it; reading is left to CORS (C139)."""
    client = open_house.client()
    evil = {"origin": "http://evil.example"}
    assert code(client.post("/api/v1/echo", headers=evil)) == "not-allowed"
    assert client.post("/api/v1/echo", headers={"origin": ADDRESS}).status_code == 200
    assert client.post("/api/v1/echo", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    read = client.get("/api/v1/plain", headers=evil)
    assert read.status_code == 200
    assert "access-control-allow-origin" not in read.headers


def test_listed_sites_may_use_the_api(open_house: House) -> None:
    """A listed site's pages may ask first and read answers, without cookies; nobody else may (C139)."""
    client = open_house.client({"origin": "https://wall.example.org"})
    asked = client.request("OPTIONS", "/api/v1/echo", headers={"access-control-request-method": "POST"})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == "https://wall.example.org"
    assert "Authorization" in asked.headers["access-control-allow-headers"]
    answer = client.post("/api/v1/echo", content=b"abc")
    assert (answer.status_code, answer.json()) == (200, 3)
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers
    other = open_house.client({"origin": "http://evil.example"})
    assert (
        other.request("OPTIONS", "/api/v1/echo", headers={"access-control-request-method": "POST"}).status_code == 405
    )


def test_bodies_are_bounded(open_house: House) -> None:
    """A body up to a megabyte is taken; a larger one is refused, whether it says its length or not (C140)."""
    client = open_house.client()

    async def pieces(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * 65_536

    assert client.post("/api/v1/echo", content=b"x" * BODY_MAX).json() == BODY_MAX
    assert client.post("/api/v1/echo", content=pieces(16)).json() == BODY_MAX
    assert code(client.post("/api/v1/echo", content=b"x" * (BODY_MAX + 1))) == "too-large"
    assert client.post("/api/v1/echo", content=pieces(17)).status_code == 413


def test_slow_bodies_are_cut_off(open_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends a body by drops does not hold a place for ever (C140)."""
    monkeypatch.setattr(guard_module, "BODY_S", 0.05)

    async def drops() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    answer = open_house.client().post("/api/v1/echo", content=drops())
    assert (answer.status_code, code(answer)) == (408, "too-slow")


def test_requests_are_limited_by_address(open_house: House) -> None:
    """An address that asks too much is told when to come back; another one is not kept waiting (C140)."""
    busy, calm = open_house.client(peer="192.0.2.1"), open_house.client(peer="192.0.2.2")
    codes = [busy.get("/api/v1/plain").status_code for _ in range(21)]
    assert (codes.count(200), codes[-1]) == (20, 429)
    assert busy.get("/api/v1/plain").headers["retry-after"] == "2"
    assert calm.get("/api/v1/plain").status_code == 200


def test_every_answer_is_protected(open_house: House) -> None:
    """Every answer, errors that nobody expected included, forbids foreign scripts, frames and guessing (C140)."""
    client = open_house.client()
    for path in ("/api/v1/plain", "/nowhere", "/api/v1/broken"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert client.get("/api/v1/plain").headers["cache-control"] == "no-store"
    assert "cache-control" not in client.get("/nowhere").headers


def test_only_players_are_asked_for_a_password(home: House) -> None:
    """Who is not signed in and is no browser is told that Basic would do; a browser would open a window (C103)."""
    answers = [home.client({"user-agent": who}).get("/api/v1/session") for who in ("VLC/3.0.18", "Mozilla/5.0 (X11)")]
    said = [answer.headers.get_list("www-authenticate") for answer in answers]
    assert said == [["Bearer", 'Basic realm="Holdfast"'], ["Bearer"]]


def test_settings_are_followed(tmp_path: Path, clock: PushedClock) -> None:
    """A name that is added to the settings is answered without a restart."""
    with house(tmp_path, clock) as home:
        watch = Guard(home.context)
        home.app = build(home.context, lambda _: None, [], alive=[watch.lifespan], wrap=watch.around)
        client: Client = home.client()
        assert client.get("/", headers={"host": "cams.example.org"}).status_code == 421
        path = home.context.file.path
        path.write_text(path.read_text(encoding="utf-8") + ORIGINS, encoding="utf-8")
        clock.advance(1)
        watch.follow()
        assert client.get("/", headers={"host": "cams.example.org"}).status_code == 404


class Streams:
    """An application with endless answers, for viewers who may be signed out; served over a real socket."""

    def __init__(self, root: Path, clock: PushedClock) -> None:
        self.clock = clock
        self.welcome = True
        self.ended: list[str] = []
        self.context = context_for(root, clock)
        router = APIRouter(dependencies=[needs(Right.VIEWER)])
        router.add_api_route("/events", self.events)
        router.add_api_websocket_route("/socket", self.socket)
        watch = Guard(self.context)
        self.app = build(self.context, self.identify, [router], wrap=watch.around)

    def identify(self, _connection: object) -> Identity | None:
        return Identity(name="ann", right=Right.VIEWER) if self.welcome else None

    async def events(self) -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x\n"
                    await asyncio.sleep(0.01)
            finally:
                self.ended.append("events")

        return StreamingResponse(lines())

    async def socket(self, socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                await socket.send_text("x")
                await asyncio.sleep(0.01)
        except WebSocketDisconnect:
            self.ended.append("socket")


def _drain(socket: ClientConnection) -> None:
    while True:
        socket.recv(timeout=60)


def test_signed_out_viewers_are_cut_off(tmp_path: Path, clock: PushedClock) -> None:
    """Endless answers end within half a minute of their viewer being signed out; their routes see a goodbye."""
    (tmp_path / "h.toml").write_text('state_dir = "state"\nruntime_dir = "run"\n[volumes.m]\npath = "v"\n')
    streams = Streams(tmp_path / "h.toml", clock)
    with serving(streams.app) as address:
        with (
            httpx.stream("GET", f"{address}/events", timeout=60) as answer,
            connect(f"{address.replace('http', 'ws')}/socket") as ws,
        ):
            lines = answer.iter_lines()
            assert (next(lines), ws.recv()) == ("x", "x")
            clock.advance(AGAIN_S)
            assert (next(lines), ws.recv()) == ("x", "x")
            streams.welcome = False
            clock.advance(AGAIN_S)
            for _ in lines:
                pass
            with pytest.raises(ConnectionClosed) as closed:
                _drain(ws)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008
        assert httpx.get(f"{address}/events", timeout=60).status_code == 401
    assert sorted(streams.ended) == ["events", "socket"]
    streams.context.close()


def test_sockets_of_other_sites_are_refused(
    tmp_path: Path, clock: PushedClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A WebSocket that another site's page or nobody signed in opens is refused at the handshake, quietly (C139)."""
    (tmp_path / "h.toml").write_text('state_dir = "state"\nruntime_dir = "run"\n[volumes.m]\npath = "v"\n')
    streams = Streams(tmp_path / "h.toml", clock)
    with serving(streams.app) as address:
        place = f"{address.replace('http', 'ws')}/socket"
        with connect(place, origin=Origin(address)) as ws:
            assert ws.recv() == "x"
        with pytest.raises(InvalidStatus) as refused, connect(place, origin=Origin("http://evil.example")):
            pass
        assert refused.value.response.status_code == 403
        streams.welcome = False
        logging.getLogger("uvicorn.error").addHandler(caplog.handler)
        with pytest.raises(InvalidStatus) as unknown, connect(place):
            pass
        assert unknown.value.response.status_code == 401
    logging.getLogger("uvicorn.error").removeHandler(caplog.handler)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
    streams.context.close()

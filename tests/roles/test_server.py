import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from holdfast.catalog.db import open_catalog
from holdfast.core.clock import SystemClock
from holdfast.core.config.model import WebConfig
from holdfast.core.errors import AlreadyRunning, ConfigError
from holdfast.library import accounts
from holdfast.library.accounts import Role
from holdfast.roles.server import Place, bind
from support.accounts import PASSWORD, node
from support.node import Node, simulate
from support.rtsp_peer import free_port

# `holdfast serve` with two answers that never end, one of them larger than any socket's buffer.
STREAMS = """
import asyncio, sys
from fastapi import APIRouter, WebSocket
from fastapi.responses import StreamingResponse
from starlette.websockets import WebSocketDisconnect
from holdfast.cli.main import main
from holdfast.http.rights import Right, needs
from holdfast.roles import server
router = APIRouter(dependencies=[needs(Right.PUBLIC)])
async def forever(piece):
    while True:
        yield piece
        await asyncio.sleep(0.01)
@router.get("/events")
async def events(): return StreamingResponse(forever(b"x\\n"))
@router.get("/flood")
async def flood(): return StreamingResponse(forever(b"x" * 1_000_000))
@router.websocket("/socket")
async def socket(socket: WebSocket):
    await socket.accept()
    try:
        while True:
            await socket.send_text("x")
            await asyncio.sleep(0.01)
    except WebSocketDisconnect:
        pass
server.ROUTERS = (*server.ROUTERS, router)
main(sys.argv[1:])
"""


class Serving:
    """`holdfast serve` in a folder."""

    def __init__(self, root: Path, *, more: str = "") -> None:
        self.root = root
        self.config = node(root, more=f"[web]\nport = 0\n{more}")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, program: tuple[str, ...] = ("-m", "holdfast")) -> "Serving":
        """Start it."""
        argv = [sys.executable, *program, "serve", "-c", str(self.config), *options]
        environ = {**os.environ, "HOLDFAST_WEB__ENABLED": "true"}
        with (self.root / "output").open("ab") as sink:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environ)
        return self

    @property
    def output(self) -> str:
        """What it said on the terminal."""
        return (self.root / "output").read_text(encoding="utf-8")

    def status(self) -> dict[str, Any]:
        """Return `server.json`; empty before there is one."""
        path = self.root / "run/server.json"
        body: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
        return body

    def until(self, done: Callable[[dict[str, Any]], object], limit_s: float = 60.0) -> dict[str, Any]:
        """Wait for the status to be so."""
        end = time.monotonic() + limit_s
        while not done(status := self.status()):
            assert time.monotonic() < end, f"{status}\n{self.output}"
            time.sleep(0.05)
        return status

    def address(self) -> str:
        """Wait until it listens and knows about users; its address."""
        return str(self.until(lambda s: s.get("address") and s.get("setup_needed") is not None)["address"])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """End it; returns its exit code and how long that took, in seconds."""
        assert self.process is not None
        begun = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(60), time.monotonic() - begun


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """A server to be started, ended after the test."""
    made = Serving(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait(60)


@pytest.mark.best_of_three
def test_first_start_to_first_sign_in(serving: Serving) -> None:
    """The first start prints a setup token, which makes the first admin and is not logged; a stop is orderly (C103)."""
    address = serving.start().address()
    token = (serving.root / "state/setup-token").read_text(encoding="ascii")
    assert address in serving.output
    assert token in serving.output
    wanted = {"token": token, "name": "ann", "password": PASSWORD}
    with httpx.Client(base_url=address, timeout=60) as client:
        assert client.get("/api/v1/session").status_code == 401
        assert client.post("/api/v1/setup", json=wanted).status_code == 200
        assert client.get("/api/v1/session").json()["name"] == "ann"
    assert "server" not in httpx.get(f"{address}/api/v1/setup", timeout=60).headers
    code, took_s = serving.stop()
    assert code == 0
    assert took_s < 10
    assert serving.status()["state"] == "stopped"
    log = (serving.root / "state/log/server.log").read_text(encoding="utf-8")
    assert "server.stopped" in log
    assert not [secret for secret in (token, PASSWORD) if secret in log + json.dumps(serving.status())]


@pytest.mark.best_of_three
def test_a_stop_does_not_wait_for_viewers(serving: Serving) -> None:
    """With viewers who read, who stopped reading and who are half done, a stop is whole and quick (C135)."""
    address = serving.start(program=("-c", STREAMS)).address()
    host, _, port = address.removeprefix("http://").partition(":")
    with (
        closing(socket.create_connection((host, int(port)))) as half,
        closing(socket.create_connection((host, int(port)))) as stalled,
        httpx.Client(base_url=address, timeout=60) as kept,
        httpx.stream("GET", f"{address}/events", timeout=60) as events,
        connect(f"ws://{host}:{port}/socket") as viewer,
    ):
        half.sendall(b"GET /api/v1/setup HTTP/1.1\r\nHost: x\r\n")
        stalled.sendall(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept.get("/api/v1/setup").status_code == 200
        lines = events.iter_lines()
        assert (next(lines), viewer.recv()) == ("x", "x")
        code, took_s = serving.stop()
        assert set(lines) == {"x"}  # and no error: its end was sent
        with suppress(ConnectionClosed):
            while True:
                viewer.recv()
    assert code == 0
    assert took_s < 10
    log = (serving.root / "state/log/server.log").read_text(encoding="utf-8")
    assert "server.stopped" in log
    assert '"level":"error"' not in log


def test_a_taken_port_is_waited_for(serving: Serving, tmp_path: Path) -> None:
    """A port that another program has is named with what to do, waited for, and taken when it is free (C139)."""
    port = free_port()  # one that nobody else is given while it is free
    with closing(socket.create_server(("127.0.0.1", port))):
        serving.config.write_text(
            serving.config.read_text(encoding="utf-8").replace("port = 0", f"port = {port}"), encoding="utf-8"
        )
        assert serving.start().process is not None
        assert serving.process is not None
        assert serving.process.wait(60) == AlreadyRunning.exit_code
        assert f"port {port} of 127.0.0.1 is taken by another program" in serving.output
        status = serving.start("--wait").until(lambda s: s.get("state") == "waiting")
        assert "taken" in status["problem"]
        assert "[web]" in status["hint"]
    assert serving.until(lambda s: s.get("address"))["port"] == port
    assert serving.stop()[0] == 0


def test_one_server_a_state_folder(serving: Serving) -> None:
    """A second server of the same node ends with a distinct code and leaves the first one alone (F07)."""
    serving.start().address()
    second = Serving(serving.root).start()
    assert second.process is not None
    assert second.process.wait(60) == AlreadyRunning.exit_code
    assert serving.status()["state"] == "running"


def test_changed_addresses_are_moved_to(serving: Serving) -> None:
    """A changed address or certificate is taken without a restart; one that cannot be used is said (C139)."""
    before = serving.start("--wait").address()
    cert, key = serving.root / "cert.pem", serving.root / "key.pem"
    text = serving.config.read_text(encoding="utf-8") + f'tls_cert = "{cert}"\ntls_key = "{key}"\n'
    cert.write_text("nonsense", encoding="utf-8")
    key.write_text("nonsense", encoding="utf-8")
    serving.config.write_text(text, encoding="utf-8")
    # A file that is read half written is another problem.
    serving.until(lambda s: "certificate" in s.get("problem", ""))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    after = str(serving.until(lambda s: s.get("address") and not s["problem"])["address"])
    assert (before[:5], after[:6]) == ("http:", "https:")
    serving.until(lambda s: s["state"] == "running")
    with open_catalog(f"sqlite:///{serving.root}/state/catalog.sqlite") as catalog:
        accounts.add_user(catalog, SystemClock(), "ann", PASSWORD, Role.ADMIN)
    with httpx.Client(verify=ssl.create_default_context(cafile=str(cert)), timeout=60) as client:
        answer = client.post(f"{after}/api/v1/session", json={"name": "ann", "password": PASSWORD})
    assert "Secure" in answer.headers["set-cookie"]
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{before}/api/v1/setup", timeout=60)
    assert serving.stop(signal.SIGINT)[0] == 0


def place(**web: Any) -> Place:
    """Make a place."""
    return Place.of(WebConfig(**web))


def test_addresses_to_type() -> None:
    """The address that is printed can be typed into a browser on this machine."""
    assert place().address(8080) == "http://127.0.0.1:8080"
    assert place(listen="::").address(9) == "http://127.0.0.1:9"
    assert place(listen="::1", tls_cert=Path("c"), tls_key=Path("k")).address(9) == "https://[::1]:9"
    assert place(listen="192.0.2.1").address(9) == "http://192.0.2.1:9"


def test_it_listens_on_loopback_unless_told(no_leaks: None) -> None:
    """Without a setting only this machine is served; `::` means every address, of both kinds (C139)."""
    with closing(bind(place(port=0))) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        # Without it asyncio leaves small answers to wait for 40 ms.
        assert listener.proto == socket.IPPROTO_TCP
    with closing(bind(place(port=0, listen="::"))) as every:
        port = every.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port), timeout=5).close()


@pytest.mark.parametrize(
    ("listen", "why"), [("192.0.2.1", "does not have the address"), ("no such host!", "is no address")]
)
def test_bad_addresses_are_named(listen: str, why: str, no_leaks: None) -> None:
    """An address that this machine does not have, or that is none, is named with what to do."""
    with pytest.raises(ConfigError, match=why) as refused:
        bind(place(port=0, listen=listen))
    assert refused.value.hint


def test_its_trouble_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under `holdfast run` a killed server is back, a taken port is said, and recording never notices (C024)."""
    monkeypatch.setenv("HOLDFAST_WEB__ENABLED", "true")
    with simulate("gate") as sim, Node(tmp_path, {"gate": sim.url("gate")}, more="[web]\nport = 0\n") as node:
        node.run().until(lambda: node.recording("gate") and node.role("server").get("setup_needed") is not None)
        node.until(lambda: "setup token" in (tmp_path / "output").read_text(encoding="utf-8"))
        recorder, first = node.child("recorder-0")["pid"], node.role("server")["pid"]
        os.kill(first, signal.SIGKILL)
        node.until(lambda: node.role("server")["pid"] != first and node.role("server")["state"] == "running")
        port = free_port()
        with closing(socket.create_server(("127.0.0.1", port))):
            text = node.config.read_text(encoding="utf-8")
            node.config.write_text(text.replace("port = 0", f"port = {port}"), encoding="utf-8")
            # A file that is read half written is another problem.
            node.until(lambda: "taken" in node.role("server").get("problem", ""))
            assert f"port {port} of 127.0.0.1 is taken" in str(node.status()["troubles"])
        node.until(lambda: node.role("server").get("port") == port)
        assert (node.child("recorder-0")["pid"], node.child("recorder-0")["restarts"]) == (recorder, 0)
        node.until(lambda: node.recording("gate"))
        assert node.stop() == 0
    token = (tmp_path / "state/setup-token").read_text(encoding="ascii")
    for path in (tmp_path / "state/log").glob("*.log"):
        assert token not in path.read_text(encoding="utf-8")

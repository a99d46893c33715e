"""A node with cameras as pages see it: settings, plan, status files of any state, and who opens them."""

import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from holdfast.core import config
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock, SystemClock
from holdfast.core.status import StreamState, StreamStatus, status_name
from holdfast.core.timing import SECOND_US
from holdfast.library import cameras as library_cameras
from holdfast.library import retention
from holdfast.library.accounts import Role
from holdfast.library.desired import build_plan, publish_plan
from holdfast.library.index import Indexer
from holdfast.storage.volume import create_marker
from support.accounts import Client, House, house
from support.clock import PushedClock
from support.journals import Told

_REWRITE_S = 1.0  # as recorders do
TRACKS = [{"kind": "video", "codec": "h264", "width": 1920, "height": 1080}]


class _Fields(HTMLParser):
    """Collects what a browser would send of a form that nobody touched."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._action = action
        self._inside = False
        self._select = self._text = ""

    def handle_data(self, data: str) -> None:
        if self._text:
            self.found[self._text] += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = has.get("action", "") == self._action
        elif not self._inside or "disabled" in has:
            self._select = self._select if tag == "option" else ""
        elif tag == "input" and "name" in has and (has.get("type") not in {"checkbox", "radio"} or "checked" in has):
            self.found[has["name"]] = has.get("value", "")
        elif tag == "textarea":
            self._text, self.found[has["name"]] = has["name"], ""
        elif tag == "select":
            self._select = has.get("name", "")
        if tag == "option" and self._select and (self._select not in self.found or "selected" in has):
            self.found[self._select] = has.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._select = "" if tag == "select" else self._select
        self._text = "" if tag == "textarea" else self._text
        self._inside = self._inside and tag != "form"


def untouched(html: str, action: str) -> dict[str, str]:
    """Return what a browser sends of a form of a page, as it stands."""
    parser = _Fields(action)
    parser.feed(html)
    assert parser.found, f"there is no form that posts to {action!r}"
    return parser.found


class Site:
    """The application over a node whose recorders say what a test wants them to say."""

    def __init__(self, root: Path, home: House, clock: Clock) -> None:
        self.root = root
        self.home = home
        self.clock = clock
        self._people: dict[str, Client] = {}
        self._told: dict[str, StreamStatus] = {}
        self._filmed: set[str] = set()
        self._writing = threading.Lock()

    def publish(self) -> None:
        """Do what the worker does: make the plan of the settings."""
        loaded = config.load(self.root / "holdfast.toml", {})
        (self.root / "vol").mkdir(exist_ok=True)
        publish_plan(self.root / "state", build_plan(loaded))

    def says(self, camera: str, state: StreamState = StreamState.RECORDING, **more: object) -> StreamStatus:
        """Do what a recorder does: write the status file of a camera's main stream, as of now."""
        now_us = self.clock.wall_us()
        told = StreamStatus(camera=camera, stream="main", state=state, at_us=now_us, since_us=now_us - 60 * SECOND_US)
        if state is StreamState.RECORDING:
            told = replace(told, tracks=TRACKS, fps=25.0, last_sample_us=now_us, bitrate_bps=4_000_000)
        told = replace(told, **more)  # type: ignore[arg-type] # fields of the caller's choice
        with self._writing:
            self._told[camera] = told
            filmed = state is StreamState.RECORDING and "last_sample_us" not in more
            (self._filmed.add if filmed else self._filmed.discard)(camera)
            self._write(told)
        return told

    def _write(self, told: StreamStatus) -> None:
        path = self.root / "run" / status_name(told.camera, "main")
        path.parent.mkdir(exist_ok=True)
        half = path.with_suffix(".half")
        half.write_text(told.to_json(), encoding="utf-8")
        half.replace(path)  # whoever reads meanwhile reads one or the other

    def _go_on(self, over: threading.Event) -> None:
        while not over.wait(_REWRITE_S):
            with self._writing:
                for told in list(self._told.values()):
                    now_us = self.clock.wall_us()
                    # Pictures go on coming where they come; what a test said of the last one stays.
                    came = told.camera in self._filmed
                    self._write(replace(told, at_us=now_us, last_sample_us=now_us if came else told.last_sample_us))

    @contextmanager
    def rewritten(self) -> Iterator[None]:
        """Do what recorders do each second: say again what they said, as of now. Else all of them are soon gone."""
        over = threading.Event()
        thread = threading.Thread(target=self._go_on, args=(over,), name="recorders")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def journal(self, camera: str) -> Told:
        """Return the journal that a recorder of this camera writes, open."""
        assert isinstance(self.clock, PushedClock)
        journal = Told(self.root / "vol", self.clock, StreamKey(camera, "main"))
        journal.open()
        return journal

    def index(self) -> None:
        """Do what the worker does: read the journals into the catalog."""
        Indexer(self.home.context.catalog(), dict(self.home.context.volumes), self.clock).pass_once()

    def as_(self, role: Role = Role.VIEWER) -> Client:
        """A browser that somebody with a role is signed in with."""
        if role not in self._people:
            client = self.home.client({"Accept": "text/html"})
            name = self.home.user(role)
            assert client.post("/sign-in", data={"name": name, "password": "correct horse battery"}).status_code == 303
            self._people[role] = client
        return self._people[role]

    def page(self, path: str, role: Role = Role.VIEWER, status: int = 200) -> str:
        """Open a page; its HTML."""
        answer = self.as_(role).get(path)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"].startswith("text/html")
        return answer.text


@contextmanager
def site(root: Path, clock: Clock, *cameras: str, more: str = "", url: str = "rtsp://127.0.0.1:9/x") -> Iterator[Site]:
    """A node with these cameras, planned, without recorders. By the machine's clock what they say is `rewritten`."""
    text = "".join(f'[cameras.{camera}]\nurl = "{url}"\n' for camera in cameras)
    with house(root, clock, more=text + more) as home:
        made = Site(root, home, clock)
        made.publish()
        with made.rewritten() if isinstance(clock, SystemClock) else nullcontext():
            yield made


@contextmanager
def aged_site(root: Path, clock: PushedClock, *, more: str = "") -> Iterator[Site]:
    """A node whose gate has four files of nine days ago and one of today, and that may delete."""
    with site(root, clock, "gate", more=more) as made:
        retention.confirm(made.home.context.catalog(), clock)
        create_marker(made.root / "vol", 0)
        told = made.journal("gate")
        for _ in range(4):
            told.record(600)
        clock.advance(9 * 86_400)
        told.record(600, "r2")
        clock.advance(900)
        made.index()
        yield made
        told.die()


@contextmanager
def silent_cameras(count: int) -> Iterator[list[socket.socket]]:
    """Addresses that take a connection and never say anything; `was_asked` tells whether somebody came."""
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]


def cameras_at(servers: list[socket.socket]) -> str:
    """Settings of cameras dead0, dead1 and so on at these addresses."""
    ports = [server.getsockname()[1] for server in servers]
    return "".join(f'[cameras.dead{n}]\nurl = "rtsp://127.0.0.1:{port}/x"\n' for n, port in enumerate(ports))


def runtime_cameras(made: Site) -> dict[str, dict[str, object]]:
    """What the catalog holds of each camera that was added or changed while the node ran."""
    found = library_cameras.runtime_settings(made.home.context.catalog(), made.home.context.node)
    return {str(camera["id"]): camera for camera in found}


def was_asked(cameras: list[socket.socket]) -> bool:
    """Say whether anybody has connected to one of them."""
    ready, _, _ = select.select(cameras, [], [], 0)
    return bool(ready)


def words(html: str) -> str:
    """What a person reads of a page: no markup, no data for scripts, single blanks."""
    text = re.sub(r"<script.*?</script>|<!--.*?-->", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))

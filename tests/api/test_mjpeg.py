"""MJPEG over HTTP, of a camera that a real recorder records meanwhile."""

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from holdfast.api import mjpeg
from holdfast.core.camera import StreamKey
from holdfast.library.mjpeg import Previews
from support.clock import PushedClock
from support.pictures import Recorded, being_recorded, number_in, recorded, seeing, size_of
from support.recording import until
from support.web import serving

KEY = StreamKey("cam1", "main")


@dataclass
class Live:
    """A camera that is being recorded, and the application that shows it."""

    tree: Recorded
    app: FastAPI
    address: str

    @property
    def previews(self) -> Previews:
        previews: Previews = self.app.state.previews
        return previews

    def client(self, right: str = "admin") -> httpx.Client:
        """A client with a right, which is another viewer's name, too."""
        return httpx.Client(
            base_url=f"{self.address}/api/v1/cameras", trust_env=False, timeout=60, headers={"x-test-right": right}
        )

    def frames(
        self, count: int, right: str = "admin", over: threading.Event | None = None, **query: str | int
    ) -> list[tuple[int, bytes]]:
        """Read pictures with their instants, as a viewer does; more than `count` where something is not over yet."""
        with self.client(right) as client, client.stream("GET", "cam1/live.mjpeg", params=query) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
            return list(_frames(answer.iter_bytes(), count, over))


def _frames(pieces: Iterator[bytes], count: int, over: threading.Event | None) -> Iterator[tuple[int, bytes]]:
    data = b""
    for piece in pieces:
        data += piece
        while b"\r\n\r\n" in data:
            head, _, rest = data.partition(b"\r\n\r\n")
            said = dict(line.split(b": ") for line in head.strip().split(b"\r\n")[1:])
            size = int(said[b"Content-Length"])
            if len(rest) < size + 2:
                break
            yield int(said[b"X-Holdfast-At-Us"]), rest[:size]
            data = rest[size + 2 :]
            count -= 1
            if count <= 0 and (over is None or over.is_set()):
                return


@pytest.fixture(scope="module", name="live")
def _live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    root = tmp_path_factory.mktemp("live")
    with (
        being_recorded(root, "h264", segment_s=600, first_file=False) as tree,
        seeing(root) as app,
        serving(app) as address,
    ):
        yield Live(tree, app, address)


@pytest.mark.best_of_three
def test_pictures_follow_the_camera(live: Live) -> None:
    """C023: a viewer sees the camera's pictures, scaled, in their order and at most as many as were asked for."""
    began = time.monotonic()
    frames = live.frames(8, fps=5, width=160)
    assert time.monotonic() - began < 8
    instants = [at for at, _ in frames]
    assert all(0.18e6 < later - earlier < 0.9e6 for earlier, later in itertools.pairwise(instants))
    assert {size_of(body) for _, body in frames} == {(160, 120)}
    numbers = [number_in(body) for _, body in frames]
    steps = [(later - earlier) * 25 / 1e6 for earlier, later in itertools.pairwise(instants)]
    shown = [later - earlier for earlier, later in itertools.pairwise(numbers)]
    assert sum(abs(step - round(moved)) < 0.2 for step, moved in zip(shown, steps, strict=True)) >= 6
    assert time.time() * 1e6 - instants[-1] < 3e6


def test_viewers_share_one_decoder(live: Live) -> None:
    """C023: five viewers of one camera are served by one decoder, which ends with the last of them."""
    over = threading.Event()
    with ThreadPoolExecutor(5) as pool:
        jobs = [pool.submit(live.frames, 6, over=over, fps=3) for _ in range(5)]
        try:
            until(lambda: live.previews.running().get(KEY, (0, 0))[0] == 5)
            assert list(live.previews.running()) == [KEY]
        finally:
            over.set()
        assert all(len(job.result()) >= 6 for job in jobs)
    until(lambda: not live.previews.running())


def test_view_lives_from_start_to_stop(live: Live) -> None:
    """C023: start, heartbeat and stop answer success with words; stop ends the pictures that are shown under it."""
    with live.client("operator") as client:
        refused = client.post("cam1/live/heartbeat")
        assert (refused.status_code, refused.json()["success"]) == (409, False)
        started = client.post("cam1/live/start").json()
        assert started == {"success": True, "message": "live view of cam1 runs; send a heartbeat every 10 s"}
        assert client.post("cam1/live/heartbeat").json()["success"]
        got = threading.Event()

        def watch() -> int:
            count = 0
            with (
                live.client("operator") as viewer,
                viewer.stream("GET", "cam1/live.mjpeg", params={"fps": 5}) as answer,
            ):
                for _ in answer.iter_bytes():
                    count += 1
                    got.set()
            return count

        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            assert got.wait(60)
            assert client.post("cam1/live/stop").json()["success"]
            assert watching.result(60) > 0
        assert client.post("cam1/live/stop").json()["message"] == "live view of cam1 was not running"
    until(lambda: not live.previews.running())


def test_viewer_that_does_not_read_is_let_go(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """F59: a viewer that stops reading is let go, and nothing is decoded for it any more."""
    monkeypatch.setattr(mjpeg, "DROP_S", 1.0)
    place = urlsplit(live.address)
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect((place.hostname, place.port))
        stalled.sendall(b"GET /api/v1/cameras/cam1/live.mjpeg?fps=25&width=320 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(live.previews.running)
        until(lambda: not live.previews.running())


def test_camera_that_nobody_knows_and_all_of_them(live: Live) -> None:
    """C023, F55: an unknown camera is 404 and all cameras at once are 400, for each address, with words."""
    with live.client() as client:
        for camera, status in (("nobody", 404), ("all", 400)):
            answers = [client.get(f"{camera}/live.mjpeg")]
            answers += [client.post(f"{camera}/live/{verb}") for verb in ("start", "heartbeat", "stop")]
            assert {answer.status_code for answer in answers} == {status}
            assert all(answer.json()["success"] is False and answer.json()["message"] for answer in answers)
            assert all(answer.json()["error"]["message"] == answer.json()["detail"] for answer in answers)


def test_camera_that_is_away_is_503(tmp_path: Path) -> None:
    """C023: a camera that sends nothing is 503 with a time to try again; one without any footage is 404."""
    recorded(tmp_path, "h264", seconds=1)
    clock = PushedClock(time.time_ns() // 1000 + 60_000_000)
    with seeing(tmp_path, clock) as app, serving(app) as address:
        client = httpx.Client(base_url=f"{address}/api/v1/cameras", trust_env=False, timeout=60)
        with client:
            for answer in (client.get("cam1/live.mjpeg"), client.post("cam1/live/start")):
                assert answer.status_code == 503
                assert answer.json()["error"]["code"] == "unreachable"
                assert answer.headers["retry-after"] == "5"
            assert client.get("away/live.mjpeg").status_code == 404

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any

import pytest

from holdfast.core.camera import Sample
from holdfast.core.clock import SystemClock
from holdfast.core.errors import AuthFailed, Refused, SourceEnded, SourceError, Stalled, Unreachable, Unsupported
from holdfast.core.plan import Encoding, StreamPlan
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.http import HttpSource
from support.encoding import decoded
from support.rtsp_peer import unanswering
from support.web_camera import SHADES, WebCamera, web_camera

pytestmark = pytest.mark.best_of_three  # real time is the subject: who writes and who reads are threads beside others

PASSWORD = "p@ss:w/rd%41"


def plan(url: str, **more: Any) -> StreamPlan:
    """A plan for a web address, encoded small and by the processor."""
    facts: dict[str, Any] = {
        "camera": "gate", "stream": "main", "source": "http", "url": url, "volume": "/nowhere", "stall_s": 1.0,
        "open_timeout_s": 3.0, "encode": Encoding(frame_rate=20, poll_rate=20, encoder="software"),
    }  # fmt: skip
    return StreamPlan(**{**facts, **more})


@contextmanager
def opened(made: StreamPlan) -> Iterator[HttpSource]:
    """An open source, read in this process."""
    source = HttpSource(made, SystemClock())
    try:
        source.open()
        yield source
    finally:
        source.close()


@pytest.fixture(name="camera")
def serving() -> Iterator[WebCamera]:
    """A camera without a password."""
    with web_camera() as camera:
        yield camera


def samples(source: HttpSource, count: int) -> list[Sample]:
    """Return the next samples of a stream that does not change."""
    return [item for item in islice(source.samples(), count) if isinstance(item, Sample)]


@pytest.mark.parametrize("path", ["/mjpeg", "/jpeg"])
def test_pictures_are_recorded_as_they_are(camera: WebCamera, path: str) -> None:
    """What comes out shows the pictures that the camera sent, one after the other (C010)."""
    with opened(plan(camera.url(path))) as source:
        track = source._encoded.track
        assert track is not None
        assert (track.sent_codec, track.encoder) == ("mjpeg", "libx264")
        frames = decoded(track, samples(source, 12))
    # The shade is the picture's number, up to what coding takes away.
    numbers = [round((int(frame.to_ndarray(format="gray").mean()) - 16) / 14 * 255 / 219) for frame in frames]
    steps = [(b - a) % SHADES for a, b in pairwise(numbers)]
    assert len(frames) == 12
    assert sum(0 <= step <= 2 for step in steps) >= 9
    assert sum(steps) >= 8


@pytest.mark.parametrize("manner", ["lengthless", "mislabelled", "torn"])
def test_careless_cameras_are_understood(camera: WebCamera, manner: str) -> None:
    """No lengths, a wrong content type and pictures that break off cost nothing but those pictures."""
    camera.manner = manner
    with opened(plan(camera.url("/mjpeg"))) as source:
        assert len(samples(source, 10)) == 10
    if manner == "mislabelled":
        with opened(plan(camera.url("/jpeg"))) as source:
            assert len(samples(source, 3)) == 3


def test_an_address_of_single_pictures_is_asked_at_its_rate(camera: WebCamera) -> None:
    """One question for each picture, on a grid, over one connection, and none to make up for lost ones."""
    made = plan(camera.url("/jpeg"), encode=Encoding(frame_rate=5, poll_rate=5, encoder="software"))
    with opened(made) as source:
        began = time.monotonic()
        samples(source, 8)
        assert 1.3 < time.monotonic() - began < 2.5
        assert source.quiet_s >= 3 / 5
    assert 8 <= len(camera.asked) <= 11


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_signing_in(auth: str) -> None:
    """Basic and digest are answered; wrong or missing words end as `auth` after one try, and are not told (F61)."""
    with web_camera(auth=auth) as camera:
        with opened(plan(camera.url("/mjpeg"), username="viewer", password=PASSWORD)) as source:
            samples(source, 3)
        assert camera.asked == [("/mjpeg", False), ("/mjpeg", True)]
        for username, password, tries in (("viewer", "wr0ng-word", 2), ("", "", 1)):
            camera.asked.clear()
            with pytest.raises(AuthFailed, match="rejected the user name or password") as caught:
                HttpSource(plan(camera.url("/jpeg"), username=username, password=password), SystemClock()).open()
            assert len(camera.asked) == tries
            assert "wr0ng-word" not in f"{caught.value}{caught.value.hint}{caught.value.__context__}"


def test_the_password_is_not_told_to_another_host() -> None:
    """A camera that sends elsewhere is followed, but what a basic sign-in would tell stays here (F61)."""
    with web_camera(auth="basic") as other, web_camera() as camera:
        camera.stopping.set()
        there = other.url("/mjpeg").replace("127.0.0.1", "localhost")
        source = HttpSource(plan(camera.url("/moved"), username="viewer", password=PASSWORD), SystemClock())
        moved = source._web._moved(camera.url("/moved"), there)
        assert moved == there
        source._web.address.plain_url = there
        with pytest.raises(AuthFailed):
            source.open()
        assert other.heads == [""]


def test_redirects_end(camera: WebCamera) -> None:
    """One address further is followed; a circle is found out."""
    with opened(plan(camera.url("/moved"))) as source:
        assert len(samples(source, 3)) == 3
    with pytest.raises(Refused, match="again and again"):
        HttpSource(plan(camera.url("/around")), SystemClock()).open()


@pytest.mark.parametrize(
    ("path", "manner", "kind", "words"),
    [
        ("/nothing", "", Refused, "404 Not Found"),
        ("/mjpeg", "error", Refused, "503"),
        ("/page", "", Unsupported, "sends text/html, no pictures"),
        ("/jpeg", "torn", Refused, "cannot be decoded"),
        ("/mjpeg", "stall", Stalled, "no whole picture"),
        ("/mjpeg", "drip", Stalled, "no whole picture"),
        ("/mjpeg", "hang-up", SourceEnded, "ended the stream"),
    ],
)
def test_what_goes_wrong_while_opening_is_said(
    camera: WebCamera, path: str, manner: str, kind: type[SourceError], words: str
) -> None:
    """Each way to fail has its own error with what to do, within the time to open."""
    camera.manner = manner
    source = HttpSource(plan(camera.url(path), open_timeout_s=1.0), SystemClock())
    began = time.monotonic()
    with pytest.raises(kind, match=words):
        source.open()
    source.close()
    assert time.monotonic() - began < 2.5


def test_hosts_that_are_not_there() -> None:
    """A closed port, a name that is none and a host that does not answer are unreachable."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(Unreachable, match="connection refused"):
            HttpSource(plan(f"http://127.0.0.1:{port}/x"), SystemClock()).open()
    with pytest.raises(Unreachable, match="cannot be resolved"):
        HttpSource(plan("http://no-such-host.invalid/x"), SystemClock()).open()
    with unanswering() as port, pytest.raises(Unreachable, match="no answer"):
        HttpSource(plan(f"http://127.0.0.1:{port}/x", open_timeout_s=0.5), SystemClock()).open()


def test_what_speaks_something_else_is_no_web_server() -> None:
    """A port with another service behind it is refused with a question, not read for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 3)

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(Refused, match="is no HTTP"):
            HttpSource(plan(f"http://127.0.0.1:{server.getsockname()[1]}/x"), SystemClock()).open()
        thread.join()


@pytest.mark.parametrize(("manner", "kind"), [("stall", Stalled), ("drip", Stalled), ("hang-up", SourceEnded)])
def test_a_stream_that_fails_later(camera: WebCamera, manner: str, kind: type[SourceError]) -> None:
    """A camera that falls silent, drips or hangs up in mid-stream ends within the stall time, and what came is kept."""
    with opened(plan(camera.url("/mjpeg"))) as source:
        stream = source.samples()
        next(stream)
        camera.manner = manner
        began = time.monotonic()
        with pytest.raises(kind):
            for _ in stream:
                pass
        assert time.monotonic() - began < 3


def test_a_picture_address_that_turns_into_a_page(camera: WebCamera) -> None:
    """When single pictures become something else (a sign-in page, say) the stream ends and says so."""
    with opened(plan(camera.url("/jpeg"))) as source:
        stream = source.samples()
        next(stream)
        camera.manner = "html"
        with pytest.raises(Refused, match="answers with text/html now"):
            for _ in stream:
                pass


def test_another_size_in_mid_stream(camera: WebCamera) -> None:
    """A camera that is set to another size goes on within the same connection."""
    with opened(plan(camera.url("/mjpeg"))) as source:
        stream = source.samples()
        next(stream)
        camera.size = (160, 120)
        change = next(item for item in stream if isinstance(item, TracksChanged))
        assert change.tracks[0].width == 160
        following = next(stream)
        assert isinstance(following, Sample)
        assert following.keyframe


def test_a_wait_between_two_questions_is_interrupted(camera: WebCamera) -> None:
    """An address that is asked once an hour can be left at once."""
    slow = replace(plan(camera.url("/jpeg")), encode=Encoding(poll_rate=1 / 3600, encoder="software"))
    with opened(slow) as source:
        threading.Timer(0.2, source.interrupt).start()
        began = time.monotonic()
        with pytest.raises(SourceEnded, match="told to stop"):
            samples(source, 5)
        assert time.monotonic() - began < 1

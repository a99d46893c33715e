"""The player's connection, over a real socket, before a real recorder."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from holdfast.api import feeds, stream
from holdfast.core.clock import SystemClock
from holdfast.core.journal import Closed, Down, Opened
from holdfast.core.plan import StreamPlan
from holdfast.http import watching
from holdfast.sim.camera import CameraSpec
from support.recording import events, footage_files, ledger_of, recording, stream_plan, until
from support.sim import simulated, small_camera
from support.viewer import Viewer, decoded, packets
from support.web import application, context_for, serving

CONFIG = 'state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "vol"\n'


@dataclass
class Place:
    """A camera, a server, and where its footage goes."""

    base: str
    plan: StreamPlan
    root: Path
    app: FastAPI

    def viewers(self) -> int:
        """How many watch, as the server counts them."""
        feeds_now: feeds.Feeds = self.app.state.feeds
        return feeds_now.viewers


@contextmanager
def place(root: Path, camera: CameraSpec, *, segment_s: int = 2, more: str = "") -> Iterator[Place]:
    """Serve a node's folder; whoever wants a recorder runs one on `plan`."""
    (root / "holdfast.toml").write_text(CONFIG + more, encoding="utf-8")
    context = context_for(root / "holdfast.toml", SystemClock())
    app = application(context, [stream.router], alive=[watching.lifespan, feeds.lifespan])
    with simulated(camera) as sim, serving(app) as base:
        yield Place(base, stream_plan(root / "vol", sim.url(camera.name), segment_s=segment_s), root, app)
    context.close()


def _begun(spot: Place, files: int = 1) -> None:
    folder = Path(spot.plan.volume) / "footage" / "cam1" / "main"
    until(lambda: len([*folder.glob("*/*.mp4"), *folder.glob("*/*.part")]) >= files)


def _still(viewer: Viewer) -> bool:
    """Nothing came for a second."""
    before = viewer.received
    time.sleep(1.0)
    return viewer.received == before


def _steady(film: bytes | bytearray, folder: Path, step_s: float = 0.04) -> list[float]:
    """Pictures follow each other without a hole; returns their times."""
    times = [float(p["pts_time"]) for p in packets(film, folder)]
    steps = [b - a for a, b in zip(sorted(times), sorted(times)[1:], strict=False)]
    assert max(steps) < 2 * step_s, max(steps)
    assert min(steps) > 0
    return times


@pytest.mark.best_of_three
@pytest.mark.needs("ffprobe")
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_live_crosses_files_without_a_hole(tmp_path: Path, codec: str) -> None:
    """A viewer sees the growing footage from a keyframe on, over every cut, on one timeline that begins at 0 (I3)."""
    with place(tmp_path, small_camera(codec=codec)) as spot, recording(spot.plan):
        _begun(spot)
        with Viewer(spot.base) as viewer:
            viewer.say(play="live")
            viewer.until("live")
            _begun(spot, 4)
            told = viewer.until("map")[-1]
            viewer.wait_for(lambda: viewer.received > 250_000)
    assert len(viewer.films) == 1
    (init,) = viewer.words("init")
    assert init["codecs"][0].startswith("avc1." if codec == "h264" else "hvc1.1.6.L")
    assert init["codecs"][1] == "mp4a.40.2"
    assert (init["width"], init["height"], init["tier"], init["notice"]) == (320, 240, "source", "")
    times = _steady(viewer.films[0], tmp_path)
    assert min(times) < 0.2
    assert decoded(viewer.films[0], tmp_path) == len(times)
    assert abs(told["wall_us"] / 1e6 - time.time()) < 60
    assert not viewer.words("gap")


@pytest.mark.best_of_three
@pytest.mark.needs("ffprobe")
def test_the_past_is_sent_as_far_as_it_is_wanted_and_joins_the_present(tmp_path: Path) -> None:
    """From the keyframe at or before an instant, over a gap that is told, no further ahead than the viewer wants."""
    with place(tmp_path, small_camera(), segment_s=1) as spot:
        began_us = SystemClock().wall_us()
        with recording(spot.plan, session="s1"):
            _begun(spot, 4)
        time.sleep(1.0)
        with recording(spot.plan, session="s2"):
            _begun(spot, 8)
            with Viewer(spot.base) as viewer:
                viewer.say(play=began_us + 1_000_000, want_s=1.5)
                viewer.until("map")
                until(lambda: _still(viewer))
                few = _steady(viewer.films[0], tmp_path)
                assert 1.0 < max(few) < 2.1
                assert not viewer.words("gap")
                viewer.say(ahead_s=0.0, want_s=100)
                viewer.until("live")
                gaps = viewer.words("gap")
                maps = viewer.words("map")
    assert [gap["reason"] for gap in gaps] == ["recorder-down"]
    assert gaps[0]["end_us"] - gaps[0]["start_us"] > 900_000
    assert len(maps) == 2
    assert maps[0]["wall_us"] <= began_us + 1_000_000
    # What was missing takes no time on the player's timeline, and all of it in wall time.
    jump_us = (maps[1]["wall_us"] - maps[0]["wall_us"]) - (maps[1]["media_s"] - maps[0]["media_s"]) * 1e6
    assert abs(jump_us - (gaps[0]["end_us"] - gaps[0]["start_us"])) < 200_000
    assert len(viewer.films) == 1
    _steady(viewer.films[0], tmp_path)


@pytest.mark.needs("ffprobe")
def test_a_seek_begins_anew_at_once(tmp_path: Path) -> None:
    """Another play is answered on the same timeline, with the time of day that belongs to it."""
    with place(tmp_path, small_camera(), segment_s=1) as spot:
        with recording(spot.plan):
            _begun(spot, 6)
        first_us = min(event.start_us for event in events(spot.plan) if hasattr(event, "start_us"))
        with Viewer(spot.base) as viewer:
            viewer.say(play=first_us + 3_000_000)
            viewer.until("map")
            viewer.say(play=first_us + 500_000)
            maps = viewer.until("map", 2)
            viewer.say(play="live")
            viewer.until("live", 1)
    assert maps[1]["wall_us"] - first_us < 600_000
    _steady(viewer.films[0], tmp_path)


@pytest.mark.best_of_three
def test_what_comes_says_which_play_it_belongs_to(tmp_path: Path) -> None:
    """Of plays that overtake each other the last is named before its first map; a paused one is answered too."""
    with place(tmp_path, small_camera(), segment_s=1) as spot:
        with recording(spot.plan):
            _begun(spot, 5)
        first_us = min(event.start_us for event in events(spot.plan) if hasattr(event, "start_us"))
        with Viewer(spot.base) as viewer:
            for number in range(1, 5):
                viewer.say(play=first_us + number * 500_000, id=number)
            viewer.say(pause=True)
            viewer.wait_for(lambda: viewer.words("begins")[-1:] == [4] and "map" in viewer.told[-1][1])
            kinds = [next(iter(message)) for _, message in viewer.told]
            (last,) = viewer.words("map")[kinds[: len(kinds) - kinds[::-1].index("begins")].count("map") :]
            until(lambda: _still(viewer))
            times = [float(p["pts_time"]) for p in packets(viewer.films[0], tmp_path)]
    assert first_us + 1_000_000 <= last["wall_us"] <= first_us + 2_000_000
    assert 1.0 <= max(times) - last["media_s"] < 3.5  # the picture that was asked for, and little more


@pytest.mark.best_of_three
@pytest.mark.needs("linux")
def test_viewers_change_nothing_for_the_recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five viewers one reads nothing and is cut in time, one dies: the journal has no gap (C024, F59)."""
    assert stream.SILENT_S <= 30
    monkeypatch.setattr(stream, "SILENT_S", 1.5)
    with place(tmp_path, small_camera(), segment_s=2) as spot, recording(spot.plan), ExitStack() as stack:
        _begun(spot, 3)
        viewers = [stack.enter_context(Viewer(spot.base)) for _ in range(3)]
        for viewer in viewers:
            viewer.say(play="live")
            viewer.until("live")
        dying = _elsewhere(spot)
        stalled = stack.enter_context(_stalled(spot))
        assert _connected(stalled)
        stalled_at = time.monotonic()
        dying.kill()
        assert dying.wait(60) == -signal.SIGKILL
        until(lambda: not _connected(stalled))
        assert time.monotonic() - stalled_at < 12  # it had a second's worth of buffers to fill
        begun = len(list(tmp_path.rglob("*.mp4")))
        _begun(spot, begun + 3)
        for viewer in viewers:
            before = viewer.received
            viewer.wait_for(lambda viewer=viewer, before=before: viewer.received > before + 10_000)
        until(lambda: spot.viewers() == len(viewers))
    said = events(spot.plan)
    assert not [event for event in said if isinstance(event, Down)]
    assert len([event for event in said if isinstance(event, Opened)]) == 1
    assert [event.reason for event in said if isinstance(event, Closed)] == ["recorder-down"]
    assert len(footage_files(spot.plan)) >= 3
    assert not ledger_of(spot.plan).gaps[:-1]


_DYING = """
import sys
from websockets.sync.client import connect
with connect(sys.argv[1], proxy=None) as line:
    line.send('{"play": "live"}')
    for number, message in enumerate(line):
        if number < 6:  # then nobody listens to it any more
            print(len(message), flush=True)
"""


def _elsewhere(spot: Place) -> "subprocess.Popen[str]":
    """A viewer in a process of its own, which has media by now."""
    argv = [sys.executable, "-c", _DYING, spot.base.replace("http", "ws", 1) + "/api/v1/cameras/cam1/stream"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as out:
        assert all(out.readline() for _ in range(6))
    return process


@contextmanager
def _stalled(spot: Place) -> Iterator[socket.socket]:
    """A viewer that asks for all the past and then takes nothing more off its socket."""
    place = urlsplit(spot.base)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect((place.hostname, place.port))
        head = f"GET /api/v1/cameras/cam1/stream HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\n"
        line.sendall(
            f"{head}Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert b" 101 " in line.recv(512)
        said = b'{"play": 1, "want_s": 180}'
        line.sendall(bytes([0x81, 0x80 | len(said)]) + bytes(4) + said)  # a text frame, masked with zeros
        yield line


def _connected(line: socket.socket) -> bool:
    """Whether the server still holds its end of a connection, as the kernel has it."""
    mine, theirs = line.getsockname()[1], line.getpeername()[1]
    rows = [row.split() for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    pairs = [(int(row[1].split(":")[1], 16), int(row[2].split(":")[1], 16), row[3], row[9]) for row in rows]
    return any((a, b, state) == (theirs, mine, "01") and inode != "0" for a, b, state, inode in pairs)


@pytest.mark.needs("ffprobe")
def test_what_a_browser_cannot_play_is_converted_and_said(tmp_path: Path) -> None:
    """A viewer without H.265 gets H.264 live and from the past, and one sentence about it."""
    with place(tmp_path, small_camera(codec="h265")) as spot, recording(spot.plan):
        _begun(spot, 2)
        began_us = SystemClock().wall_us()
        with Viewer(spot.base, query="?can=h264") as viewer:
            viewer.say(play="live")
            viewer.until("live", timeout_s=40)
            viewer.wait_for(lambda: viewer.received > 50_000, 40)
        with Viewer(spot.base, query="?can=h264") as past:
            past.say(play=began_us - 1_000_000)
            past.until("map", timeout_s=40)
            past.wait_for(lambda: past.received > 50_000, 40)
    for seen in (viewer, past):
        init = seen.words("init")[0]
        assert init["notice"] == "H.265 is converted for this browser"
        assert init["codecs"][0].startswith("avc1.")
        assert init["tier"] == "hd"
        assert decoded(seen.films[0], tmp_path) >= 10
    assert past.words("map")[0]["wall_us"] <= began_us


@pytest.mark.parametrize(
    ("camera", "query", "said", "code"),
    [("nobody", "", "", ""), ("a" * 80, "", "no such camera", "not-found"), ("..%2fx", "", None, "")],
)
def test_what_is_not_there_is_said(tmp_path: Path, camera: str, query: str, said: str | None, code: str) -> None:
    """An id that is none is refused in words; a camera without footage is waited for."""
    with place(tmp_path, small_camera()) as spot:
        if said is None:
            with pytest.raises(Exception, match="HTTP 40"):
                Viewer(spot.base, camera)
            return
        with Viewer(spot.base, camera, query=query) as viewer:
            viewer.say(play="live")
            if said:
                error = viewer.until("error")[0]
                assert (error["code"], said in error["message"]) == (code, True)
            else:
                viewer.until("waiting")


def test_words_that_make_no_sense_end_the_session(tmp_path: Path) -> None:
    """Garbage is answered with an error, and nothing else happens."""
    with place(tmp_path, small_camera()) as spot:
        for words in ("{", "[]", '{"play": "yesterday"}', '{"play": true}', '{"ahead_s": "x", "play": "live"}'):
            with Viewer(spot.base) as viewer:
                viewer.socket.send(words)
                assert viewer.until("error")[0]["code"] == "bad-input"


def _gets_in(spot: Place) -> bool:
    with Viewer(spot.base) as viewer:
        viewer.say(play="live")
        viewer.wait_for(lambda: viewer.told)
        return bool(viewer.words("waiting"))


def test_only_so_many_may_watch(tmp_path: Path) -> None:
    """One viewer more than the settings allow is told so, and gets in when another one leaves."""
    with place(tmp_path, small_camera(), more="[web]\nviewers = 1\n") as spot:
        with Viewer(spot.base) as first:
            first.say(play="live")
            with Viewer(spot.base) as second:
                assert second.until("error")[0]["code"] == "too-many"
                second.wait_for(lambda: second.closed is not None)
                assert second.closed is not None
                assert second.closed[0] == 1013
        until(lambda: _gets_in(spot))

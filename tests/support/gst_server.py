"""GStreamer's RTSP server as a child process: the independent peer that tests record from.

Mark its tests with `needs("gst-rtsp")`: its packages live in the system's interpreter, not in ours.
"""

import json
import select
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from support.needs import system_python

START_S = 60.0  # chosen: loading GStreamer's plugins takes 0.3 s alone and several on a loaded machine
_SCRIPT = Path(__file__).with_name("gst_rtsp.py")


def h264(size: str = "320x240", fps: int = 25, *, gop: int = 25, kbps: int = 400, bframes: int = 0) -> str:
    """Describe a live H.264 track (payload type 96)."""
    speed = f"speed-preset=veryfast bframes={bframes}" if bframes else "speed-preset=ultrafast tune=zerolatency"
    profile = "main" if bframes else "constrained-baseline"
    return (
        f"{_picture(size, fps)} ! x264enc {speed} key-int-max={gop} bitrate={kbps} ! video/x-h264,profile={profile} "
        "! h264parse ! rtph264pay name=pay0 pt=96 config-interval=0"
    )


def h265(size: str = "320x240", fps: int = 25, *, gop: int = 25, kbps: int = 400) -> str:
    """Describe a live H.265 track (payload type 96)."""
    return (
        f"{_picture(size, fps)} ! x265enc tune=zerolatency speed-preset=ultrafast key-int-max={gop} bitrate={kbps} "
        "! h265parse ! rtph265pay name=pay0 pt=96 config-interval=0"
    )


def aac(rate: int = 48000, channels: int = 1) -> str:
    """Describe a live AAC track (payload type 97)."""
    return f"{_tone(rate, channels)} ! avenc_aac ! aacparse ! rtpmp4gpay name=pay1 pt=97"


def alaw() -> str:
    """Describe a live G.711 A-law track."""
    return f"{_tone(8000, 1)} ! alawenc ! rtppcmapay name=pay1 pt=8"


def mulaw() -> str:
    """Describe a live G.711 µ-law track."""
    return f"{_tone(8000, 1)} ! mulawenc ! rtppcmupay name=pay1 pt=0"


def pcm(rate: int = 16000, channels: int = 2) -> str:
    """Describe a live track of uncompressed sound (L16)."""
    return f"{_tone(rate, channels)} ! audioconvert ! audio/x-raw,format=S16BE ! rtpL16pay name=pay1 pt=98"


def opus() -> str:
    """Describe a live Opus track: sound that is not recorded."""
    return f"{_tone(48000, 1)} ! opusenc ! rtpopuspay name=pay1 pt=99"


def vp8() -> str:
    """Describe a live VP8 track: pictures that are not recorded."""
    return f"{_picture('160x120', 10)} ! vp8enc deadline=1 ! rtpvp8pay name=pay0 pt=96"


def mount(*tracks: str) -> str:
    """Put tracks together for one path."""
    return f"( {' '.join(tracks)} )"


def _picture(size: str, fps: int) -> str:
    width, height = size.split("x")
    return (
        f"videotestsrc is-live=1 pattern=ball ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1"
    )


def _tone(rate: int, channels: int) -> str:
    return f"audiotestsrc is-live=1 wave=sine ! audioconvert ! audio/x-raw,rate={rate},channels={channels}"


class GstServer:
    """Serves `mounts` (path to launch line) on a port of its own while the context lasts."""

    def __init__(self, mounts: dict[str, str], *, username: str = "", password: str = "") -> None:
        self._spec = json.dumps({"mounts": mounts, "username": username, "password": password})
        self._child: subprocess.Popen[bytes] | None = None
        self.port = 0

    def url(self, path: str) -> str:
        """Return the address of a mount."""
        return f"rtsp://127.0.0.1:{self.port}{path}"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        assert self._child is not None
        return self._child.pid

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(
            [system_python(), str(_SCRIPT), self._spec],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._child.stdout is not None
        ready, _, _ = select.select([self._child.stdout], [], [], START_S)
        line = self._child.stdout.readline() if ready else b""
        if not line.strip():
            self._end()
            raise RuntimeError("GStreamer's RTSP server did not start")
        self.port = int(line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        child = self._child
        if child is None:
            return
        self._child = None
        child.terminate()
        try:
            child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()

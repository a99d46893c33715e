"""A simulated camera: what it is, its streams, its sessions, and what the faults that are on make of it.

Lives on the simulator's event loop. Encoding is done beforehand, by `Studio`, in a thread.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from holdfast.core.camera import STREAMS, StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import UsageError
from holdfast.media.synthetic import VideoSpec, load_video
from holdfast.media.synthetic_picture import Content
from holdfast.media.synthetic_sound import AudioSpec, Sound, load_audio
from holdfast.sim.faults import Fault
from holdfast.sim.ledger import Ledger
from holdfast.sim.packets import AudioReel, VideoReel, pack_audio, pack_video
from holdfast.sim.rate import CameraClock
from holdfast.sim.stream import LiveStream, Mood

_CONTENT = {"black": Content.BLACK, "freeze": Content.FREEZE, "motion": Content.MOTION}
_DEAF_AND_DUMB = frozenset({"silent", "half_open"})
_OTHER_CODEC = {"h264": "h265", "h265": "h264"}
_SUB_BITRATE_SHARE = 8  # chosen: a sub stream has an eighth of the main stream's bits


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSpec:
    """What a simulated camera is.

    Attributes:
        name: Camera id.
        video: Its main stream.
        audio: Its sound, in both streams; None for a camera without a microphone.
        sub_size: Width and height of the sub stream.
        user: User name; empty lets everybody in.
        password: Password.
        auth: `digest` (MD5, without qop, as most cameras) or `basic`.
        max_sessions: Sessions at a time, 0 for any number; one more gets 453.
        linger_s: How long a session that was left without TEARDOWN still counts against `max_sessions`.
        bursts: Sends what is due five times a second, not each picture when it is due.
        on_demand: A new session is sent a keyframe at once; otherwise it waits for the next one.
        seed: Of everything random.
    """

    name: str
    video: VideoSpec = field(default_factory=VideoSpec)
    audio: AudioSpec | None = field(default_factory=AudioSpec)
    sub_size: tuple[int, int] = (640, 360)
    user: str = ""
    password: str = ""
    auth: str = "digest"
    max_sessions: int = 0
    linger_s: float = 0.0
    bursts: bool = False
    on_demand: bool = True
    seed: int = 1

    def __post_init__(self) -> None:
        StreamKey(self.name, "main")
        if self.auth not in {"digest", "basic"}:
            raise UsageError(f"{self.auth!r} is no way to sign in", hint="digest or basic")

    def video_of(self, stream: str) -> VideoSpec:
        """Return what a stream's video is; a sub stream is never larger than the main one."""
        if stream == "main":
            return self.video
        width, height = self.sub_size
        if width > self.video.width:
            width, height = self.video.width, self.video.height
        bitrate_bps = max(64_000, self.video.bitrate_bps // _SUB_BITRATE_SHARE)
        return replace(self.video, width=width, height=height, bitrate_bps=bitrate_bps)


@dataclass(slots=True)
class SessionCounts:
    """What became of a camera's sessions.

    Attributes:
        opened: Set up since the start.
        torn_down: Ended with TEARDOWN.
        left_behind: The client went without TEARDOWN.
        dropped: Thrown out because the client read too slowly.
        killed: Ended by a fault, or by the simulator's end.
        open: Open now.
    """

    opened: int = 0
    torn_down: int = 0
    left_behind: int = 0
    dropped: int = 0
    killed: int = 0
    open: int = 0


class Guest(Protocol):
    """A connection that has to do with a camera, as far as its faults are concerned."""

    def reset(self) -> None:
        """Break it with RST."""

    def close(self) -> None:
        """Close it with FIN."""

    def numb(self) -> None:
        """Stop reading and writing, for good."""

    @property
    def numbed(self) -> bool:
        """That has happened."""

    @property
    def stream(self) -> str:
        """`main` or `sub`; empty where it has not said."""


class Studio:
    """Encodes and packs clips, each once; cameras share them. Blocks: call it from a thread."""

    def __init__(self) -> None:
        self._videos: dict[VideoSpec, VideoReel] = {}
        self._audios: dict[AudioSpec, AudioReel] = {}

    def video(self, spec: VideoSpec) -> VideoReel:
        """Return a video reel."""
        if spec not in self._videos:
            self._videos[spec] = pack_video(load_video(spec))
        return self._videos[spec]

    def audio(self, spec: AudioSpec) -> AudioReel:
        """Return a sound reel."""
        if spec not in self._audios:
            self._audios[spec] = pack_audio(load_audio(spec))
        return self._audios[spec]

    def prepare(self, spec: CameraSpec, together: Iterable[Iterable[Fault]]) -> None:
        """Encode everything that a camera needs without faults, and for each of these sets of faults."""
        for stream in STREAMS:
            mood_of(spec, stream, [], self)
            for faults in together:
                mood_of(spec, stream, faults, self)


def mood_of(spec: CameraSpec, stream: str, faults: Iterable[Fault], studio: Studio) -> Mood:
    """Return what faults make of a stream."""
    names = {fault.fault for fault in faults if fault.concerns(stream)}
    video = spec.video_of(stream)
    if "codec_change" in names:
        video = replace(video, codec=_OTHER_CODEC[video.codec])
    if "size_change" in names:
        # Three quarters of the size, on a grid of 16 so that no codec needs cropping.
        video = replace(video, width=_smaller(video.width), height=_smaller(video.height))
    for name, content in _CONTENT.items():
        if name in names:
            video = video.showing(content)
    audio = spec.audio
    if audio is not None and "silence" in names:
        audio = replace(audio, content=Sound.SILENCE)
    deaf = bool(names & _DEAF_AND_DUMB)
    return Mood(
        video=studio.video(video),
        audio=studio.audio(audio) if audio else None,
        send_video=not deaf and "silent_video" not in names,
        send_audio=not deaf and "silent_audio" not in names,
        keyframes="no_keyframe" not in names,
    )


def _smaller(pixels: int) -> int:
    return max(64, pixels * 3 // 4 // 16 * 16)


class Camera:
    """One camera of the simulator. `begin` and `end` turn a fault on and off; everything else is read from that."""

    def __init__(self, spec: CameraSpec, studio: Studio, clock: Clock, ledger: Ledger, *, phase_us: int = 0) -> None:
        self.spec = spec
        self.counts = SessionCounts()
        self.lingering = 0
        self.guests: dict[Guest, None] = {}
        self.faults: list[Fault] = []
        self._studio, self._ledger = studio, ledger
        self.pace = CameraClock(clock, phase_us=phase_us)
        self.streams: dict[str, LiveStream] = {}
        for number, name in enumerate(STREAMS):
            mood = mood_of(spec, name, [], studio)
            seed = spec.seed * 1_000_003 + number
            stream = LiveStream(f"{spec.name}/{name}", mood, self.pace, clock, ledger, seed)
            stream.bursts, stream.on_demand = spec.bursts, spec.on_demand
            self.streams[name] = stream

    def has(self, fault: str, stream: str = "main") -> bool:
        """Say whether a fault is on for a stream."""
        return any(active.fault == fault and active.concerns(stream) for active in self.faults)

    @property
    def full(self) -> bool:
        """Say whether another session would be one too many."""
        limit = self.spec.max_sessions
        return self.has("session_limit") or 0 < limit <= self.counts.open + self.lingering

    def begin(self, fault: Fault) -> None:
        """A fault sets in."""
        self.faults.append(fault)
        self._turn(fault)
        guests = [guest for guest in self.guests if not guest.stream or fault.concerns(guest.stream)]
        if fault.fault in {"reset", "refuse"}:
            for guest in guests:
                guest.reset()
        elif fault.fault in {"close", "unauthorized", "session_limit", "codec_change"}:
            for guest in guests:
                guest.close()
        elif fault.fault == "half_open":
            for guest in guests:
                guest.numb()
        elif fault.fault == "timestamp_jump":
            self._jump(fault)
        elif fault.fault == "drift":
            self.pace.run_at(self._ppm())

    def end(self, fault: Fault) -> None:
        """A fault is over."""
        self.faults.remove(fault)
        self._turn(fault)
        if fault.fault == "codec_change":
            for guest in [guest for guest in self.guests if fault.concerns(guest.stream)]:
                guest.close()
        elif fault.fault == "half_open":
            # The camera has restarted: it knows nothing of these connections.
            for guest in [guest for guest in self.guests if guest.numbed]:
                guest.reset()
        elif fault.fault == "drift":
            self.pace.run_at(self._ppm())

    def _turn(self, fault: Fault) -> None:
        for name, stream in self.streams.items():
            if fault.concerns(name):
                mood = mood_of(self.spec, name, self.faults, self._studio)
                if mood != stream.mood:
                    stream.turn(mood)

    def _jump(self, fault: Fault) -> None:
        seconds = float(fault.params.get("seconds", 10))
        for name, stream in self.streams.items():
            if fault.concerns(name):
                stream.jump(seconds)
        if not fault.params.get("rtp_only"):
            self.pace.step_wall(round(seconds * 1e6))

    def _ppm(self) -> float:
        return sum(float(fault.params.get("ppm", 100)) for fault in self.faults if fault.fault == "drift")

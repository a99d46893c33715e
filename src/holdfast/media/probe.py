"""What a stream really is, whether that is what was expected, and whether this machine can read streams at all.

A probe goes the way that recording goes, through the same source, so that what passes here records (F46).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.clock import Clock
from holdfast.core.errors import SourceEnded
from holdfast.core.plan import StreamPlan
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.make import make_source

MEASURE_S = 2.0  # chosen: enough for a tenth of a picture a second at 25; longer only makes people wait
_MIN_PICTURES = 3
_RATE_TOLERANCE = 0.02  # chosen: 29.97 passes for 30; cameras that drop pictures under load do not
_RATE_FLOOR = 0.3

_FIELDS = {
    Kind.VIDEO: ("codec", "profile", "width", "height", "frame_rate"),
    Kind.AUDIO: ("codec", "profile", "sample_rate", "channels"),
}
_SAME_CODEC = {"h.264": "h264", "avc": "h264", "h.265": "hevc", "h265": "hevc", "pcma": "pcm_alaw", "pcmu": "pcm_mulaw",
               "g711a": "pcm_alaw", "g711u": "pcm_mulaw", "mp4a": "aac"}  # fmt: skip
_CHANNELS = {"mono": 1, "stereo": 2}

Fact = str | int | float


@dataclass(frozen=True, slots=True)
class Examined:
    """What a stream is. `notes` say what a person should know of it, such as sound that cannot be recorded."""

    tracks: tuple[Track, ...]
    notes: tuple[str, ...] = ()


def probe(plan: StreamPlan, clock: Clock) -> tuple[Track, ...]:
    """Connect, look for about two seconds of media, and leave.

    Returns:
        The tracks as they are at the end; the video's frame rate is measured, not what the description claims.

    Raises:
        SourceError: The stream cannot be had; which of its classes says why.
    """
    return examine(plan, clock).tracks


def examine(
    plan: StreamPlan,
    clock: Clock,
    *,
    seen: Callable[[Track, Sample], bool] | None = None,
    most_s: float = 2 * MEASURE_S,
) -> Examined:
    """Do as `probe` does, and show the pictures to somebody.

    Args:
        plan: The stream.
        clock: Time.
        seen: Is shown each coded picture with its track, until it says that it has seen enough; without it, two
            seconds are enough.
        most_s: Seconds after which it is left, whatever was seen.

    Raises:
        SourceError: The stream cannot be had; which of its classes says why.
    """
    source = make_source(plan, clock)
    times: list[int] = []
    enough = seen is None
    try:
        tracks = source.open()
        for item in _bounded(source.samples(), clock, most_s):
            if isinstance(item, TracksChanged):
                tracks, times = item.tracks, []
            elif (track := tracks[item.track]).kind is Kind.VIDEO:
                times.append(item.pts_ticks)
                enough = enough or seen is None or seen(track, item)
                if enough and max(times) - min(times) >= MEASURE_S * track.timescale:
                    break
    finally:
        source.close()
    measured = (replace(t, frame_rate=_rate(times, t)) if t.kind is Kind.VIDEO else t for t in tracks)
    return Examined(tuple(measured), source.notes)


def _bounded(
    samples: Iterator[Sample | TracksChanged], clock: Clock, most_s: float
) -> Iterator[Sample | TracksChanged]:
    """Pass samples on for a while; a stream that ends sooner was still seen."""
    until_us = clock.boot_us() + int(most_s * 1_000_000)
    try:
        for item in samples:
            yield item
            if clock.boot_us() > until_us:
                return
    except SourceEnded:
        return


def _rate(times: list[int], track: Track) -> float:
    """Return the measured rate; with too few pictures, what the description claims."""
    if len(times) < _MIN_PICTURES:
        return track.frame_rate
    span = max(times) - min(times)
    return round((len(times) - 1) * track.timescale / span, 2) if span else track.frame_rate


def compare(expected: dict[str, dict[str, Fact]], tracks: tuple[Track, ...], audio: str) -> list[str]:
    """Compare tracks with what they should be.

    Args:
        expected: Kind (`video`, `audio`) to facts, as in a plan; only what is named is compared.
        tracks: What the source says.
        audio: The plan's word on sound; `required` makes its absence a mismatch.

    Returns:
        One text for each field that differs, as `video.width: 1280, expected 1920`; empty if all is as it should be.
    """
    found = {track.kind.value: track for track in tracks}
    texts = []
    if audio == "required" and Kind.AUDIO.value not in found:
        texts.append("audio: missing, but required")
    for kind, wanted in expected.items():
        track = found.get(kind)
        if track is None:
            if wanted and kind != Kind.AUDIO.value:
                texts.append(f"{kind}: missing")
            elif wanted and audio == "optional":
                texts.append(f"{kind}: missing, expected {wanted.get('codec', 'sound')}")
            continue
        texts += [
            f"{kind}.{field}: {_shown(track, field)}, expected {wanted[field]}"
            for field in _FIELDS[track.kind]
            if field in wanted and not _matches(track, field, wanted[field])
        ]
    return texts


def _matches(track: Track, field: str, wanted: Fact) -> bool:
    text = str(wanted).strip().lower()
    if field == "codec":
        text = _SAME_CODEC.get(text, text)
        return text in {track.codec, track.sent_codec}
    if field == "profile":
        return text == track.profile.lower()
    if field == "channels":
        text = str(_CHANNELS.get(text, text))
    try:
        number = float(Fraction(text))
    except (ValueError, ZeroDivisionError):
        return False
    have = float(getattr(track, field))
    if field == "frame_rate":
        return abs(have - number) <= max(_RATE_FLOOR, number * _RATE_TOLERANCE)
    return have == number


def _shown(track: Track, field: str) -> Fact:
    value: Fact = track.sent_codec if field == "codec" else getattr(track, field)
    return f"{value:g}" if isinstance(value, float) else value or "unknown"


@dataclass(frozen=True, slots=True)
class Tool:
    """One thing that reading media needs.

    Attributes:
        name: What it is.
        found: What is there, as a version or `yes`/`no`.
        ok: Whether that is enough.
        needed_for: What does not work without it.
    """

    name: str
    found: str
    ok: bool
    needed_for: str


_MIN_LIBAVFORMAT = 61  # FFmpeg 7: the first in which the options that rtsp.py sets all mean what they mean now
_NEEDS = (
    ("h264", "r", "stills and analysis of H.264"),
    ("hevc", "r", "stills and analysis of H.265"),
    ("aac", "w", "recording G.711 and PCM sound"),
)
_PROTOCOLS = (("tcp", "rtsp cameras"), ("tls", "rtsps cameras"), ("udp", "rtsp cameras over UDP"))


def media_tools() -> list[Tool]:
    """Check at start what libav can do here; nothing is downloaded and no camera is asked."""
    import av  # noqa: PLC0415 - recorders compare streams too, and load no libav for that

    version = av.library_versions["libavformat"]
    text = ".".join(str(part) for part in version)
    tools = [Tool("libavformat", text, version[0] >= _MIN_LIBAVFORMAT, "everything; install av>=18,<19 again")]
    have = "rtsp" in av.formats_available
    tools.append(Tool("demuxer rtsp", "yes" if have else "no", have, "rtsp and rtsps cameras"))
    for codec, mode, purpose in _NEEDS:
        have = _has_codec(codec, mode)
        tools.append(Tool(f"{'decoder' if mode == 'r' else 'encoder'} {codec}", _word(have), have, purpose))
    for protocol, purpose in _PROTOCOLS:
        have = _has_protocol(protocol)
        tools.append(Tool(f"protocol {protocol}", _word(have), have, purpose))
    return tools


def _word(have: bool) -> str:  # noqa: FBT001 - the whole of its input
    return "yes" if have else "no"


def _has_codec(name: str, mode: str) -> bool:
    import av.error  # noqa: PLC0415 - as above

    try:
        av.Codec(name, "w" if mode == "w" else "r")
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _has_protocol(name: str) -> bool:
    """Ask libav for a protocol with an address that cannot work: only a missing protocol says that it is missing."""
    import av.error  # noqa: PLC0415 - as above

    try:
        av.open(f"{name}://127.0.0.1:0?timeout=1", "r", format="mpegts", timeout=0.05).close()
    except av.error.ProtocolNotFoundError:
        return False
    except (av.error.FFmpegError, OSError, ValueError):
        return True
    return True

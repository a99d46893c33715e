"""A camera's description of its stream (SDP, RFC 4566) as cameras write it. Pure.

Missing attributes, odd case, trailing commas and tracks of other kinds are normal; what cannot be read is left out.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field

from holdfast.media.params import MAX_FPS

MOST_LINES = 1000  # chosen: twenty times the longest description seen
_VIDEO_CLOCK = 90_000

_STATIC = {  # RFC 3551, tables 4 and 5
    0: ("PCMU", 8000, 1), 3: ("GSM", 8000, 1), 4: ("G723", 8000, 1), 8: ("PCMA", 8000, 1), 9: ("G722", 8000, 1),
    10: ("L16", 44100, 2), 11: ("L16", 44100, 1), 14: ("MPA", 90000, 1), 18: ("G729", 8000, 1),
    26: ("JPEG", 90000, 0), 32: ("MPV", 90000, 0), 33: ("MP2T", 90000, 0),
}  # fmt: skip
_NAMES = {
    "H265": "hevc", "HEVC": "hevc", "MPEG4-GENERIC": "aac", "MP4A-LATM": "aac_latm", "PCMA": "pcm_alaw",
    "PCMU": "pcm_mulaw", "L16": "pcm_s16be", "L8": "pcm_u8", "JPEG": "mjpeg", "MPV": "mpeg2video",
    "MP4V-ES": "mpeg4",
}  # fmt: skip


@dataclass(slots=True)
class Media:
    """One `m=` line and what belongs to it.

    Attributes:
        kind: `video`, `audio`, `application` …
        payload_type: Number of its RTP payload.
        codec: As libav would call it.
        clock: RTP ticks a second.
        channels: Of sound; 1 where nothing is said.
        format: Parameters from `a=fmtp`, names in lower case.
        control: Where to set it up; empty for the stream itself.
        frame_rate: From `a=framerate`, or 0.
    """

    kind: str
    payload_type: int
    codec: str = ""
    clock: int = 0
    channels: int = 1
    format: dict[str, str] = field(default_factory=dict)
    control: str = ""
    frame_rate: float = 0.0


def read_sdp(body: bytes) -> tuple[str, list[Media]]:
    """Read a description.

    Returns:
        The control address of the whole (empty where it has none), and its media in order.
    """
    control, found = "", list[Media]()
    named = False
    for raw in body.decode("utf-8", "replace").splitlines()[:MOST_LINES]:
        kind, _, value = raw.strip().partition("=")
        if kind == "m":
            found.append(_media(value))
            named = False
        elif kind == "a":
            name, _, rest = value.partition(":")
            name, rest = name.strip().lower(), rest.strip()
            if not found:
                control = rest if name == "control" else control
            elif name == "rtpmap" and not named:
                named = _map(found[-1], rest)
            else:
                _attribute(found[-1], name, rest)
    return control, found


def parameter_sets(media: Media) -> list[bytes]:
    """Return the parameter sets that a description of H.264 or H.265 holds; those that are damaged are left out."""
    names = ("sprop-vps", "sprop-sps", "sprop-pps") if media.codec == "hevc" else ("sprop-parameter-sets",)
    texts = (text for name in names for text in media.format.get(name, "").split(","))
    return [unit for unit in map(_unbase64, texts) if len(unit) > 3]  # noqa: PLR2004 - no set is shorter than its profile


def aac_config(media: Media) -> bytes:
    """Return the AudioSpecificConfig of AAC, or nothing."""
    try:
        return bytes.fromhex(media.format.get("config", "").strip('"'))
    except ValueError:
        return b""


def number_of(media: Media, name: str, default: int) -> int:
    """Return a number among the format's parameters."""
    text = media.format.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else default  # noqa: PLR2004 - sizes of fields


def _media(value: str) -> Media:
    words = value.split()
    number = next(_numbers(words[3:]), -1)
    media = Media(words[0].lower() if words else "", number)
    name, clock, channels = _STATIC.get(number, ("", 0, 1))
    if name:
        media.codec, media.clock, media.channels = _NAMES.get(name, name.lower()), clock, channels
    return media


def _numbers(words: list[str]) -> Iterator[int]:
    return (int(word) for word in words if word.isascii() and word.isdecimal() and len(word) < 4)  # noqa: PLR2004 - 0 to 127


def _map(media: Media, rest: str) -> bool:
    """Take `96 H264/90000` or `97 mpeg4-generic/16000/1`; say whether it was for this payload type."""
    number, _, name = rest.partition(" ")
    if number != str(media.payload_type):
        return False
    parts = [part.strip() for part in name.split("/")]
    media.codec = _NAMES.get(parts[0].upper(), parts[0].lower())
    rates = list(_clocks(parts[1:]))
    media.clock = rates[0] if rates else media.clock or (_VIDEO_CLOCK if media.kind == "video" else 8000)
    media.channels = rates[1] if len(rates) > 1 else 1
    return True


def _clocks(parts: list[str]) -> Iterator[int]:
    return (int(part) for part in parts if part.isascii() and part.isdecimal() and 0 < len(part) < 8 and int(part))  # noqa: PLR2004 - 9,999,999 is beyond any clock


def _attribute(media: Media, name: str, rest: str) -> None:
    if name == "control":
        media.control = rest
    elif name == "fmtp":
        number, _, pairs = rest.partition(" ")
        if number == str(media.payload_type):
            for pair in pairs.split(";"):
                key, _, value = pair.partition("=")
                media.format[key.strip().lower()] = value.strip()
    elif name == "framerate":
        try:
            rate = float(rest)
        except ValueError:
            return
        media.frame_rate = round(rate, 3) if 0 < rate <= MAX_FPS else 0.0


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
    except (binascii.Error, ValueError):
        return b""

"""Choosing and naming tracks while a session is set up. Pure.

Not here: asking for them (dialogue, reader), reading the description (sdp).
"""

import re
from collections.abc import Sequence

from holdfast.core.errors import Unsupported
from holdfast.media.source.direct.sdp import Media

_CODECS = frozenset({"h264", "hevc"})
_CHANNELS = re.compile(r"interleaved\s*=\s*(\d{1,3})(?:\s*-\s*(\d{1,3}))?", re.IGNORECASE)
_LAST_CHANNEL = 255


def choose(medias: Sequence[Media], audio: str) -> tuple[Media | None, Media | None]:
    """Choose what to record: the first video that can be, and the first sound unless `audio` is `off`.

    Returns:
        The video and the sound.

    Raises:
        Unsupported: There is video, but none that can be recorded; or nothing at all.
    """
    videos = [media for media in medias if media.kind == "video"]
    video = next((media for media in videos if media.codec in _CODECS), None)
    if videos and video is None:
        raise Unsupported(f"the video is {videos[0].codec or 'unknown'}, which cannot be recorded")
    sound = None if audio == "off" else next((media for media in medias if media.kind == "audio"), None)
    if video is None and sound is None:
        raise Unsupported("neither video nor sound that can be recorded")
    return video, sound


def control_url(base: str, control: str) -> str:
    """Return the address of a track, or of the whole: absolute ones as they are, others below the base.

    Put together as cameras expect it, not as RFC 3986 would: the base may end in a query.
    """
    if not control or control == "*":
        return base
    if control.lower().startswith(("rtsp://", "rtsps://")):
        return control
    return base + control if base.endswith("/") or control.startswith("/") else f"{base}/{control}"


def transport_channels(transport: str, wanted: int) -> tuple[int, int]:
    """Return the channels that a camera's answer names for RTP and RTCP, or those that were asked for."""
    found = _CHANNELS.search(transport)
    if found is None:
        return wanted, wanted + 1
    media = int(found[1])
    control = int(found[2]) if found[2] else media + 1
    return (media, control) if max(media, control) <= _LAST_CHANNEL else (wanted, wanted + 1)


def rtp_infos(info: str) -> list[tuple[str, int | None]]:
    """Read `RTP-Info`: address and RTP time of each track."""
    told = []
    for part in re.split(r",(?=\s*url\s*=)", info) if info else []:
        pairs = {}
        for pair in part.split(";"):
            name, _, value = pair.partition("=")
            pairs[name.strip().lower()] = value.strip()
        text = pairs.get("rtptime", "")
        stamp = int(text) & 0xFFFFFFFF if text.isascii() and text.isdecimal() and len(text) <= 10 else None  # noqa: PLR2004 - 32 bits
        told.append((pairs.get("url", ""), stamp))
    return told

"""RTP, packed once: every picture and block of sound of a clip as the bytes that go over the wire.

A template holds the interleaved packets of one frame; sending it means copying it and patching sequence number,
timestamp and source into each packet, and the mark into each picture. That is what makes 64 cameras in one process
cheap.

Pure computation. Sources: RFC 6184 (H.264), RFC 7798 (H.265), RFC 3640 (AAC), RFC 3551 (G.711), RFC 2326 10.12
(interleaving), RFC 3550 (RTP, RTCP).
"""

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from holdfast.media.synthetic import VideoClip
from holdfast.media.synthetic_sound import AudioClip
from holdfast.sim.mark import MARK_BYTES, MARK_UUID, sei_nal

MTU_BYTES = 1400  # RTP payload; what most cameras use so that a packet fits an Ethernet frame
VIDEO_CHANNEL, AUDIO_CHANNEL = 0, 2  # RTCP on the next one each; sessions that agreed on others are translated
VIDEO_TYPE = 96
AUDIO_TYPES = {"aac": 97, "pcma": 8, "pcmu": 0}
_HEADER = struct.Struct(">BBHBBHII")
_PATCH = struct.Struct(">HII")  # sequence number, timestamp, source
_PATCH_AT = 6  # in an interleaved packet: 4 bytes of framing, 2 of RTP
_FRAMING_BYTES, _RTP_BYTES = 4, 12
_NTP_EPOCH_S = 2_208_988_800


@dataclass(frozen=True, slots=True)
class Template:
    """One frame as it goes over the wire.

    Attributes:
        data: Interleaved RTP packets with zeros where `patches` and `mark_at` point.
        patches: Offsets of the sequence number, timestamp and source of each packet.
        mark_at: Offset of the mark's text, or -1.
        payload_bytes: RTP payload in it, for sender reports.
        units: What of it a recorder keeps: NAL units without parameter sets, or one block of sound.
        size_bytes: Size of `units` as a recorder keeps them: with 4 bytes of length before each NAL unit.
        keyframe: Decoding can begin here.
        joint: The clip may be left before this frame.
        lead: Its place in display order less that in sending order; never above 0, no camera sends what is yet to come.
    """

    data: bytes
    patches: tuple[int, ...]
    mark_at: int
    payload_bytes: int
    units: tuple[bytes, ...]
    size_bytes: int
    keyframe: bool = True
    joint: bool = True
    lead: int = 0

    def append_to(self, out: bytearray, *, sequence: int, timestamp: int, source: int, mark: bytes = b"") -> None:
        """Append the frame's packets to `out`, patched. `sequence` is that of the first packet."""
        base = len(out)
        out += self.data
        for number, patch in enumerate(self.patches, sequence):
            _PATCH.pack_into(out, base + patch, number & 0xFFFF, timestamp, source)
        if mark:
            at = base + self.mark_at
            out[at : at + MARK_BYTES] = mark

    def sha256(self, mark: bytes = b"") -> str:
        """Return the hash of what a recorder keeps of this frame: SHA-256 of `size_bytes` bytes, in hex."""
        if not mark:
            return hashlib.sha256(b"".join(self.units)).hexdigest()
        digest = hashlib.sha256()
        for index, unit in enumerate(self.units):
            digest.update(len(unit).to_bytes(4, "big"))
            digest.update(unit[: -MARK_BYTES - 1] + mark + unit[-1:] if index == 0 else unit)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class VideoReel:
    """A video clip packed for sending."""

    clip: VideoClip
    frames: tuple[Template, ...]
    keys: tuple[int, ...]

    def group_start(self, index: int) -> int:
        """Return the keyframe of the group that the frame before `index` belongs to."""
        before = (index - 1) % len(self.frames)
        return max(key for key in self.keys if key <= before)

    def next_key(self, index: int) -> int:
        """Return the first keyframe at or after `index`, around the end if need be."""
        return next((key for key in self.keys if key >= index), self.keys[0])


@dataclass(frozen=True, slots=True)
class AudioReel:
    """A sound clip packed for sending."""

    clip: AudioClip
    frames: tuple[Template, ...]


def pack_video(clip: VideoClip) -> VideoReel:
    """Pack a clip; parameter sets go before every keyframe, a mark into every picture."""
    codec, sei = clip.spec.codec, sei_nal(clip.spec.codec)
    delay = max(frame.shown - index for index, frame in enumerate(clip.frames))
    templates = []
    for index, frame in enumerate(clip.frames):
        units = (sei, *frame.nals)
        sent = (*clip.parameter_sets, *units) if frame.keyframe else units
        payloads = list(payloads_of(codec, sent))
        data, patches = _interleave(payloads, VIDEO_CHANNEL, VIDEO_TYPE)
        templates.append(
            Template(
                data=data,
                patches=patches,
                mark_at=data.index(MARK_UUID) + len(MARK_UUID),
                payload_bytes=sum(map(len, payloads)),
                units=units,
                size_bytes=sum(len(unit) + 4 for unit in units),
                keyframe=frame.keyframe,
                joint=frame.joint,
                lead=frame.shown - index - delay,
            )
        )
    keys = tuple(index for index, frame in enumerate(clip.frames) if frame.keyframe)
    return VideoReel(clip, tuple(templates), keys)


def pack_audio(clip: AudioClip) -> AudioReel:
    """Pack a sound clip: one block a packet, AAC in `AAC-hbr` mode."""
    codec = clip.spec.codec
    templates = []
    for block in clip.frames:
        # One access unit header of 16 bits: 13 of size, 3 of index.
        payload = struct.pack(">HH", 16, len(block) << 3) + block if codec == "aac" else block
        data, patches = _interleave([payload], AUDIO_CHANNEL, AUDIO_TYPES[codec])
        templates.append(Template(data, patches, -1, len(payload), (block,), len(block)))
    return AudioReel(clip, tuple(templates))


def payloads_of(codec: str, nals: Sequence[bytes]) -> Iterator[bytes]:
    """Cut a picture's NAL units into RTP payloads: small neighbours together, large ones in fragments."""
    small: list[bytes] = []
    for nal in nals:
        if small and sum(len(unit) + 2 for unit in small) + len(nal) + 4 > MTU_BYTES:
            yield _together(codec, small)
            small = []
        if len(nal) > MTU_BYTES:
            yield from _fragments(codec, nal)
        else:
            small.append(nal)
    if small:
        yield _together(codec, small)


def _together(codec: str, nals: Sequence[bytes]) -> bytes:
    if len(nals) == 1:
        return nals[0]
    body = b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)
    if codec == "h264":
        importance = max(nal[0] & 0x60 for nal in nals)
        return bytes([importance | 24]) + body
    return bytes([48 << 1, 1]) + body


def _fragments(codec: str, nal: bytes) -> Iterator[bytes]:
    if codec == "h264":
        head, kind, body = bytes([nal[0] & 0x60 | 28]), nal[0] & 0x1F, nal[1:]
    else:
        head, kind, body = bytes([nal[0] & 0x81 | 49 << 1, nal[1]]), nal[0] >> 1 & 0x3F, nal[2:]
    room = MTU_BYTES - len(head) - 1
    for at in range(0, len(body), room):
        start, end = at == 0, at + room >= len(body)
        yield head + bytes([start << 7 | end << 6 | kind]) + body[at : at + room]


def _interleave(payloads: Sequence[bytes], channel: int, payload_type: int) -> tuple[bytes, tuple[int, ...]]:
    out = bytearray()
    patches = []
    for index, payload in enumerate(payloads):
        patches.append(len(out) + _PATCH_AT)
        marker = 0x80 if index == len(payloads) - 1 else 0
        out += _HEADER.pack(0x24, channel, len(payload) + _RTP_BYTES, 0x80, marker | payload_type, 0, 0, 0)
        out += payload
    return bytes(out), tuple(patches)


def sender_report(channel: int, source: int, *, wall_us: int, timestamp: int, packets: int, octets: int) -> bytes:
    """Write an interleaved RTCP sender report, which ties RTP time to the camera's wall clock, with its CNAME."""
    seconds, micros = divmod(wall_us, 1_000_000)
    report = struct.pack(
        ">BBHIIIIII", 0x80, 200, 6, source, (seconds + _NTP_EPOCH_S) & 0xFFFFFFFF, (micros << 32) // 1_000_000,
        timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF,
    )  # fmt: skip
    name = b"holdfast-sim"
    description = struct.pack(">BBHIBB", 0x81, 202, 5, source, 1, len(name)) + name
    description += bytes(24 - len(description))
    body = report + description
    return struct.pack(">BBH", 0x24, channel + 1, len(body)) + body


def translate(data: bytes | bytearray, channels: Mapping[int, int]) -> bytes:
    """Return interleaved packets with other channel numbers; packets of channels not in the map are left out."""
    parts = []
    at = 0
    while at < len(data):
        end = at + _FRAMING_BYTES + int.from_bytes(data[at + 2 : at + 4], "big")
        channel = channels.get(data[at + 1])
        if channel is not None:
            parts.append(bytes([0x24, channel]))
            parts.append(bytes(data[at + 2 : end]))
        at = end
    return b"".join(parts)

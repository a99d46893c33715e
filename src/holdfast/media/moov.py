"""`ftyp` and `moov`: what a decoder must know before the first fragment.

Not here: fragments and index (boxes), reading (boxread). Pure; any thread.
Source: ISO/IEC 14496-12 (boxes), 14496-15 (`avc1`, `hvc1`), 14496-14 and 14496-1 (`mp4a`, `esds`).
"""

import struct
from collections.abc import Sequence

from holdfast.core.camera import Kind, Track
from holdfast.core.errors import Unsupported
from holdfast.media.boxes import PLAIN_SAMPLE, SYNC_SAMPLE, box, full_box

_MOVIE_TIMESCALE = 1000  # only durations would use it, and a fragmented file states none here
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)  # no rotation
_VIDEO_ENTRIES = {"h264": (b"avc1", b"avcC"), "hevc": (b"hvc1", b"hvcC")}
_UNDETERMINED = 0x55C4  # language "und"


def header(tracks: Sequence[Track]) -> bytes:
    """Return `ftyp` and `moov` for a file of `tracks`; track ids count from 1 in their order.

    Raises:
        Unsupported: A codec that we cannot store.
    """
    # iso6 is the first brand that has tfdt version 1, sidx and prft together.
    ftyp = box(b"ftyp", b"iso6", struct.pack(">I", 1), b"iso6", b"mp41")
    times = struct.pack(">4I", 0, 0, _MOVIE_TIMESCALE, 0)
    next_id = struct.pack(">I", len(tracks) + 1)
    mvhd = full_box(b"mvhd", 0, 0, times, struct.pack(">IH10x", 0x10000, 0x100), _MATRIX, bytes(24), next_id)
    traks = [_trak(number, track) for number, track in enumerate(tracks, 1)]
    mvex = box(b"mvex", *(_trex(number, track) for number, track in enumerate(tracks, 1)))
    return ftyp + box(b"moov", mvhd, *traks, mvex)


def _trex(track_id: int, track: Track) -> bytes:
    flags = PLAIN_SAMPLE if track.kind is Kind.VIDEO else SYNC_SAMPLE
    return full_box(b"trex", 0, 0, struct.pack(">5I", track_id, 1, 0, 0, flags))


def _trak(track_id: int, track: Track) -> bytes:
    video = track.kind is Kind.VIDEO
    volume = 0 if video else 0x100
    tkhd = full_box(
        b"tkhd", 0, 3,  # enabled, in movie
        struct.pack(">5I8x2hH2x", 0, 0, track_id, 0, 0, 0, 0, volume), _MATRIX,
        struct.pack(">II", track.width << 16, track.height << 16),
    )  # fmt: skip
    mdhd = full_box(b"mdhd", 0, 0, struct.pack(">4I2H", 0, 0, track.timescale, 0, _UNDETERMINED, 0))
    name = b"video\0" if video else b"sound\0"
    hdlr = full_box(b"hdlr", 0, 0, bytes(4), b"vide" if video else b"soun", bytes(12), name)
    media = full_box(b"vmhd", 0, 1, bytes(8)) if video else full_box(b"smhd", 0, 0, bytes(4))
    dinf = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    entry = _video_entry(track) if video else _audio_entry(track)
    stbl = box(
        b"stbl",
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        full_box(b"stts", 0, 0, bytes(4)),
        full_box(b"stsc", 0, 0, bytes(4)),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, bytes(4)),
    )
    return box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, box(b"minf", media, dinf, stbl)))


def _video_entry(track: Track) -> bytes:
    if track.codec not in _VIDEO_ENTRIES:
        raise Unsupported(f"video {track.codec or 'without a codec'} cannot be stored")
    entry, config = _VIDEO_ENTRIES[track.codec]
    size = struct.pack(">HHIII", track.width, track.height, 0x480000, 0x480000, 0)
    return box(
        entry, bytes(6), struct.pack(">H", 1), bytes(16), size,
        struct.pack(">H32sHh", 1, b"", 24, -1), box(config, track.config),
    )  # fmt: skip


def _audio_entry(track: Track) -> bytes:
    if track.codec != "aac":
        raise Unsupported(f"audio {track.codec or 'without a codec'} cannot be stored")
    rate = track.sample_rate << 16 if track.sample_rate < 1 << 16 else 0  # 96 kHz does not fit; the esds says it
    sound = struct.pack(">8xHHHHI", track.channels or 2, 16, 0, 0, rate)
    return box(b"mp4a", bytes(6), struct.pack(">H", 1), sound, _esds(track.config))


def _esds(config: bytes) -> bytes:
    decoder = struct.pack(">BB3xII", 0x40, 0x15, 0, 0) + _descriptor(5, config)  # MPEG-4 audio, an audio stream
    return full_box(b"esds", 0, 0, _descriptor(3, bytes(3) + _descriptor(4, decoder) + _descriptor(6, b"\x02")))


def _descriptor(tag: int, body: bytes) -> bytes:
    size = len(body)
    return bytes((tag, 0x80 | size >> 21 & 0x7F, 0x80 | size >> 14 & 0x7F, 0x80 | size >> 7 & 0x7F, size & 0x7F)) + body

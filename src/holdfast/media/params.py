"""Parameter sets and codec configurations: what a decoder needs first, and what it says to a person.

H.264 (SPS, PPS, `avcC`), H.265 (VPS, SPS, PPS, `hvcC`) and AAC (AudioSpecificConfig). Pure; any thread.
Sources: ISO/IEC 14496-10 (7.3.2.1, annex E), 23008-2 (7.3.2.2), 14496-15 (5.3.3.1, 8.3.3.1), 14496-3 (1.6.2.1).

Not here: finding NAL units (nal), writing boxes (boxes).
"""

from dataclasses import dataclass

from holdfast.core.errors import BadInput
from holdfast.media.nal import is_annexb, split_annexb

AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
"""Sampling rates by index in an AudioSpecificConfig and in ADTS."""

_H264_PROFILES = {66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10", 122: "High 4:2:2",
                  244: "High 4:4:4 Predictive"}  # fmt: skip
_H264_CHROMA_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_HEVC_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Rext"}
_AAC_PROFILES = {1: "Main", 2: "LC", 3: "SSR", 4: "LTP", 5: "HE-AAC", 23: "LD", 29: "HE-AACv2", 39: "ELD"}
MAX_FPS = 300.0  # chosen: above it a VUI is nonsense; the fastest surveillance cameras stop at 120


class Bits:
    """Reads bit by bit; from a NAL unit, emulation prevention bytes are taken out."""

    def __init__(self, data: bytes, skip_bytes: int = 0, *, emulated: bool = True) -> None:
        body = data[skip_bytes:]
        if emulated:
            body = body.replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(body, "big")
        self._left = len(body) * 8

    def u(self, bits: int) -> int:
        """Read an unsigned number of so many bits.

        Raises:
            BadInput: There are not that many left.
        """
        self._left -= bits
        if self._left < 0:
            raise BadInput("a parameter set ends too soon")
        return self._value >> self._left & ((1 << bits) - 1)

    def ue(self) -> int:
        """Read an Exp-Golomb coded number."""
        zeros = 0
        while not self.u(1):
            zeros += 1
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """Read a signed Exp-Golomb coded number."""
        value = self.ue()
        return (value + 1) // 2 if value % 2 else -(value // 2)


@dataclass(frozen=True, slots=True)
class Picture:
    """What a sequence parameter set says. `reorder` is how many pictures may be decoded early, None where unsaid."""

    profile: str
    width: int
    height: int
    frame_rate: float
    reorder: int | None


def picture_h264(sps: bytes) -> Picture:
    """Read an H.264 sequence parameter set (with its one-byte NAL header).

    Raises:
        BadInput: It is damaged.
    """
    bits = Bits(sps, 1)
    profile, constraints, _level = bits.u(8), bits.u(8), bits.u(8)
    bits.ue()
    chroma = _h264_chroma(bits) if profile in _H264_CHROMA_PROFILES else 1
    bits.ue()
    poc_type = bits.ue()
    if poc_type == 0:
        bits.ue()
    elif poc_type == 1:
        bits.u(1)
        bits.se()
        bits.se()
        for _ in range(bits.ue()):
            bits.se()
    bits.ue()
    bits.u(1)
    width, height = (bits.ue() + 1) * 16, (bits.ue() + 1) * 16
    frames_only = bits.u(1)
    if not frames_only:
        height *= 2
        bits.u(1)
    bits.u(1)
    if bits.u(1):
        step_x = 2 if chroma in {1, 2} else 1
        step_y = (2 if chroma == 1 else 1) * (2 - frames_only)
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width, height = width - step_x * (left + right), height - step_y * (top + bottom)
    rate, reorder = _h264_vui(bits) if bits.u(1) else (0.0, None)
    if poc_type == 2 or profile == 66:  # noqa: PLR2004 - both numbers stand so in the standard: output order is decoding order
        reorder = 0
    name = _H264_PROFILES.get(profile, str(profile))
    if profile == 66 and constraints & 0x40:  # noqa: PLR2004 - baseline with constraint_set1
        name = "Constrained Baseline"
    return Picture(name, width, height, rate, reorder)


def _h264_chroma(bits: Bits) -> int:
    chroma = bits.ue()
    if chroma == 3:  # noqa: PLR2004 - chroma_format_idc of 4:4:4
        bits.u(1)
    bits.ue()
    bits.ue()
    bits.u(1)
    if bits.u(1):
        for index in range(12 if chroma == 3 else 8):  # noqa: PLR2004 - chroma_format_idc of 4:4:4
            if bits.u(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)  # noqa: PLR2004 - the first six lists are 4 by 4
    return chroma


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _h264_vui(bits: Bits) -> tuple[float, int | None]:
    """Return frame rate and reorder depth from annex E's syntax; a VUI cut short says as much as it holds."""
    rate = 0.0
    try:
        _skip_h264_looks(bits)
        if bits.u(1):
            units, scale, _fixed = bits.u(32), bits.u(32), bits.u(1)
            rate = _believable(scale / (2 * units) if units else 0.0)
        hrd = [_h264_hrd(bits) for _ in range(2) if bits.u(1)]
        if hrd:
            bits.u(1)
        bits.u(1)
        if not bits.u(1):
            return rate, None
        bits.u(1)
        for _ in range(4):
            bits.ue()
        return rate, bits.ue()
    except BadInput:
        return rate, None


def _skip_h264_looks(bits: Bits) -> None:
    """Pass over aspect ratio, overscan, colours and the place of chroma samples."""
    if bits.u(1) and bits.u(8) == 255:  # noqa: PLR2004 - Extended_SAR
        bits.u(32)
    if bits.u(1):
        bits.u(1)
    if bits.u(1):
        bits.u(4)
        if bits.u(1):
            bits.u(24)
    if bits.u(1):
        bits.ue()
        bits.ue()


def _h264_hrd(bits: Bits) -> bool:
    count = bits.ue() + 1
    bits.u(8)
    for _ in range(count):
        bits.ue()
        bits.ue()
        bits.u(1)
    bits.u(20)
    return True


def _believable(rate: float) -> float:
    return round(rate, 3) if 0.0 < rate <= MAX_FPS else 0.0


@dataclass(frozen=True, slots=True)
class _HevcSps:
    picture: Picture
    profile_tier_level: bytes
    temporal: int
    chroma: int
    luma_bits: int
    chroma_bits: int


def picture_hevc(sps: bytes) -> Picture:
    """Read an H.265 sequence parameter set (with its two-byte NAL header). The frame rate is not in it.

    Raises:
        BadInput: It is damaged.
    """
    return _hevc_sps(sps).picture


def _hevc_sps(sps: bytes) -> _HevcSps:
    bits = Bits(sps, 2)
    bits.u(4)
    layers, nested = bits.u(3), bits.u(1)
    general = bits.u(96).to_bytes(12, "big")
    flags = [(bits.u(1), bits.u(1)) for _ in range(layers)]
    if layers:
        bits.u(2 * (8 - layers))
    for profile_present, level_present in flags:
        bits.u(88 * profile_present + 8 * level_present)
    bits.ue()
    chroma = bits.ue()
    if chroma == 3:  # noqa: PLR2004 - chroma_format_idc of 4:4:4
        bits.u(1)
    width, height = bits.ue(), bits.ue()
    if bits.u(1):
        step_x, step_y = (2 if chroma in {1, 2} else 1), (2 if chroma == 1 else 1)
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width, height = width - step_x * (left + right), height - step_y * (top + bottom)
    luma_bits, chroma_bits = bits.ue(), bits.ue()
    bits.ue()
    reorder = 0
    for _ in range(layers + 1 if bits.u(1) else 1):
        bits.ue()
        reorder = bits.ue()
        bits.ue()
    profile = _HEVC_PROFILES.get(general[0] & 0x1F, str(general[0] & 0x1F))
    picture = Picture(profile, width, height, 0.0, reorder)
    return _HevcSps(picture, general, (layers + 1) << 1 | nested, chroma, luma_bits, chroma_bits)


def avcc(sps: list[bytes], pps: list[bytes]) -> bytes:
    """Write the body of an `avcC` box: 4-byte lengths, and for high profiles the depth of the picture."""
    first = sps[0]
    out = bytearray([1, first[1], first[2], first[3], 0xFF, 0xE0 | len(sps)])
    for nal in sps:
        out += len(nal).to_bytes(2, "big") + nal
    out.append(len(pps))
    for nal in pps:
        out += len(nal).to_bytes(2, "big") + nal
    if first[1] in _H264_CHROMA_PROFILES:
        bits = Bits(first, 4)
        bits.ue()
        chroma = bits.ue()
        if chroma == 3:  # noqa: PLR2004 - chroma_format_idc of 4:4:4
            bits.u(1)
        out += bytes([0xFC | chroma, 0xF8 | bits.ue(), 0xF8 | bits.ue(), 0])
    return bytes(out)


def hvcc(vps: list[bytes], sps: list[bytes], pps: list[bytes]) -> bytes:
    """Write the body of an `hvcC` box; all sets are in it, as `hvc1` demands."""
    known = _hevc_sps(sps[0])
    out = bytearray([1])
    out += known.profile_tier_level
    out += b"\xf0\x00\xfc"  # no spatial segmentation known, parallelism unknown
    out += bytes([0xFC | known.chroma, 0xF8 | known.luma_bits, 0xF8 | known.chroma_bits])
    out += b"\x00\x00"  # average frame rate unspecified
    out.append(known.temporal << 2 | 3)
    out.append(3)
    for kind, nals in ((32, vps), (33, sps), (34, pps)):
        out.append(0x80 | kind)
        out += len(nals).to_bytes(2, "big")
        for nal in nals:
            out += len(nal).to_bytes(2, "big") + nal
    return bytes(out)


def from_config(config: bytes, *, hevc: bool) -> tuple[list[bytes], int]:
    """Take parameter sets out of `avcC`, `hvcC` or Annex B extradata.

    Returns:
        The sets, and how many bytes the length prefixes of the samples have (0: the samples are Annex B).

    Raises:
        BadInput: It is none of these.
    """
    if not config or is_annexb(config):
        return split_annexb(config), 0
    try:
        return _from_hvcc(config) if hevc else _from_avcc(config)
    except IndexError as error:
        raise BadInput("a codec configuration ends too soon") from error


def _from_avcc(config: bytes) -> tuple[list[bytes], int]:
    sets = []
    at = 5
    for mask in (0x1F, 0xFF):
        count = config[at] & mask
        at += 1
        for _ in range(count):
            size = config[at] << 8 | config[at + 1]
            sets.append(config[at + 2 : at + 2 + size])
            at += 2 + size
    return sets, (config[4] & 3) + 1


def _from_hvcc(config: bytes) -> tuple[list[bytes], int]:
    sets = []
    at = 23
    for _ in range(config[22]):
        count = config[at + 1] << 8 | config[at + 2]
        at += 3
        for _ in range(count):
            size = config[at] << 8 | config[at + 1]
            sets.append(config[at + 2 : at + 2 + size])
            at += 2 + size
    return sets, (config[21] & 3) + 1


@dataclass(frozen=True, slots=True)
class Sound:
    """What an AudioSpecificConfig says."""

    profile: str
    sample_rate: int
    channels: int


def sound_aac(config: bytes) -> Sound:
    """Read an AudioSpecificConfig.

    Raises:
        BadInput: It is damaged.
    """
    bits = Bits(config, emulated=False)
    kind = _aac_kind(bits)
    rate, channels = _aac_rate(bits), bits.u(4)
    if kind in {5, 29}:
        rate = _aac_rate(bits)
    return Sound(_AAC_PROFILES.get(kind, str(kind)), rate, 8 if channels == 7 else channels)  # noqa: PLR2004 - 7.1 is configuration 7


def _aac_kind(bits: Bits) -> int:
    kind = bits.u(5)
    return 32 + bits.u(6) if kind == 31 else kind  # noqa: PLR2004 - the escape value


def _aac_rate(bits: Bits) -> int:
    index = bits.u(4)
    if index == 15:  # noqa: PLR2004 - the escape value
        return bits.u(24)
    if index >= len(AAC_RATES):
        raise BadInput("an AudioSpecificConfig names no sampling rate")
    return AAC_RATES[index]


def strip_adts(frame: bytes) -> tuple[bytes, bytes]:
    """Take the ADTS header off a frame, where it has one.

    Returns:
        The raw frame, and the AudioSpecificConfig that the header stands for (empty where there was no header).
    """
    if len(frame) < 7 or frame[0] != 0xFF or frame[1] & 0xF6 != 0xF0:  # noqa: PLR2004 - sync word, layer 0, header size
        return frame, b""
    kind, rate, channels = (frame[2] >> 6) + 1, frame[2] >> 2 & 15, (frame[2] & 1) << 2 | frame[3] >> 6
    config = (kind << 11 | rate << 7 | channels << 3).to_bytes(2, "big")
    return frame[7 if frame[1] & 1 else 9 :], config

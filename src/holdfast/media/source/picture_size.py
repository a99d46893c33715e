"""How large a picture in a file is, by its first bytes: known before anything is decoded, which costs memory. Pure.

Not here: what a file is (folder_names), decoding (folder_pictures).
"""

from holdfast.media.source.folder_names import Form

MOST_PIXELS = 100_000_000  # chosen: decoded 150 MB; what cameras and screens give is at most 61 million

_NO_FRAMES = frozenset({0xC4, 0xC8, 0xCC})  # tables and extensions among the markers of frames
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_SCAN = 0xDA


def size_of(body: bytes, form: Form) -> tuple[int, int] | None:
    """Return width and height in pixels; None where the beginning does not say it.

    Args:
        body: All of a picture.
        form: What it is.

    Source: JPEG, ITU-T T.81, B.2.2; PNG, section 11.2.2; WebP, RFC 9649, sections 2.5 to 2.7.
    """
    if form is Form.JPEG:
        return _of_jpeg(body)
    if form is Form.PNG:
        size = int.from_bytes(body[16:20]), int.from_bytes(body[20:24])
        return size if body[12:16] == b"IHDR" else None
    if form is Form.WEBP:
        return _of_webp(body)
    return None


def _of_jpeg(body: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(body) and body[at] == 0xFF:  # noqa: PLR2004 - what every marker begins with
        marker = body[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - as above: more than one may fill
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker == _SCAN:
            return None
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES:  # noqa: PLR2004 - frames, see the source
            return int.from_bytes(body[at + 7 : at + 9]), int.from_bytes(body[at + 5 : at + 7])
        else:
            at += 2 + int.from_bytes(body[at + 2 : at + 4])
    return None


def _of_webp(body: bytes) -> tuple[int, int] | None:
    kind, facts = body[12:16], body[20:30]
    if kind == b"VP8X":
        return 1 + int.from_bytes(facts[4:7], "little"), 1 + int.from_bytes(facts[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(facts[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        sizes = int.from_bytes(facts[6:8], "little"), int.from_bytes(facts[8:10], "little")
        return sizes[0] & 0x3FFF, sizes[1] & 0x3FFF
    return None

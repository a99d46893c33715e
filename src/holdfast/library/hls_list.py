"""What stands in a list for players (HLS), and how it is written: entries, and where files lie on a player's timeline.

Entries begin with a keyframe and last about two seconds, as far as the camera's keyframes allow. Files of one run
follow each other without a seam: `at_us` says where each one's time 0 lies, and it is served as if its clock began
there. A new run is a discontinuity, one second on.

Pure: values in, values out. Not here: which files, and how a list moves on (hls).
Source: RFC 8216; `EXT-X-MAP` with byte ranges and fragmented MP4 need version 7.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from holdfast.core.timing import SECOND_US, iso, ticks_to_us
from holdfast.library.footage import Piece
from holdfast.media.index_of import FileIndex

ENTRY_US = 2 * SECOND_US  # specified: C021
EARLY_PART = 10  # an entry may be a tenth shorter than wanted: cameras' keyframes are not that exact
SEAM_US = SECOND_US  # chosen: files of one run touch; between runs, sound that lasts longer than its picture ends
MOST_PLACES = 5000  # chosen: files of a day, were each a run of its own of 20 s
_WRONG_CLOCK_US = 2 * SECOND_US  # chosen: a run settles on its place within less; more was a clock that was set


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a file lies in a list.

    Attributes:
        at_us: Instant of the player's timeline at which the file's own time 0 lies.
        map_segment: The file whose first bytes a player needs: the first one with these parameters.
        map_bytes: How many.
        breaks: It does not go on where the file before it ended.
    """

    at_us: int
    map_segment: str
    map_bytes: int
    breaks: bool


@dataclass(slots=True)
class Line:
    """Lays files on a player's timeline, one after the other; what was laid stays."""

    at_us: int = 0
    run: str = ""
    places: "OrderedDict[str, Place]" = field(default_factory=OrderedDict)
    _front: bytes = b""
    _map: tuple[str, int] = ("", 0)
    _offset_us: int = 0
    _end_us: int = 0

    def lay(self, piece: Piece, index: FileIndex) -> Place:
        """Return a file's place; files come in order, and the newest one may come again when it has grown."""
        head, scale = index.head, index.timescale
        known = self.places.get(piece.segment)
        offset_us = ticks_to_us(head.tracks[head.reference].offset_ticks, scale)
        if known is None:
            last = next(reversed(self.places.values()), None)
            at_us = self.at_us + offset_us - self._offset_us
            first_us = at_us + ticks_to_us(index.ticks[0], scale)
            joined = last is not None and head.run == self.run and abs(first_us - self._end_us) < SEAM_US
            if not joined:
                at_us = self.at_us if last is None else self._end_us + SEAM_US
            if last is None or index.front != self._front:
                # ffmpeg keeps to the first map that it was given, and complains about every other one.
                self._front, self._map = index.front, (piece.segment, head.init_bytes)
            known = Place(
                at_us=at_us, map_segment=self._map[0], map_bytes=self._map[1], breaks=last is not None and not joined
            )
            self.places[piece.segment] = known
            while len(self.places) > MOST_PLACES:
                self.places.popitem(last=False)
            self.at_us, self.run, self._offset_us, self._end_us = at_us, head.run, offset_us, 0
        if next(reversed(self.places)) == piece.segment:
            self._end_us = max(self._end_us, known.at_us + ticks_to_us(index.end_ticks, scale))
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A piece of a file.

    Attributes:
        segment: The file's name in addresses.
        offset: Where it begins in the file.
        size_bytes: How long it is.
        length_us: How long it plays.
        wall_us: When it was recorded.
        place: Where its file lies in the list.
        breaks: A discontinuity comes before it.
    """

    segment: str
    offset: int
    size_bytes: int
    length_us: int
    wall_us: int
    place: "Place"
    breaks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayList:
    """A list before it is written.

    Attributes:
        entries: In order.
        number: Of the first entry.
        breaks: Discontinuities before it.
        target_s: No entry is longer, in whole seconds.
        kind: `VOD` and `EVENT` for the past, empty for live.
        ended: Nothing will be added.
    """

    entries: tuple[Entry, ...]
    number: int = 0
    breaks: int = 0
    target_s: int
    kind: str = ""
    ended: bool = False


def shift_of(piece: Piece, said_us: int) -> int:
    """Return how far the timeline places a file from where its own clock does; 0 unless that clock was wrong."""
    shift_us = piece.start_us - said_us
    return shift_us if abs(shift_us) > _WRONG_CLOCK_US else 0


def entries_of(piece: Piece, index: FileIndex, place: Place, *, length_us: int = ENTRY_US, whole: bool) -> list[Entry]:
    """Group a file's pieces into entries of about a length.

    Args:
        piece: The file.
        index: Of it.
        place: Of it.
        length_us: How long an entry should be; at least a tenth less.
        whole: What follows the last keyframe is an entry too, because nothing will be added to it.
    """
    scale, shift_us = index.timescale, shift_of(piece, index.head.start_us)
    least = (length_us - length_us // EARLY_PART) * scale // SECOND_US
    starts: list[int] = []
    for number, ticks in enumerate(index.ticks):
        if not starts or ticks - index.ticks[starts[-1]] >= least:
            starts.append(number)
    ends = [(index.offsets[n], index.ticks[n]) for n in starts[1:]]
    if whole:
        ends.append((index.end, index.end_ticks))
    return [
        Entry(
            segment=piece.segment, offset=index.offsets[n], size_bytes=end - index.offsets[n],
            place=place, length_us=max(1, (ticks - index.ticks[n]) * SECOND_US // scale),
            wall_us=index.walls_us[n] + shift_us, breaks=place.breaks and n == 0,
        )
        for n, (end, ticks) in zip(starts, ends, strict=False)
    ]  # fmt: skip


def target_of(entries: Sequence[Entry]) -> int:
    """Return the longest entry in whole seconds, rounded as RFC 8216 (4.3.3.1) counts; at least 2."""
    lengths = (ENTRY_US, *(entry.length_us for entry in entries))
    return (max(lengths) + SECOND_US // 2) // SECOND_US


def written(found: PlayList, address: Callable[[str, int], str]) -> str:
    """Write a list.

    Args:
        found: The list.
        address: Makes the address of a segment file that is played from an instant on, relative to that of the list.
    """
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{found.target_s}"]
    lines.append(f"#EXT-X-MEDIA-SEQUENCE:{found.number}")
    if found.breaks:
        lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{found.breaks}")
    if found.kind:
        lines.append(f"#EXT-X-PLAYLIST-TYPE:{found.kind}")
    lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    mapped = ""
    for number, entry in enumerate(found.entries):
        # Also at the top of a live list: what leaves it is counted.
        if entry.breaks and (number or not found.kind):
            lines.append("#EXT-X-DISCONTINUITY")
        place = entry.place
        if place.map_segment != mapped:
            mapped = place.map_segment
            lines.append(f'#EXT-X-MAP:URI="{address(mapped, 0)}",BYTERANGE="{place.map_bytes}@0"')
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{iso(entry.wall_us)}")
        lines.append(f"#EXTINF:{entry.length_us / SECOND_US:.5f},")
        lines.append(f"#EXT-X-BYTERANGE:{entry.size_bytes}@{entry.offset}")
        lines.append(address(entry.segment, place.at_us))
    if found.ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"

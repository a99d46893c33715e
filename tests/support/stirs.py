"""Films as a recorder's fragments, looked at for what moves; without files of footage and without a catalog."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av

from holdfast.core.event import Rule, Turn, Watch, step
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.motion import Memory, MotionEye, Part, Stir, Unit
from holdfast.media.decode import Coding

FRAGMENT_US = SECOND_US // 2
BEGIN_US = 1_777_000_000 * SECOND_US


def parts_of(path: Path) -> tuple[Coding, list[Part]]:
    """Read a film as parts of half a second, each keyframe at the begin of one."""
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        context = stream.codec_context
        coding = Coding(0, context.name, SECOND_US, bytes(context.extradata), context.width, context.height)
        parts: list[Part] = []
        units: list[Unit] = []
        payloads: list[bytes] = []
        begun_us = 0

        def close() -> None:
            if units:
                parts.append(Part(units[0].wall_us, tuple(units), partial(tuple, payloads[:])))
                units.clear()
                payloads.clear()

        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            pts, dts = (round((at or 0) * Fraction(packet.time_base) * SECOND_US) for at in (packet.pts, packet.dts))
            if units and (packet.is_keyframe or dts - begun_us >= FRAGMENT_US):
                close()
            if not units:
                begun_us = dts
            units.append(Unit(pts, dts, BEGIN_US + pts, packet.size, bool(packet.is_keyframe)))
            payloads.append(bytes(packet))
        close()
    return coding, parts


def stirs_of(coding: Coding, parts: list[Part], memory: Memory, *, always: bool = False) -> Iterator[Stir]:
    """Look at parts."""
    eye = MotionEye(coding, memory, always=always)
    for part in parts:
        yield from eye.feed(part)


def events_of(stirs: Iterator[Stir], rule: Rule) -> list[tuple[float, float, float]]:
    """Begin and end of each event, in seconds of the film, and its score."""
    watch, found = Watch(), dict[int, tuple[float, float, float]]()
    for stir in stirs:
        watch, changes = step(watch, stir.at_us, stir.moved, rule)
        for change in changes:
            case = change.case
            if case.open and change.turn is not Turn.DROPPED:
                span = ((at_us - BEGIN_US) / SECOND_US for at_us in (case.start_us, case.last_us))
                begin, end = span
                found[case.start_us] = (begin, end, case.score)
    return list(found.values())

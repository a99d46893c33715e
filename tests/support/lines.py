"""Journals that no recorder would write, and those that it would: for properties that must hold for all of them."""

from dataclasses import replace

from hypothesis import strategies as st

from holdfast.core.journal import Beat, Begun, Closed, Down, Emptied, Event, Line, Opened, Removed, Sealed, When

START_US = 1_790_000_000_000_000


def sealed(number: int, start_us: int, end_us: int, *, recovered: bool = False) -> Sealed:
    """Return a finished segment."""
    return Sealed(
        file=f"f{number}", run="r", start_us=start_us, end_us=end_us, start_boot_us=None, bytes=1, media_bytes=1,
        sha256="0", video_samples=1, audio_samples=0, began="cut", ended="cut", recovered=recovered,
    )  # fmt: skip


@st.composite
def journals(draw: st.DrawFn) -> list[Line]:  # noqa: C901 - one branch for each kind of line
    """Lines as recorders, recoveries, crashes, reboots and wrong clocks might leave them, and then some."""
    lines: list[Line] = []
    at, boot, begun = START_US, 0, {}
    clock_off = 0
    for number in range(draw(st.integers(1, 60))):
        at += draw(st.sampled_from([10_000, 90_000, 400_000, 3_000_000, 60_000_000]))
        if draw(st.integers(0, 19)) == 0:
            boot += 1
            clock_off = draw(st.sampled_from([0, 0, -(10**12), 5_000_000]))
        sync = draw(st.integers(0, 5)) > 0
        wall = at + (0 if sync else clock_off) + draw(st.sampled_from([0, 0, 0, 7]))
        kind = draw(st.integers(0, 13))
        event: Event | None
        if kind <= 3:
            length = draw(st.sampled_from([0, 50_000, 2_000_000, 600_000_000]))
            event = sealed(number, wall - length, wall, recovered=draw(st.integers(0, 9)) == 0)
        elif kind == 4:
            begun[f"g{number}"] = wall
            event = Begun(file=f"g{number}", run="r", start_us=wall, why="cut")
        elif kind == 5 and begun:
            file = draw(st.sampled_from(sorted(begun)))
            event = replace(sealed(0, begun[file], max(wall, begun[file])), file=file)
        elif kind == 6 and begun:
            event = Emptied(file=draw(st.sampled_from(sorted(begun))))
        elif kind == 7:
            event = Opened(camera="c", stream="main", pid=1, program="t", session=draw(st.sampled_from(["", "a", "b"])))
        elif kind == 8:
            event = Closed(reason=draw(st.sampled_from(["restarted", "recorder-down", "from the future"])))
        elif kind <= 10:
            early = draw(st.sampled_from([0, 0, 5_000_000, 10**10]))
            event = Down(from_us=wall - early, reason=draw(st.sampled_from(["stalled", "unreachable", "disk-full"])))
        elif kind == 11:
            event = Removed(file=f"f{draw(st.integers(0, number))}", bytes=1, why="reserve")
        elif kind == 12:
            event = Beat(reason="stalled")
        else:
            event = None
        lines.append(Line(When(at_us=wall, boot=f"b{boot}", boot_us=at - START_US, sync=sync), event, ""))
    return lines

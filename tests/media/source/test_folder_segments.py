import threading
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.core.camera import Sample
from holdfast.core.clock import SystemClock
from holdfast.core.errors import SourceEnded, Stalled
from holdfast.core.timing import SECOND_US, ticks_to_us
from holdfast.media.source.folder_files import NotTaken, opened
from holdfast.media.source.folder_segments import FolderSegments
from support.folders import film


class Reading:
    """Segments that are read as fast as they are given: they were captured long ago."""

    def __init__(self, folder: Path) -> None:
        self.told = threading.Event()
        self.segments = FolderSegments("bench/main", "optional", 3.0, SystemClock(), self.told)
        self.began_us = SystemClock().boot_us() - 100 * SECOND_US
        self._path = folder / "segment.ts"
        self.segments._pace = lambda at_us: None  # type: ignore[method-assign] # noqa: ARG005 - nothing waits for its time

    def take(self, body: bytes, at_s: float) -> list[Sample]:
        """What comes of one file that was captured so many seconds after the first."""
        self._path.write_bytes(body)
        with opened(self._path) as found, closing(self.segments):
            self.segments.length_of(found)
            items = list(self.segments.read(found, self.began_us + round(at_s * SECOND_US)))
        return [item for item in items if isinstance(item, Sample)]


@pytest.mark.parametrize("form", ["mpegts", "mp4", "matroska"])
@pytest.mark.parametrize("goes_on", [True, False], ids=["going-on", "reset"])
def test_files_become_one_stream(tmp_path: Path, form: str, goes_on: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Pictures follow each other evenly across files, whether or not each file's times begin anew (C148)."""
    reading, samples = Reading(tmp_path), list[Sample]()
    for number in range(3):
        samples += reading.take(film(1.0, form, shift_s=number if goes_on else 0.0), number)
    samples += [item for item in reading.segments.flush() if isinstance(item, Sample)]
    (track,) = reading.segments.tracks
    assert (track.codec, track.encoder, len(samples)) == ("h264", "", 30)
    assert all(one.payload for one in samples)
    steps = [ticks_to_us(b.dts_ticks - a.dts_ticks, track.timescale) / SECOND_US for a, b in pairwise(samples)]
    assert all(0.05 < step < 0.21 for step in steps), steps
    arrived = [(one.arrived_us - reading.began_us) / SECOND_US for one in samples]
    assert all(abs(at - number / 10) < 0.11 for number, at in enumerate(arrived)), arrived


def test_a_file_that_is_missing_leaves_its_time_free(tmp_path: Path) -> None:
    """What follows a lost file is where it was captured; a longer hole ends the connection."""
    reading = Reading(tmp_path)
    first = reading.take(film(1.0), 0)
    later = reading.take(film(1.0, shift_s=2.0), 2)
    (track,) = reading.segments.tracks
    hole_us = ticks_to_us(later[1].dts_ticks - first[-1].dts_ticks, track.timescale)
    assert 1.1 < hole_us / SECOND_US < 1.4
    with pytest.raises(Stalled, match=r"nothing was written for 5\.\d s"):
        reading.take(film(1.0, shift_s=8.0), 8)


def test_another_kind_of_segment_begins_anew(tmp_path: Path) -> None:
    """Files whose parameters stand before their pictures must not be mixed with others."""
    reading = Reading(tmp_path)
    reading.take(film(0.5, "mp4"), 0)
    with pytest.raises(SourceEnded, match="something else"):
        reading.take(film(0.5, "mpegts"), 0.5)


def test_a_damaged_file_costs_itself(tmp_path: Path) -> None:
    """A file that breaks off gives what can be read of it; one that is noise is passed over; the next one follows."""
    reading = Reading(tmp_path)
    assert len(reading.take(film(1.0), 0)) == 9
    body = film(1.0, shift_s=1.0)
    assert 2 < len(reading.take(body[: len(body) // 2 // 188 * 188], 1)) < 8
    with pytest.raises(NotTaken):
        reading.take(b"\x00\x00\x00\x18ftypisom" + b"\x07" * 4000, 1.5)
    assert len(reading.take(film(1.0, shift_s=2.0), 2)) >= 9

"""Clips of a stream that a real recorder recorded, fetched over HTTP."""

import itertools
import random
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from holdfast.core.timing import SECOND_US, from_datetime
from holdfast.sim.mark import find_marks
from support.clips import first_times
from support.probe import probe
from support.recording import footage_files
from support.sim import small_camera
from support.watched import Watched, watched

pytestmark = pytest.mark.needs("ffmpeg", "ffprobe")


@pytest.fixture(scope="module", name="seen")
def _seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """An H.265 camera with sound, recorded twice."""
    with watched(tmp_path_factory.mktemp("clips"), small_camera(codec="h265"), second_s=6.5) as seen:
        yield seen


def _counters(data: bytes) -> list[int]:
    return [mark.counter for mark in find_marks(data)]


def _recorded(seen: Watched) -> list[int]:
    return [counter for path in footage_files(seen.plan) for counter in _counters(path.read_bytes())]


def test_clip_of_both_runs_is_whole(seen: Watched, tmp_path: Path) -> None:
    """C101: one MP4 with every recorded picture once and in order, sound in step, and the gap named in a header."""
    answer = seen.get("clip.mp4", params=seen.span())
    assert answer.status_code == 200
    assert answer.headers["content-length"] == str(len(answer.content))
    assert _counters(answer.content) == _recorded(seen)
    assert "recorder-down" in answer.headers["x-holdfast-gaps"]
    name = answer.headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="cam1_\d{4}-\d\d-\d\d_\d{6}\+0[12]00\.mp4"', name)
    path = tmp_path / "clip.mp4"
    path.write_bytes(answer.content)
    found = probe(path)
    assert found.complaints == ""
    assert found.frames("video") == len(_recorded(seen))
    assert float(found.format["duration"]) == pytest.approx(float(answer.headers["x-holdfast-seconds"]), abs=0.01)
    first = first_times(found)
    assert abs(first["video"] - first["audio"]) < 0.05


def test_parts_are_the_same_bytes(seen: Watched) -> None:
    """C101: any parts of a clip are those of the whole; a HEAD says how long it is and sends nothing."""
    span = seen.span(from_us=seen.began_us + 2 * SECOND_US, to_us=seen.stopped_us - 2 * SECOND_US)
    whole = seen.get("clip.mp4", params=span)
    head = seen.client.head(f"{seen.base}/clip.mp4", params=span)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole.content)))
    assert head.headers["etag"] == whole.headers["etag"]
    rng = random.Random(11)
    borders = sorted({0, len(whole.content), *(rng.randrange(len(whole.content)) for _ in range(30))})
    parts = [
        seen.get("clip.mp4", params=span, headers={"Range": f"bytes={a}-{b - 1}"})
        for a, b in itertools.pairwise(borders)
    ]
    assert {part.status_code for part in parts} == {206}
    assert b"".join(part.content for part in parts) == whole.content
    none = seen.get("clip.mp4", params=span, headers={"Range": f"bytes={len(whole.content)}-"})
    assert (none.status_code, none.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")


def test_exact_span(seen: Watched, tmp_path: Path) -> None:
    """C101: three seconds from between keyframes show three seconds of pictures, and say when they were recorded."""
    begin = (seen.began_us + seen.stopped_us) // 2 + 333_000
    answer = seen.get("clip.mp4", params={**seen.span(begin, begin + 3 * SECOND_US), "play": "true"})
    assert answer.status_code == 200
    assert "content-disposition" not in answer.headers
    path = tmp_path / "clip.mp4"
    path.write_bytes(answer.content)
    found = probe(path)
    assert found.complaints == ""
    assert 75 <= found.frames("video") <= 77
    assert float(found.format["duration"]) == pytest.approx(3.04, abs=0.08)


def test_nothing_there_names_the_reason(seen: Watched) -> None:
    """F55: a span without footage is not found, with the reason of the gap; a wrong one is the caller's mistake."""
    gap = _gap(seen)
    answer = seen.get("clip.mp4", params=seen.span(gap[0] + 100_000, gap[1] - 100_000))
    assert answer.status_code == 404
    assert "recorder-down" in answer.json()["error"]["message"]
    early = seen.span(seen.began_us - 9 * SECOND_US * 1000, seen.began_us - 8 * SECOND_US * 1000)
    assert seen.get("clip.mp4", params=early).status_code == 404
    assert seen.get("clip.mp4", params={"from": "today", "to": "yesterday"}).status_code == 400
    assert seen.get("clip.mp4", params={"from": "2020-01-01", "to": "now"}).status_code == 400
    assert seen.get("clip.mp4", params=seen.span(), headers={"X-Test-Right": "public"}).status_code == 401


def _gap(seen: Watched) -> tuple[int, int]:
    """Begin and end of the longest gap, as the header names it."""
    named = seen.client.head(f"{seen.base}/clip.mp4", params=seen.span()).headers["x-holdfast-gaps"].split(", ")
    spans = [[from_datetime(datetime.fromisoformat(at)) for at in part.partition(";")[0].split("/")] for part in named]
    begin, end = max(spans, key=lambda span: span[1] - span[0])
    return begin, end

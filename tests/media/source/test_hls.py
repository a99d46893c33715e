import time
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest

from holdfast.core.camera import Sample
from holdfast.core.clock import SystemClock
from holdfast.core.errors import Refused, SourceError, Stalled
from holdfast.core.plan import StreamPlan
from holdfast.media.source.hls import chosen
from holdfast.media.source.http import HttpSource
from support.web_camera import WebCamera, films_of_hls, web_camera

pytestmark = [pytest.mark.needs("ffmpeg"), pytest.mark.best_of_three]

LISTS = "#EXTM3U\n#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=900,BANDWIDTH=200\nlow/a.m3u8\n"
LISTS += '#EXT-X-STREAM-INF:CODECS="avc1",BANDWIDTH=700\n/high.m3u8?x=1\n'


@pytest.fixture(scope="module", name="films")
def lay_down(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a second each."""
    return films_of_hls(tmp_path_factory.mktemp("hls"))


@pytest.fixture(name="camera")
def serving(films: Path) -> Iterator[WebCamera]:
    """A server of lists."""
    with web_camera(films=films) as camera:
        yield camera


def plan(url: str, **more: float) -> StreamPlan:
    """A plan for a list."""
    return StreamPlan(camera="gate", stream="main", source="http", url=url, volume="/nowhere", **more)  # type: ignore[arg-type]


def test_a_list_of_lists_is_read_by_its_bits() -> None:
    """The main stream takes the variant with the most bits, the sub stream the one with the fewest."""
    assert chosen("http://h/live/all.m3u8", LISTS, best=True) == ("http://h/high.m3u8?x=1", False)
    assert chosen("http://h/live/all.m3u8", LISTS, best=False) == ("http://h/live/low/a.m3u8", False)
    assert chosen("http://h/x.m3u8", "#EXTM3U\n#EXT-X-ENDLIST\n", best=True) == ("http://h/x.m3u8", True)


@pytest.mark.parametrize("path", ["/hls/ts/live.m3u8", "/hls/ts/all.m3u8"])
def test_samples_come_at_their_own_time(camera: WebCamera, path: str) -> None:
    """Files of a second arrive at once, their samples one by one: arrival follows the camera's rhythm to 50 ms.

    A host that gives this process no turn for longer than that moves the rhythm with it, so the best of three counts.
    """
    assert any(_unevenness_us(camera.url(path)) < 50_000 for _ in range(3))


def _unevenness_us(url: str) -> int:
    """Read a list for some seconds; return by how much arrival of video left the rhythm in which it was made."""
    source = HttpSource(plan(url), SystemClock())
    try:
        tracks = source.open()
        assert [(track.codec, track.encoder) for track in tracks] == [("h264", ""), ("aac", "")]
        items = [item for item in islice(source.samples(), 150) if isinstance(item, Sample) and item.track == 0]
    finally:
        source.close()
    assert len(items) > 40
    late = [item.arrived_us - item.dts_ticks * 100 // 9 for item in items]
    return max(late) - min(late)


def test_time_of_day_is_when_it_was_made(camera: WebCamera) -> None:
    """Reading begins three files behind; the samples' time does not: it is right to about the length of a file."""
    source = HttpSource(plan(camera.url("/hls/ts/live.m3u8")), SystemClock())
    try:
        # At its start the server has files 0 to 2 in its list, as if they had been made in the last three seconds.
        began_us = SystemClock().boot_us() - int((time.monotonic() - camera.began_s) * 1e6)
        source.open()
        first = next(item for item in source.samples() if isinstance(item, Sample) and item.track == 0)
    finally:
        source.close()
    made_us = began_us - 3_000_000 + int((first.dts_ticks / 90_000 - 1.4) * 1e6)
    assert abs(first.arrived_us - made_us) < 1_500_000


def test_a_list_whose_files_are_gone(camera: WebCamera) -> None:
    """A list that can be had and files that cannot end in words about the list, within the time to open."""
    camera.manner = "gone"
    source = HttpSource(plan(camera.url("/hls/ts/live.m3u8"), open_timeout_s=2.0), SystemClock())
    began = time.monotonic()
    with pytest.raises((Refused, Stalled), match="the list"):
        source.open()
    source.close()
    assert time.monotonic() - began < 4


def test_a_list_cannot_lead_to_files_of_this_machine(camera: WebCamera, films: Path, tmp_path: Path) -> None:
    """A list that names a local file gets nothing of it, however it writes the name."""
    secret = tmp_path / "secret.ts"
    secret.write_bytes((films / "ts" / "s000.ts").read_bytes())
    for name in (str(secret), f"file://{secret}"):
        text = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{name}\n#EXT-X-ENDLIST\n"
        (films / "ts" / "trap.m3u8").write_text(text, encoding="ascii")
        source = HttpSource(plan(camera.url("/hls/ts/trap.m3u8"), open_timeout_s=2.0), SystemClock())
        with pytest.raises(SourceError):
            source.open()
        source.close()


def test_a_list_that_ends(camera: WebCamera) -> None:
    """A list with an end is played from its beginning, at its own pace."""
    source = HttpSource(plan(camera.url("/hls/ts/whole.m3u8")), SystemClock())
    try:
        source.open()
        began = time.monotonic()
        first = next(item for item in source.samples() if isinstance(item, Sample) and item.track == 0)
        assert first.keyframe
        assert time.monotonic() - began < 1
    finally:
        source.close()


def test_no_file_of_a_short_list_is_missed(camera: WebCamera) -> None:
    """A server that remembers three files loses none to us: what it lists is fetched at once, its time comes later."""
    source = HttpSource(plan(camera.url("/hls/bframes/live.m3u8")), SystemClock())
    try:
        scale = source.open()[0].timescale
        ticks = sorted(item.pts_ticks for item in islice(source.samples(), 200) if isinstance(item, Sample))
    finally:
        source.close()
    steps = [(b - a) / scale for a, b in pairwise(ticks)]
    assert len(steps) == 199
    assert max(steps) < 0.05

"""Live and past lists of a stream that a real recorder records, as ffmpeg and ffprobe play them over HTTP."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from holdfast.core.timing import SECOND_US, from_datetime
from holdfast.sim.mark import find_marks
from support.probe import probe
from support.recording import footage_files
from support.sim import small_camera
from support.watched import Watched, watched

pytestmark = pytest.mark.needs("ffmpeg", "ffprobe")

_ENTRY = re.compile(
    r"#EXT-X-PROGRAM-DATE-TIME:(?P<at>\S+)\n#EXTINF:(?P<s>[\d.]+),\n#EXT-X-BYTERANGE:(?P<n>\d+)@(?P<o>\d+)\n(?P<uri>\S+)\n"
)


@pytest.fixture(scope="module", name="seen")
def _seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A camera with B-frames and sound, recorded twice, watched the second time."""
    with watched(tmp_path_factory.mktemp("hls"), small_camera(bframes=2)) as seen:
        yield seen


def _counters(data: bytes) -> list[int]:
    return [mark.counter for mark in find_marks(data)]


def _recorded(seen: Watched) -> list[int]:
    return [counter for path in footage_files(seen.plan) for counter in _counters(path.read_bytes())]


def _number(text: str, name: str) -> int:
    found = re.search(rf"#EXT-X-{name}:(\d+)", text)
    return int(found[1]) if found else 0


def _entries(text: str) -> list[re.Match[str]]:
    return list(_ENTRY.finditer(text))


def test_live_list_is_what_players_expect(seen: Watched) -> None:
    """C021: five entries or more of about two seconds, each with its date, the newest at most 5 s old; old ones go."""
    for at_us, text in seen.lists:
        found = _entries(text)
        assert 5 <= len(found) <= 10
        assert text.startswith("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n")
        assert all(0.1 < float(entry["s"]) < 2.5 for entry in found)
        last = found[-1]
        end_us = from_datetime(datetime.fromisoformat(last["at"])) + round(float(last["s"]) * SECOND_US)
        assert at_us - end_us < 5 * SECOND_US
        assert "ENDLIST" not in text
        assert re.search(r'#EXT-X-MAP:URI="segments/[^"]+",BYTERANGE="\d+@0"', text)
    assert _entries(seen.lists[0][1])[0][0] not in seen.lists[-1][1]


def test_live_numbers_only_go_on(seen: Watched) -> None:
    """C021: an entry keeps its number from list to list, and no number ever goes back."""
    known: dict[int, tuple[str, str]] = {}
    numbers: list[int] = []
    breaks: list[int] = []
    for _, text in seen.lists:
        first = _number(text, "MEDIA-SEQUENCE")
        for number, entry in enumerate(_entries(text), first):
            assert known.setdefault(number, (entry["uri"], entry["o"])) == (entry["uri"], entry["o"])
        numbers.append(first)
        breaks.append(_number(text, "DISCONTINUITY-SEQUENCE"))
    assert numbers == sorted(numbers)
    assert numbers[-1] > numbers[0]
    assert breaks == sorted(breaks)
    assert sorted(known) == list(range(min(known), max(known) + 1))


def test_live_plays_every_picture(seen: Watched) -> None:
    """C021: ffmpeg, playing live for some seconds, gets every picture from the first one on once and in order."""
    assert "rror" not in seen.complaints
    got = _counters(seen.live.read_bytes())
    assert len(got) > 100
    recorded = _recorded(seen)
    begin = recorded.index(got[0])
    assert got == recorded[begin : begin + len(got)]


def test_list_of_a_growing_span_only_grows(seen: Watched) -> None:
    """C095: the list of a span that is being recorded is an EVENT: each one begins with the one before it."""
    before: list[str] = []
    for text in seen.events:
        assert "#EXT-X-PLAYLIST-TYPE:EVENT" in text
        assert "ENDLIST" not in text
        found = [entry[0] for entry in _entries(text)]
        assert found[: len(before)] == before
        before = found
    assert len(_entries(seen.events[-1])) > len(_entries(seen.events[0]))


def _play(seen: Watched, target: Path, **span: int) -> tuple[list[int], str]:
    url = f"{seen.base}/playback.m3u8?{httpx.QueryParams(seen.span(**span))}"
    done = subprocess.run(
        ["ffmpeg", "-v", "warning", "-nostdin", "-i", url, "-map", "0:v", "-c", "copy", "-f", "nut", "-y", str(target)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return _counters(target.read_bytes()), done.stderr


def test_past_plays_every_picture_across_files_and_gaps(seen: Watched, tmp_path: Path) -> None:
    """C095: the list of both runs plays every recorded picture once and in order, and all of them decode."""
    got, complaints = _play(seen, tmp_path / "out")
    assert got == _recorded(seen)
    assert complaints == ""
    text = seen.get("playback.m3u8", params=seen.span()).text
    assert text.count("#EXT-X-DISCONTINUITY\n") == 1
    assert text.rstrip().endswith("#EXT-X-ENDLIST")
    url = f"{seen.base}/playback.m3u8?{httpx.QueryParams(seen.span())}"
    argv = [
        "ffprobe",
        "-v",
        "error",
        "-count_frames",
        "-show_entries",
        "stream=codec_type,nb_read_frames",
        "-of",
        "json",
    ]
    done = subprocess.run([*argv, url], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    frames = {s["codec_type"]: int(s["nb_read_frames"]) for s in json.loads(done.stdout)["streams"]}
    assert frames["video"] == len(got)
    assert frames["audio"] > 0


def test_entries_begin_with_keyframes(seen: Watched, tmp_path: Path) -> None:
    """C095: any entry, fetched on its own behind its map, begins with a picture that decodes alone."""
    text = seen.get("playback.m3u8", params=seen.span()).text
    found = re.search(r'#EXT-X-MAP:URI="([^"]+)",BYTERANGE="(\d+)@0"', text)
    assert found
    front = seen.get(found[1], headers={"Range": f"bytes=0-{int(found[2]) - 1}"}).content
    for entry in _entries(text)[::3]:
        first = int(entry["o"])
        part = seen.get(entry["uri"], headers={"Range": f"bytes={first}-{first + int(entry['n']) - 1}"})
        assert part.status_code == 206
        path = tmp_path / "entry.mp4"
        path.write_bytes(front + part.content)
        argv = [
            "ffprobe",
            "-v",
            "error",
            "-select_streams",
            "v",
            "-show_entries",
            "packet=flags,pts_time",
            "-of",
            "json",
        ]
        shown = subprocess.run([*argv, str(path)], capture_output=True, text=True, check=True, timeout=60)
        assert json.loads(shown.stdout)["packets"][0]["flags"].startswith("K")


def test_part_of_a_span(seen: Watched, tmp_path: Path) -> None:
    """C095: a span within a file lists the entries that touch it, and they play from a keyframe on."""
    middle = (seen.began_us + seen.stopped_us) // 2
    got, _ = _play(seen, tmp_path / "out", from_us=middle, to_us=middle + 2 * SECOND_US)
    recorded = _recorded(seen)
    begin = recorded.index(got[0])
    assert got == recorded[begin : begin + len(got)]
    assert 50 <= len(got) <= 150


def test_segment_is_the_file(seen: Watched) -> None:
    """C101: a segment file is sent as it lies on the disk, whole, in parts and by HEAD; its name alone leads to it."""
    path = footage_files(seen.plan)[1]
    answer = seen.get(f"segments/{path.name}")
    assert (answer.status_code, answer.content) == (200, path.read_bytes())
    assert answer.headers["content-type"] == "video/mp4"
    part = seen.get(f"segments/{path.name}", headers={"Range": "bytes=100-299", "If-Range": answer.headers["etag"]})
    assert (part.status_code, part.content) == (206, path.read_bytes()[100:300])
    head = seen.client.head(f"{seen.base}/segments/{path.name}")
    assert (head.status_code, int(head.headers["content-length"])) == (200, path.stat().st_size)
    size = path.stat().st_size
    none = seen.get(f"segments/{path.name}", headers={"Range": f"bytes={size}-"})
    assert (none.status_code, none.headers["content-range"]) == (416, f"bytes */{size}")


@pytest.mark.parametrize(
    "name",
    ["cam1_20200101T000000Z", "other_20260921T141320Z", "..%2F..%2Fholdfast.toml", "cam1_20260921T141320Z-1-1", "%00",
     "..", "cam1_20260921T141320Z.mp4.part", "a\\b"],
)  # fmt: skip
def test_other_names_lead_nowhere(seen: Watched, name: str) -> None:
    """F62: names that are none, or lead out of the stream's folder, are not found."""
    answer = seen.get(f"segments/{name}.mp4")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not-found"


def test_what_is_not_there_says_why(seen: Watched) -> None:
    """F55: unknown cameras, empty spans and spans that make no sense are the caller's, each with its reason."""
    assert seen.client.get(seen.base.replace("cam1", "nobody") + "/live.m3u8").status_code == 404
    early = seen.span(from_us=seen.began_us - 9_000_000_000, to_us=seen.began_us - 8_000_000_000)
    answer = seen.get("playback.m3u8", params=early)
    assert answer.status_code == 404
    assert "nothing was recorded" in answer.json()["error"]["message"]
    assert seen.get("playback.m3u8", params={"from": "now", "to": "yesterday"}).status_code == 400
    assert seen.get("playback.m3u8", params={"from": "soon", "to": "now"}).status_code == 400
    assert seen.get("playback.m3u8", params={"from": "0", "to": str(seen.stopped_us)}).status_code == 400
    assert seen.get("playback.m3u8").status_code == 422
    assert seen.get("live.m3u8", params={"stream": "third"}).status_code == 422
    assert seen.get("live.m3u8", params={"stream": "sub"}).status_code == 404
    assert seen.get("live.m3u8", headers={"X-Test-Right": "public"}).status_code == 401


def test_output_is_live_under_its_older_name(seen: Watched) -> None:
    """C021: what players were told to open before is the same list."""
    assert seen.get("output.m3u8").text == seen.get("live.m3u8").text
    answer = seen.client.head(f"{seen.base}/output.m3u8")
    assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"


def test_ffprobe_reads_live(running: Watched) -> None:
    """C021: ffprobe finds picture and sound in the live list under both names, and complains about nothing."""
    for name in ("live.m3u8", "output.m3u8"):
        done = subprocess.run(
            ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "json",
             f"{running.base}/{name}"],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        assert done.stderr == ""
        found = {stream["codec_name"]: stream.get("width") for stream in json.loads(done.stdout)["streams"]}
        assert found == {"h264": 320, "aac": None}


@pytest.fixture(name="running")
def _running(tmp_path: Path) -> Iterator[Watched]:
    """A camera that is being recorded now."""
    with watched(tmp_path, small_camera(gop=50), going_on=True) as seen:
        yield seen


@pytest.mark.best_of_three
def test_converted_live_plays(running: Watched, tmp_path: Path) -> None:
    """C021, C022: the converted stream of the older preset plays live in its size, and its list moves on."""
    url = f"{running.base}/live.m3u8?tier=hls"
    first = running.get("live.m3u8", params={"tier": "hls"})
    assert first.status_code == 200, first.text
    assert len(_entries(first.text)) >= 3
    assert all("tier=hls" in entry["uri"] for entry in _entries(first.text))
    path = tmp_path / "out.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-i", url, "-t", "4", "-c", "copy", "-y", str(path)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found = probe(path)
    sizes = {(s["width"], s["height"]) for s in found.streams if s["codec_type"] == "video"}
    assert len(sizes) == 1
    assert found.frames("video") >= 75
    assert found.frames("audio") > 0
    later = running.get("live.m3u8", params={"tier": "hls"}).text
    assert _number(later, "MEDIA-SEQUENCE") >= _number(first.text, "MEDIA-SEQUENCE")

import hashlib
import json
import random
from pathlib import Path

import numpy as np
import pytest

from holdfast.core.camera import Kind, Sample
from holdfast.core.errors import Conflict, NotFound
from holdfast.media.clip import CLIP_UUID, plan_clip, read_plan
from holdfast.media.clip_tables import inner
from holdfast.media.footage import opened
from support.clips import pieces_of, sources, write_clip, write_run
from support.media import WALL_US, Footage, encode, end_of
from support.probe import Probed, probe

S = 1_000_000


@pytest.fixture(scope="module")
def long() -> Footage:
    """Return 8 s of H.264 with B-frames, and AAC."""
    return encode("h264", seconds=8)


def _hashes(samples: list[Sample]) -> list[str]:
    return ["MD5:" + hashlib.md5(s.payload, usedforsecurity=False).hexdigest() for s in samples]


def _sent(footage: Footage, kind: Kind) -> list[str]:
    return _hashes([s for s in footage.samples if footage.tracks[s.track].kind is kind])


def _times(found: Probed, kind: str) -> list[float]:
    return [float(p["pts_time"]) for p in found.of(kind)]


@pytest.mark.needs("ffprobe")
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_clip_over_files_holds_each_sample_once(tmp_path: Path, codec: str) -> None:
    """C101: a clip over four files of a run holds every picture and sound once, in order, at the camera's own times."""
    footage = encode(codec, seconds=8)
    files = write_run(tmp_path, footage)
    assert len(files) == 4
    plan = write_clip(tmp_path / "clip", files, WALL_US - S, WALL_US + 60 * S)
    found = probe(tmp_path / "clip")
    assert found.complaints == ""
    assert found.frames("video") == 200
    for kind in (Kind.VIDEO, Kind.AUDIO):
        stored = [p["data_hash"] for p in found.of(kind)]
        begins = len(_sent(footage, kind)) - len(stored)  # the encoder's first block of sound ends before the picture
        assert begins == (kind is Kind.AUDIO)
        assert stored == _sent(footage, kind)[begins:]
        sent = [
            s.pts_ticks / footage.tracks[s.track].timescale for s in footage.samples if s.track == (kind != "video")
        ]
        assert np.allclose(np.diff(_times(found, kind)), np.diff(sent[begins:]), atol=1e-5)
    first = {kind: _times(found, kind)[0] for kind in ("video", "audio")}
    assert abs(first["video"] - first["audio"]) < 0.05
    assert plan.start_us == WALL_US
    assert float(found.format["duration"]) == pytest.approx(plan.duration_us / S, abs=0.001)


@pytest.mark.needs("ffprobe")
def test_what_precedes_the_span_is_hidden(tmp_path: Path, long: Footage) -> None:
    """C101: a span that begins between keyframes shows its pictures alone; those that decoding needs are hidden."""
    files = write_run(tmp_path, long)
    plan = write_clip(tmp_path / "clip", files, WALL_US + 2_500_000, WALL_US + 5_700_000)
    found = probe(tmp_path / "clip")
    assert found.complaints == ""
    # 25 pictures a second: from the one that is on the screen at 2.5 s (2.48) to the last one before 5.7 (5.68).
    assert found.frames("video") == 81
    assert plan.start_us == WALL_US + 2_480_000
    assert plan.end_us == pytest.approx(WALL_US + 5_720_000, abs=100)
    shown = [p for p in found.of("video") if "D" not in p["flags"]]
    assert next(float(p["pts_time"]) for p in shown) == 0
    assert found.of("video")[0]["flags"].startswith("K")
    sound = [p for p in found.of("audio") if "D" not in p["flags"]]
    assert abs(float(sound[0]["pts_time"])) < 0.065  # within one block of sound


@pytest.mark.needs("ffprobe")
def test_gap_is_closed_up(tmp_path: Path, long: Footage) -> None:
    """C101: over a gap the next run follows at once, with sound in step, and the joint says when it was recorded."""
    later = WALL_US + 60 * S
    files = [*write_run(tmp_path, long), *write_run(tmp_path, long, start_us=later, run="run-2")]
    plan = write_clip(tmp_path / "clip", files, WALL_US, later + 60 * S)
    found = probe(tmp_path / "clip")
    assert found.complaints == ""
    assert found.frames("video") == 400
    assert [p["data_hash"] for p in found.of("video")] == _sent(long, Kind.VIDEO) * 2
    joint = plan.joints[1]
    assert joint.wall_us == later
    assert joint.media_s == pytest.approx(8.0, abs=0.1)
    assert 16 * S <= plan.duration_us < 16.2 * S
    for kind in ("video", "audio"):
        times = sorted(_times(found, kind))
        assert min(t for t in times if t >= joint.media_s - 0.001) == pytest.approx(joint.media_s, abs=0.05)
        assert max(np.diff(times)) < 0.2


@pytest.mark.needs("ffprobe")
def test_removed_file_is_a_gap_too(tmp_path: Path, long: Footage) -> None:
    """Where a file of a run is gone, what follows it is joined up like after any gap."""
    files = write_run(tmp_path, long)
    plan = write_clip(tmp_path / "clip", [files[0], *files[2:]], WALL_US, WALL_US + 60 * S)
    found = probe(tmp_path / "clip")
    assert found.complaints == ""
    assert found.frames("video") == 150
    assert [j.wall_us for j in plan.joints] == [WALL_US, WALL_US + 4 * S]


@pytest.mark.needs("ffprobe")
def test_span_across_midrun_gap_without_sound(tmp_path: Path, long: Footage) -> None:
    """C002: a camera that loses its sound and finds it again gives one clip, its pictures and sound in step."""
    silent = encode("h264", seconds=4, audio=False)
    files = [
        *write_run(tmp_path, long),
        *write_run(tmp_path, silent, start_us=WALL_US + 20 * S, run="run-2"),
        *write_run(tmp_path, long, start_us=WALL_US + 30 * S, run="run-3"),
    ]
    plan = write_clip(tmp_path / "clip", files, WALL_US, WALL_US + 60 * S)
    found = probe(tmp_path / "clip")
    assert found.frames("video") == 500
    assert found.complaints == ""
    third = plan.joints[2].media_s
    for kind in ("video", "audio"):
        assert min(t for t in _times(found, kind) if t > third - 0.001) == pytest.approx(third, abs=0.05)


@pytest.mark.needs("ffprobe")
def test_sound_alone_is_a_clip(tmp_path: Path) -> None:
    """C002: footage without pictures gives a clip without pictures."""
    sound = encode("", seconds=8)
    files = write_run(tmp_path, sound)
    write_clip(tmp_path / "clip", files, WALL_US + 2 * S, WALL_US + 4 * S)
    found = probe(tmp_path / "clip")
    assert float(found.format["duration"]) == pytest.approx(2.0, abs=0.1)
    assert {s["codec_type"] for s in found.streams} == {"audio"}


@pytest.mark.needs("ffprobe")
def test_another_picture_size_gets_its_own_entry(tmp_path: Path, long: Footage) -> None:
    """C101: when a camera's parameters change, decoders are told at that very picture, and every frame is decoded."""
    other = encode("h264", seconds=4, gop=10, b_frames=0, size=(320, 192))
    files = [*write_run(tmp_path, long), *write_run(tmp_path, other, start_us=WALL_US + 20 * S, run="run-2")]
    write_clip(tmp_path / "clip", files, WALL_US, WALL_US + 60 * S)
    found = probe(tmp_path / "clip")
    assert found.frames("video") == 300
    assert found.complaints == ""


def test_another_codec_is_refused_with_its_instant(tmp_path: Path, long: Footage) -> None:
    """C101: no one file plays H.264 and H.265; the refusal says from when on the camera sent which."""
    files = [*write_run(tmp_path, long), *write_run(tmp_path, encode("hevc"), start_us=WALL_US + 20 * S, run="run-2")]
    with pytest.raises(Conflict, match="2026-09-21T14:13:40"):
        plan_clip(sources(files), WALL_US, WALL_US + 60 * S)


def test_empty_span_is_not_found(tmp_path: Path, long: Footage) -> None:
    """F55: a span in which no file has a picture is not found, rather than an empty file."""
    files = write_run(tmp_path, long)
    for from_us, to_us in ((WALL_US - 5 * S, WALL_US - S), (end_of(long) + S, end_of(long) + 9 * S)):
        with pytest.raises(NotFound):
            plan_clip(sources(files), from_us, to_us)
    with pytest.raises(NotFound):
        plan_clip([], WALL_US, WALL_US + S)


def test_random_pieces_are_the_same_bytes(tmp_path: Path, long: Footage) -> None:
    """C101: any part of a clip, read on its own, is that part of the whole; the plan is the same every time."""
    files = write_run(tmp_path, long)
    plan = write_clip(tmp_path / "clip", files, WALL_US + S, WALL_US + 7 * S)
    whole = (tmp_path / "clip").read_bytes()
    assert plan_clip(sources(files), WALL_US + S, WALL_US + 7 * S) == plan
    rng = random.Random(7)
    for _ in range(200):
        at, count = rng.randrange(plan.bytes), rng.randrange(1, 100_000)
        got = read_plan(plan, lambda n: opened(files[n]), at, count)
        assert got
        assert whole.startswith(got, at)
    assert read_plan(plan, lambda n: opened(files[n]), plan.bytes, 1) == b""
    assert b"".join(pieces_of(plan, files, 997)) == whole


def test_facts_stand_in_a_box(tmp_path: Path, long: Footage) -> None:
    """C101: what was closed up is written in the clip itself, where a program finds it and a player passes it over."""
    files = write_run(tmp_path, long)
    plan = plan_clip(sources(files), WALL_US, WALL_US + 9 * S, facts={"camera": "gate", "gaps": []})
    (note,) = inner(plan.front[: plan.front.rindex(b"mdat") - 4], b"uuid")
    assert note[8:24] == CLIP_UUID
    body = json.loads(note[24:])
    assert body["camera"] == "gate"
    assert body["joints"] == [{"media_s": 0.0, "wall_us": WALL_US}]

import json
import stat
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from holdfast.core import schedule
from holdfast.core.config import ConfigInvalid, Loaded, load
from holdfast.core.errors import BadInput, StorageError
from holdfast.core.plan import Plan, StreamPlan
from holdfast.core.timing import parse_instant
from holdfast.library import desired, ram

BASE = 'state_dir = "state"\n[volumes.main]\npath = "disk"\n'


def _load(tmp_path: Path, text: str) -> Loaded:
    return load(tmp_path / "holdfast.toml", {}, text=text)


def _cameras(*names: str, more: str = "") -> str:
    return "".join(f'[cameras.{name}]\nurl = "rtsp://h/{name}"\n{more}' for name in names)


def _spots(plan: Plan) -> dict[str, tuple[int, int | None]]:
    return {str(stream.key): (stream.process, stream.cpu) for stream in plan.streams}


def test_everything_is_resolved(tmp_path: Path) -> None:
    """A stream's plan needs no other source: defaults, volume, credentials, schedule and site stand in it."""
    text = (
        'state_dir = "state"\n[site]\nname = "Shop 1"\ntime_zone = "Europe/Berlin"\n[volumes.card]\npath = "disk"\n'
        'reserve = "1GB"\nstorage = "sd-card"\n[log]\nlevel = "debug"\nmax_bytes = "1MB"\n[defaults]\nstall_s = 8\n'
        'location = "L7"\ncapture.windows = [{days = ["sun", "mon"], start = "11:00", end = "22:00"}]\n'
        '[cameras.gate]\nurl = "rtsp://u:pw@h/x"\nsub_url = "rtsp://h/s"\nexpected.video.width = 1920\n'
        'capture.override = "stop"\ncapture.override_until = 2026-05-01T12:00:00\n'
    )
    loaded = _load(tmp_path, text)
    plan = desired.build_plan(loaded, volume_ids={"card": "v1"})
    main, sub = plan.streams
    assert (main.url, main.username, main.password) == ("rtsp://h/x", "u", "pw")
    assert (main.volume, main.volume_id, main.reserve_bytes, main.sync_s) == (str(tmp_path / "disk"), "v1", 10**9, 10)
    assert (main.stall_s, main.location, main.site) == (8, "L7", "shop-1")
    assert (main.capture.mode, main.capture.zone, main.capture.windows[0].days) == ("window", "Europe/Berlin", (0, 6))
    assert main.capture.override_until_us == parse_instant("2026-05-01T10:00Z", UTC)
    assert main.expected == {"video": {"width": 1920}}
    assert sub.expected == {}
    assert (sub.url, sub.password) == ("rtsp://h/s", "pw")
    assert (plan.log_level, plan.log_max_bytes, plan.log_keep, plan.log_keep_days) == ("debug", 10**6, 5, 14)
    assert Plan.from_json(plan.to_json()) == plan


def test_a_disabled_camera_stays_in_the_plan_as_off(tmp_path: Path) -> None:
    """A camera that is switched off leaves a gap with that reason, so its streams must be known."""
    loaded = _load(tmp_path, BASE + _cameras("gate", more='enabled = false\ncapture.override = "run"\n'))
    [stream] = desired.build_plan(loaded).streams
    assert stream.capture.mode == "off"
    assert not schedule.wanted(stream.capture, 0)


def test_encoding_is_resolved(tmp_path: Path) -> None:
    """What a quality means for a kind of source stands in the plan, defaults included (C149)."""
    text = (
        f'{BASE}[defaults]\nencode.quality = "low"\n[cameras.yard]\nurl = "http://h/x"\nencode.kbps = 900\n'
        '[cameras.desk]\nurl = "x11://:0"\nencode.rotation = 90\n'
    )
    plan = desired.build_plan(_load(tmp_path, text))
    yard, desk = (next(s.encode for s in plan.streams if s.camera == name) for name in ("yard", "desk"))
    assert (yard.width, yard.frame_rate, yard.bitrate_bps) == (640, 10, 900_000)
    assert (desk.width, desk.height, desk.frame_rate, desk.rotation) == (360, 640, 5, 90)


def test_who_may_change_a_camera_does_not_choose_a_program(tmp_path: Path) -> None:
    """The program that reads a board's cameras is the file's word: a camera's own options do not reach it."""
    more = '[recorder]\ncamera_program = "/opt/rpicam"\n[cameras.left]\nurl = "csi://0"\noptions = { program = "x" }\n'
    [stream] = desired.build_plan(_load(tmp_path, BASE + more)).streams
    assert stream.options == {"program": "/opt/rpicam"}


def test_adding_a_camera_moves_no_other(tmp_path: Path) -> None:
    """Streams stick to their process and core; what is new takes the free places (C008)."""
    head = f"{BASE}[recorder]\nstreams_per_process = 2\ncpu = [0, 1]\n"
    first = desired.build_plan(_load(tmp_path, head + _cameras("a", "b", "c", "d", "e")))
    assert _spots(first) == {"a/main": (0, 0), "b/main": (0, 1), "c/main": (1, 0), "d/main": (1, 1), "e/main": (2, 0)}
    second = desired.build_plan(_load(tmp_path, head + _cameras("new", "e", "d", "c", "x", "a")), previous=first)
    before, after = _spots(first), _spots(second)
    assert all(after[name] == before[name] for name in after.keys() & before.keys())
    assert after["new/main"][0] == 0
    assert after["x/main"][0] == 2
    assert max(sum(p == n for p, _ in after.values()) for n in range(3)) <= 2


def test_fewer_streams_a_process_moves_nobody(tmp_path: Path) -> None:
    """A smaller limit holds for new streams only."""
    first = desired.build_plan(_load(tmp_path, BASE + _cameras("a", "b")))
    text = f"{BASE}[recorder]\nstreams_per_process = 1\n" + _cameras("a", "b", "c")
    spots = _spots(desired.build_plan(_load(tmp_path, text), previous=first))
    assert {name: process for name, (process, _) in spots.items()} == {"a/main": 0, "b/main": 0, "c/main": 1}


def test_more_cameras_than_cores(tmp_path: Path) -> None:
    """Round-robin spreads any number of cameras over the cores that there are; a camera's own core stands (C026)."""
    text = f'{BASE}[recorder]\ncpu = "round-robin"\n' + _cameras(*(f"c{n}" for n in range(7))) + "cpu = 1\n"
    plan = desired.build_plan(_load(tmp_path, text), cores=[0, 1])
    cores = [stream.cpu for stream in plan.streams]
    assert cores[-1] == 1
    assert sorted(cores.count(core) for core in (0, 1)) == [3, 4]
    assert all(stream.cpu is None for stream in desired.build_plan(_load(tmp_path, BASE + _cameras("a"))).streams)


def test_thirty_two_cameras_added_at_run_time(tmp_path: Path) -> None:
    """Cameras that no file names are recorded with the defaults, two processes full; a wrong one is left out."""
    loaded = _load(tmp_path, f"{BASE}[defaults]\nsegment_s = 60\n")
    added: list[dict[str, Any]] = [{"id": f"c{n}", "url": f"rtsp://u:p{n}@h/{n}"} for n in range(32)]
    plan = desired.build_plan(loaded, [*added, {"id": "bad", "volume": "none"}])
    assert len(plan.streams) == 32
    assert {stream.segment_s for stream in plan.streams} == {60}
    assert [sum(stream.process == n for stream in plan.streams) for n in (0, 1)] == [16, 16]


def test_the_plan_is_private_and_written_only_when_it_changed(tmp_path: Path) -> None:
    """The file with the cameras' passwords has mode 600, and an unchanged plan leaves it alone (F61)."""
    plan = desired.build_plan(_load(tmp_path, BASE + _cameras("a")))
    state = tmp_path / "state"
    assert desired.publish_plan(state, plan)
    before = (state / desired.PLAN).stat()
    assert stat.S_IMODE(before.st_mode) == 0o600
    assert stat.S_IMODE((state / desired.GOOD_PLAN).stat().st_mode) == 0o600
    assert not desired.publish_plan(state, plan)
    assert (state / desired.PLAN).stat().st_ino == before.st_ino
    assert desired.read_plan(state) == plan


def test_a_damaged_plan_is_read_from_its_copy(tmp_path: Path) -> None:
    """Garbage in one file costs nothing, in both it is said, and before the first plan there is none."""
    assert desired.read_plan(tmp_path) is None
    plan = Plan(streams=(StreamPlan(camera="a", stream="main", url="rtsp://h", volume="/v"),))
    desired.publish_plan(tmp_path, plan)
    (tmp_path / desired.PLAN).write_bytes(b"\0\0")
    assert desired.read_plan(tmp_path) == plan
    (tmp_path / desired.GOOD_PLAN).write_text(json.dumps({"streams": 5}))
    with pytest.raises(BadInput):
        desired.read_plan(tmp_path)
    assert desired.publish_plan(tmp_path, plan)
    assert desired.read_plan(tmp_path) == plan


def test_a_state_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file in the way is a storage error with its name, not a crash."""
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(StorageError, match="state"):
        desired.publish_plan(tmp_path / "state", Plan())


def test_a_broken_file_leaves_the_last_good_configuration_in_force(tmp_path: Path) -> None:
    """After a typing mistake everything goes on as before, and the mistake is named (C132, F48)."""
    path = tmp_path / "holdfast.toml"
    path.write_text(BASE + _cameras("gate"))
    good = desired.load_or_last_good(path, {})
    assert good.stale is None
    assert desired.remember_config(good)
    assert not desired.remember_config(good)
    for broken in (BASE + _cameras("gate", more='transprot = "udp"\n'), BASE + "[cameras.gate\n"):
        path.write_text(broken)
        loaded = desired.load_or_last_good(path, {})
        assert loaded.config == good.config
        assert isinstance(loaded.stale, ConfigInvalid)
        assert "holdfast.toml:" in str(loaded.stale)
        assert not desired.remember_config(loaded)
    path.unlink()
    with pytest.raises(ConfigInvalid, match="no such file"):
        desired.load_or_last_good(path, {"HOME": str(tmp_path)})


def test_the_copy_of_one_file_does_not_serve_another(tmp_path: Path) -> None:
    """A broken file never starts the cameras of a different one that shares its state folder."""
    for name in ("one.toml", "two.toml"):
        (tmp_path / name).write_text(BASE + _cameras("gate"))
    desired.remember_config(load(tmp_path / "one.toml", {}))
    (tmp_path / "two.toml").write_text(BASE + "[cameras.gate\n")
    with pytest.raises(ConfigInvalid):
        desired.load_or_last_good(tmp_path / "two.toml", {})


def test_the_kept_copy_is_private(tmp_path: Path) -> None:
    """The copy holds what the file holds, so nobody else may read it."""
    desired.remember_config(_load(tmp_path, BASE))
    assert stat.S_IMODE((tmp_path / "state" / desired.GOOD_CONFIG).stat().st_mode) == 0o600


def test_capture_to_memory_is_planned(tmp_path: Path) -> None:
    """C081: short files in memory for who wants that; hours stay hours; what keeps nothing does not settle."""
    path = tmp_path / "holdfast.toml"
    window = "windows = [{start = '08:00', end = '18:00'}]"
    path.write_text(
        "[memory]\ncap = '20 MB'\nsegment_s = 30\n[volumes.main]\npath = 'v'\n"
        "[cameras.a]\nurl = 'rtsp://192.0.2.1/a'\n[cameras.a.capture]\nmode = 'ram'\n"
        f"[cameras.b]\nurl = 'rtsp://192.0.2.1/b'\nsegment_s = 10\n[cameras.b.capture]\nmode = 'ram'\n{window}\n"
        "[cameras.b.retention]\nonly = 'events'\n[cameras.c]\nurl = 'rtsp://192.0.2.1/c'\n",
        encoding="utf-8",
    )
    config = load(path, {})
    a, b, c = desired.build_plan(config).streams
    assert (a.memory, a.memory_bytes) == (str(ram.home(config.config)), 20_000_000)
    assert (a.segment_s, a.settles, a.capture.mode) == (30, True, "always")
    assert (b.segment_s, b.settles, b.capture.mode) == (10, False, "window")
    assert (c.memory, c.segment_s, c.settles) == ("", 600, True)
    assert Plan.from_json(Plan(streams=(a, b, c)).to_json()).streams == (a, b, c)

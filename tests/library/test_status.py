import json
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.core.plan import Capture, Plan, StreamPlan
from holdfast.core.status import StreamState, StreamStatus, status_name
from holdfast.library.status import Health, gap_words, read_now, spilling

NOW = 1_790_000_000_000_000
S = 1_000_000


def stream(camera: str = "gate", mode: str = "always") -> StreamPlan:
    """Plan one stream."""
    return StreamPlan(
        camera=camera, stream="main", url="rtsp://192.0.2.1/x", volume="/v", capture=Capture(mode=mode)
    )  # fmt: skip


def status(camera: str = "gate", state: StreamState = StreamState.RECORDING, **more: object) -> StreamStatus:
    """Make a fresh status that has lasted for a minute."""
    base = StreamStatus(
        camera=camera, stream="main", state=state, at_us=NOW - S, since_us=NOW - 60 * S, last_sample_us=NOW - S // 2
    )
    return replace(base, **more)  # type: ignore[arg-type]


def put(folder: Path, *statuses: StreamStatus) -> Path:
    """Write status files."""
    for item in statuses:
        (folder / status_name(item.camera, item.stream)).write_text(item.to_json(), encoding="utf-8")
    return folder


def role(folder: Path, name: str, **body: object) -> None:
    """Write a role's status file."""
    full = {"state": "running", "at_us": NOW, "children": [], **body}
    (folder / f"{name}.json").write_text(json.dumps(full), encoding="utf-8")


def test_all_well(tmp_path: Path) -> None:
    """When everything records the sentence is short and says so."""
    plan = Plan(streams=(stream("gate"), stream("yard")))
    now = read_now(plan, put(tmp_path, status("gate"), status("yard")), NOW)
    assert (now.sentence, now.hint, now.well) == ("all 2 recording", "", True)
    assert [s.frame_age_s for s in now.streams] == [0.5, 0.5]
    assert gap_words(now.streams[0]) == ""


def test_worst_thing_speaks(tmp_path: Path) -> None:
    """A camera that is not recording is named with how long and why, and what to do; the rest does not drown it."""
    lost = status(
        "dock", StreamState.WAITING, since_us=NOW - 725 * S, reason="refused",
        detail="camera refuses the connection", hint="look at its session limit",
    )  # fmt: skip
    plan = Plan(streams=(stream("gate"), stream("dock")))
    now = read_now(plan, put(tmp_path, status("gate"), lost), NOW)
    assert now.sentence == "dock is not recording for 12 min: camera refuses the connection"
    assert now.hint == "look at its session limit"
    assert not now.well
    assert now.streams[1].gap_since_us == NOW - 725 * S
    assert gap_words(now.streams[1]).startswith("gap since 2026-")


def test_reason_without_words_is_translated(tmp_path: Path) -> None:
    """Where the recorder left no detail, the gap reason's meaning is said."""
    now = read_now(Plan(streams=(stream(),)), put(tmp_path, status(state=StreamState.STALLED, reason="stalled")), NOW)
    assert "connected, but no media arrived on a track" in now.sentence


def test_stale_file_is_a_gone_recorder(tmp_path: Path) -> None:
    """A file that nobody rewrites does not say recording any more; its gap began where media ended."""
    old = status("gate", at_us=NOW - 40 * S, media_end_us=NOW - 42 * S, fps=25.0)
    plan = Plan(streams=(stream("gate"), stream("yard")))
    now = read_now(plan, put(tmp_path, old, status("yard")), NOW)
    gate = now.streams[0]
    assert (gate.fresh, gate.health, gate.status.state, gate.status.fps) == (False, Health.LOST, StreamState.OFF, 0.0)
    assert gate.gap_since_us == NOW - 42 * S
    assert now.sentence == "gate: its recorder has been gone for 40 s"


@pytest.mark.parametrize("missing", [True, False])
def test_nothing_running(tmp_path: Path, *, missing: bool) -> None:
    """With a plan but no recorder at all it says what to start, whether or not the runtime folder exists."""
    now = read_now(Plan(streams=(stream(),)), tmp_path / "gone" if missing else tmp_path, NOW)
    assert (now.sentence, now.well) == ("Nothing is recording: no recorder is running", False)
    assert now.hint == "holdfast run starts it"


def test_nothing_known(tmp_path: Path) -> None:
    """Without a plan it tells a newcomer the three ways to begin."""
    now = read_now(None, tmp_path, NOW)
    assert not now.well
    assert all(f"holdfast {command}" in now.hint for command in ("run", "init", "demo"))


def test_recording_by_hand_shows(tmp_path: Path) -> None:
    """A stream that no plan names but somebody records is in the list."""
    now = read_now(None, put(tmp_path, status("byhand")), NOW)
    assert [s.name for s in now.streams] == ["byhand"]
    assert now.well


def test_damaged_file_is_no_recording(tmp_path: Path) -> None:
    """Half a status file counts as none; nothing is raised."""
    put(tmp_path, status("yard"))
    (tmp_path / status_name("gate", "main")).write_text('{"camera": "ga', encoding="utf-8")
    now = read_now(Plan(streams=(stream("gate"), stream("yard"))), tmp_path, NOW)
    assert now.sentence == "gate: no recorder is running"


@pytest.mark.parametrize(
    ("given", "health", "words"),
    [
        ({"state": StreamState.STARTING, "since_us": NOW - 3 * S}, Health.SETTLING, "connecting"),
        ({"state": StreamState.STARTING}, Health.LOST, "not recording for 1 min: starting"),
        ({"state": StreamState.DISABLED}, Health.OFF, "switched off"),
        ({"state": StreamState.OFF_SCHEDULE}, Health.OFF, "outside its hours"),
        (
            {"mismatch": ["video.width: 1280, expected 1920"]}, Health.DEGRADED,
            "recording, but not what is expected: video.width: 1280, expected 1920",
        ),
        ({"dropped_samples": 3}, Health.WELL, "recording; 3 samples were dropped because the disk was slow"),
    ],
)  # fmt: skip
def test_verdicts(tmp_path: Path, given: dict[str, object], health: Health, words: str) -> None:
    """Each state has its verdict and its words."""
    now = read_now(Plan(streams=(stream(),)), put(tmp_path, replace(status(), **given)), NOW)  # type: ignore[arg-type]
    assert (now.streams[0].health, now.streams[0].words) == (health, words)


def test_switched_off_camera_needs_no_recorder(tmp_path: Path) -> None:
    """A camera that is off by configuration is no loss, with or without a recorder."""
    now = read_now(Plan(streams=(stream("gate"), stream("old", "off"))), put(tmp_path, status("gate")), NOW)
    assert now.well
    assert now.sentence == "recording, 1 off"


def test_crash_loop_is_in_the_sentence(tmp_path: Path) -> None:
    """A child that keeps ending is said even while all cameras record (F03)."""
    child = {"name": "worker", "crash_loop": True, "last_end": "exited with 1", "restarts": 9, "since_us": NOW}
    role(tmp_path, "supervisor", children=[child])
    now = read_now(Plan(streams=(stream(),)), put(tmp_path, status()), NOW)
    assert now.sentence == "recording, but worker keeps ending (exited with 1, 9 restarts)"
    assert not now.well


def test_crash_loop_explains_why_nothing_records(tmp_path: Path) -> None:
    """Where a supervisor runs and its only recorder keeps ending, the sentence says that and not "start it"."""
    child = {"name": "recorder-0", "crash_loop": True, "last_end": "exited with 1", "restarts": 9, "since_us": NOW}
    role(tmp_path, "supervisor", children=[child])
    now = read_now(Plan(streams=(stream(),)), tmp_path, NOW)
    assert now.sentence == "Nothing is recording: recorder-0 keeps ending (exited with 1, 9 restarts)"


def test_bad_configuration_is_in_the_sentence(tmp_path: Path) -> None:
    """A file that was refused is reported while the last good one goes on (F48, C132)."""
    role(tmp_path, "worker", config_problem="holdfast.toml:3: unknown key colour")
    now = read_now(Plan(streams=(stream(),)), put(tmp_path, status()), NOW)
    assert now.sentence == "recording, but holdfast.toml:3: unknown key colour"


def test_silent_worker_is_noticed(tmp_path: Path) -> None:
    """A supervisor without a worker is no healthy node, but a worker that just started is given its time."""
    folder, plan = put(tmp_path, status()), Plan(streams=(stream(),))
    role(folder, "supervisor", children=[{"name": "worker", "since_us": NOW - S}])
    assert read_now(plan, folder, NOW).well
    role(folder, "supervisor", children=[{"name": "worker", "since_us": NOW - 60 * S}])
    assert "the worker does not answer" in read_now(plan, folder, NOW).sentence


def test_json_is_plain(tmp_path: Path) -> None:
    """Everything can be written as JSON, states as words."""
    now = read_now(Plan(streams=(stream(),)), put(tmp_path, status()), NOW)
    body = json.loads(json.dumps(now.to_dict()))
    assert body["streams"][0]["state"] == "recording"
    assert body["streams"][0]["health"] == "well"


def test_silent_server_is_noticed(tmp_path: Path) -> None:
    """A server that does not speak is a trouble of pages alone; one that was never begun, or just now, is none."""
    plan, folder = Plan(streams=(stream(),)), put(tmp_path, status())
    role(folder, "worker")
    for since_us, state, well in ((NOW - S, "running", True), (NOW, "stopped", True), (NOW - 60 * S, "running", False)):
        role(folder, "supervisor", children=[{"name": "server", "state": state, "since_us": since_us}])
        assert read_now(plan, folder, NOW).well is well
    assert read_now(plan, folder, NOW).sentence == (
        "recording, but the server does not answer: recording goes on, pages are not served"
    )
    role(folder, "supervisor")
    assert read_now(plan, folder, NOW).well


def test_taken_port_is_said(tmp_path: Path) -> None:
    """A server without its port says which, and what to do about it."""
    plan, folder = Plan(streams=(stream(),)), put(tmp_path, status())
    role(folder, "worker")
    role(folder, "supervisor")
    role(folder, "server", state="waiting", problem="port 8080 is taken", hint="set another port in [web]")
    now = read_now(plan, folder, NOW)
    assert now.sentence == "recording, but pages are not served: port 8080 is taken; set another port in [web]"
    assert now.to_dict()["server"]["state"] == "waiting"


def test_objects_that_nobody_recognises_are_said(tmp_path: Path) -> None:
    """A model that cannot be used is said with what to do; one that can, and none, are well."""
    plan, folder = Plan(streams=(stream(),)), put(tmp_path, status())
    role(folder, "worker")
    role(folder, "supervisor")
    for objects in (None, {"problem": "", "hint": ""}):
        role(folder, "watcher", objects=objects)
        assert read_now(plan, folder, NOW).well
    role(folder, "watcher", objects={"problem": "there is no model x.onnx", "hint": "name one"})
    now = read_now(plan, folder, NOW)
    assert now.sentence == "recording, but objects are not recognised: there is no model x.onnx; name one"


def test_a_disk_that_fills_is_a_notice_and_a_doubt_a_trouble(tmp_path: Path) -> None:
    """A full disk is by design and leaves all well; that deleting waits is said, and a trouble after an hour (C078)."""
    plan, words = Plan(streams=(stream("gate"),)), "main is 91 % full (critical): 9.0 of 100.0 GB are free"
    disks = [
        {"name": "main", "level": "critical", "words": words},
        {"name": "(state)", "level": "normal", "words": "-"},
    ]
    put(tmp_path, status("gate"))
    role(tmp_path, "supervisor")
    role(tmp_path, "worker", retention={"off": "", "problem": "", "disks": disks})
    now = read_now(plan, tmp_path, NOW)
    assert (now.well, now.notices, now.to_dict()["notices"]) == (True, (words,), [words])
    doubt = {"off": "the clock was set", "problem": "", "disks": []}
    for minutes, well in ((1, True), (61, False)):
        role(tmp_path, "worker", retention=doubt | {"off_us": NOW - minutes * 60 * S})
        now = read_now(plan, tmp_path, NOW)
        said = now.notices if well else now.troubles
        assert (now.well, len(now.notices) + len(now.troubles)) == (well, 1)
        assert said[0].startswith("nothing is deleted for now: the clock was set; it waits for a synchronised clock")
    role(tmp_path, "worker", retention={"off": "", "problem": "the disk refused", "disks": []})
    assert read_now(plan, tmp_path, NOW).troubles == ("what is over may not be deleted: the disk refused",)


def test_a_target_that_takes_nothing_is_told(tmp_path: Path) -> None:
    """Half a minute after it failed a target is a trouble, with since when and why; what answers again is not (F20)."""
    put(tmp_path, status("gate"))
    role(tmp_path, "supervisor")
    for seconds, well in ((10, True), (31, False)):
        away = [{"target": "nas", "since_us": NOW - seconds * S, "why": "nas: nothing moved for 60 s"}]
        role(tmp_path, "worker", work={"problem": "", "running": [], "away": away})
        now = read_now(Plan(streams=(stream("gate"),)), tmp_path, NOW)
        assert now.well is well
    said = "target nas has taken nothing for 31 s: nas: nothing moved for 60 s"
    assert now.troubles == (said,)
    assert said in now.sentence
    rows = [{"rule": "snaps", "target": "nas", "since_us": NOW - 31 * S, "why": "snaps: t answers 403: no", "hint": ""}]
    role(tmp_path, "worker", work={"problem": "", "running": [], "away": rows})
    now = read_now(Plan(streams=(stream("gate"),)), tmp_path, NOW)
    said = "the table of rule snaps has taken no row for 31 s: snaps: t answers 403: no"
    assert now.troubles == (said,)


def test_what_memory_does_is_a_notice(tmp_path: Path) -> None:
    """Footage that goes to its disk because memory is full, and what memory dropped, are said; all is well (C081)."""
    plan = Plan(streams=(replace(stream("gate"), memory="/dev/shm/x"),))  # noqa: S108 - only named
    put(tmp_path, status("gate", memory="it is full", spilled=2))
    role(tmp_path, "supervisor")
    role(tmp_path, "worker", memory={"problem": "gate/main: it is full", "dropped": 3, "dropped_bytes": 45_000_000})
    now = read_now(plan, tmp_path, NOW)
    assert now.well
    assert now.notices == (
        "footage that should lie in memory goes to its disk: gate/main: it is full",
        "memory dropped 3 files (45 MB) that nothing held, since the start",
    )
    assert spilling(plan, tmp_path, NOW) == "gate/main: it is full"
    assert spilling(Plan(streams=(stream("gate"),)), tmp_path, NOW) == ""
    assert spilling(plan, tmp_path, NOW + 60 * S) == ""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from holdfast.core.config import CameraConfig, ConfigInvalid, Loaded, Secret, load, with_cameras, with_settings

BASE = 'state_dir = "state"\n[volumes.main]\npath = "disk"\n'


def _load(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> Loaded:
    return load(tmp_path / "holdfast.toml", environ or {}, text=text)


def _problems(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigInvalid) as caught:
        _load(tmp_path, text, environ)
    return [str(problem) for problem in caught.value.problems]


# Two different values for every key of a camera: one for the defaults, one for the camera.
VALUES: dict[str, tuple[str, str]] = {
    "name": ('"a"', '"b"'),
    "site": ('"a"', '"b"'),
    "location": ('"a"', '"b"'),
    "side": ('"left"', '"right"'),
    "enabled": ("false", "true"),
    "volume": ('"main"', '"other"'),
    "url": ('"rtsp://h/{id}"', '"rtsp://h/own"'),
    "sub_url": ('"rtsp://h/{id}/sub"', '"rtsp://h/own/sub"'),
    "address": ('"h1"', '"h2"'),
    "port": ("554", "8554"),
    "path": ('"/a"', '"/b"'),
    "sub_path": ('"/a"', '"/b"'),
    "sub": ("true", "false"),
    "username": ('"a"', '"b"'),
    "password": ('"a"', '"b"'),
    "source": ('"rtsp"', '"rtsp"'),
    "transport": ('"udp"', '"tcp"'),
    "audio": ('"off"', '"required"'),
    "segment_s": ("60", "61"),
    "capture.mode": ('"burst"', '"window"'),
    "capture.windows": ('[{start="01:00", end="02:00"}]', '[{days=["mon"], start="03:00", end="02:00"}]'),
    "capture.burst_s": ("60", "61"),
    "capture.override": ('"run"', '"stop"'),
    "capture.override_until": ("2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"),
    "open_timeout_s": ("3", "4.5"),
    "stall_s": ("3", "4.5"),
    "keyframe_s": ("3", "4.5"),
    "backoff_first_s": ("3", "4.5"),
    "backoff_cap_s": ("3", "4.5"),
    "probe_s": ("3", "4.5"),
    "healthy_s": ("3", "4.5"),
    "sync_s": ("3", "4.5"),
    "queue": ('"1MB"', '"2MiB"'),
    "cpu": ("0", "1"),
    "expected.video.codec": ('"h264"', '"hevc"'),
    "expected.video.profile": ('"High"', '"Main"'),
    "expected.video.width": ("640", "1280"),
    "expected.video.height": ("360", "720"),
    "expected.video.frame_rate": ("25", "12.5"),
    "expected.audio.codec": ('"aac"', '"pcm_alaw"'),
    "expected.audio.sample_rate": ("8000", "16000"),
    "expected.audio.channels": ("1", "2"),
    "encode.quality": ('"low"', '"high"'),
    "encode.size": ('"640x360"', '"800x600"'),
    "encode.frame_rate": ("5", "0.1"),
    "encode.kbps": ("500", "800"),
    "encode.encoder": ('"software"', '"h264_v4l2m2m"'),
    "encode.rotation": ("90", "180"),
    "stills.enabled": ("true", "false"),
    "stills.every_s": ("60", "0.04"),
    "stills.windows": ('[{start = "11:00", end = "22:00"}]', '[{start = "08:00", end = "12:00"}]'),
    "stills.width": ("1280", "640"),
    "stills.form": ('"webp"', '"jpeg"'),
    "stills.quality": ("70", "95"),
    "stills.thumbnail": ('"320x180"', '""'),
    "stills.name": ('"shop"', '"{camera}_{date}_{time}"'),
    "stills.sidecar": ("true", "false"),
    "stills.encrypt": (
        '["age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"]',
        '["age1hzajga3decql5g48dnavzhralax7qqfg9sn5zhc0rckg9llksumsgvgswl"]',
    ),
    "stills.keep_days": ("30", "7"),
    "retention.keep_days": ("30", "0.5"),
    "retention.keep_bytes": ('"1TB"', '"500GB"'),
    "retention.copies": ("1", "2"),
    "retention.only": ('"events"', '"schedule"'),
    "retention.loose_hours": ("12", "48"),
    "retention.holds": ('["events"]', '["events", "incidents"]'),
    "retention.hold_days": ("7", "60"),
    "watch.enabled": ("false", "true"),
    "watch.every_s": ("1", "5"),
    "watch.black": ("false", "true"),
    "watch.freeze": ("false", "true"),
    "watch.silence": ("false", "true"),
    "watch.lost": ("false", "true"),
    "watch.errors": ("false", "true"),
    "watch.macroblocks": ("true", "false"),
    "watch.loudness": ("true", "false"),
    "watch.blocks": ("2", "3.5"),
    "watch.black_level": ("16", "20"),
    "watch.black_percent": ("90", "99.5"),
    "watch.freeze_difference": ("0.3", "1"),
    "watch.sound_percent": ("10", "1"),
    "watch.sound_age_s": ("5", "20"),
    "watch.region": ('"0 5 100 70"', '"10 10 90 90"'),
    "watch.open_after_s": ("0", "30"),
    "watch.close_after_s": ("0", "10"),
    "watch.lost_after_s": ("20", "60"),
    "motion.enabled": ("true", "false"),
    "motion.sensitivity": ("70", "30"),
    "motion.min_area": ("0.5", "2"),
    "motion.cool_down_s": ("30", "90"),
    "motion.pre_roll_s": ("10", "30"),
    "motion.post_roll_s": ("2", "8"),
    "motion.second_s": ("3", "6"),
    "motion.masks": ('"0,0 40,0 40,10 0,10"', '"0,0 50,0 50,10"'),
    "motion.zones": ('"0,50 100,50 100,100 0,100"', '"0,0 100,0 100,50 0,50; 1,90 9,90 5,99"'),
    "objects.model": ('"yolo.onnx"', '"other.onnx"'),
    "objects.labels": ('["person", "dog"]', '["cat"]'),
    "objects.labels_file": ('"coco.txt"', '"own.txt"'),
    "objects.confidence": ("0.6", "1"),
    "objects.wanted": ('["person"]', '["dog", "cat"]'),
    "objects.only_recognised": ("true", "false"),
    "options": ('{ loop = "yes" }', '{ loop = "no" }'),
}
# What a key needs beside it to make sense.
BESIDE = {
    "address": 'path = "/x"',
    "path": 'address = "h"',
    "port": 'address = "h"',
    "sub_path": 'url = "rtsp://h/x"',
    "sub": 'url = "rtsp://h/x"\nsub_path = "/s"',
    "capture.override_until": 'url = "rtsp://h/x"\ncapture.override = "run"',
    "backoff_first_s": 'url = "rtsp://h/x"\nbackoff_cap_s = 10',
    "backoff_cap_s": 'url = "rtsp://h/x"\nbackoff_first_s = 1',
}


def _keys(model: type[BaseModel], at: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _keys(kind, f"{at}{name}.")
        else:
            yield f"{at}{name}"


def _value(camera: CameraConfig, key: str) -> Any:
    value: Any = camera
    for part in key.split("."):
        value = getattr(value, part)
    return value.reveal() if isinstance(value, Secret) else value


@pytest.mark.parametrize("key", list(_keys(CameraConfig)))
def test_every_key_has_a_default_and_an_override(tmp_path: Path, key: str) -> None:
    """Each key of a camera may stand in the defaults, where all cameras have it, and be overridden at one (C130)."""
    common, own = VALUES[key]
    beside = BESIDE.get(key, "" if key == "url" else 'url = "rtsp://h/x"')
    two = f'{BASE}[volumes.other]\npath = "o"\n'
    volume = "" if key == "volume" else 'volume = "main"\n'
    cameras = f"[cameras.plain]\n{beside}\n[cameras.own]\n{beside}\n{key} = {own}\n"
    loaded = _load(tmp_path, f"{two}[defaults]\n{volume}{key} = {common}\n{cameras}")
    alone = _load(tmp_path, f"{two}[cameras.x]\n{volume}{beside}\n{key} = {common}\n")
    common_value = _value(alone.config.cameras["x"], key)
    assert _value(loaded.config.cameras["plain"], key) == common_value
    if key != "source":
        assert _value(loaded.config.cameras["own"], key) != common_value
    flat = f"{key}.loop" if key == "options" else f"{key}[0].start" if key.endswith("windows") else key
    assert loaded.origins[f"cameras.plain.{flat}"].startswith("[defaults] holdfast.toml:")
    assert loaded.origins[f"cameras.own.{flat}"].startswith("holdfast.toml:")


def test_the_values_above_cover_the_whole_model() -> None:
    """A key that is added to the model must be added to the test of defaults and overrides."""
    assert set(VALUES) == set(_keys(CameraConfig))


PATH_HINT = "(begin it with /; did you mean hikvision?)"
CASE_HINT = "(ids are told apart ignoring case; rename one)"
ID_HINT = "(use 1 to 50 of A-Z a-z 0-9 _ -; - not first)"


def test_every_problem_is_named_at_once_with_line_and_nearest_key(tmp_path: Path) -> None:
    """One go finds everything: file, line, key, what is wrong, and what was probably meant (C130)."""
    text = (
        'state_dir = "s"\n[site]\ntime_zone = "Europe/Berlinn"\n[log]\nlevle = "debug"\n[volumes.main]\npath = "v"\n'
        '[defaults]\ntransport = "tpc"\n[cameras.gate]\nurl = "rtsp://h/x"\ntransprot = "udp"\nvolume = "mian"\n'
        '[cameras.Gate]\naddress = "h"\npath = "hikvison"\n[cameras."bad id"]\nurl = "rtsp://h"\n[sites]\n'
    )
    assert _problems(tmp_path, text) == [
        "holdfast.toml:3: site.time_zone: 'Europe/Berlinn' is no time zone (did you mean Europe/Berlin?)",
        "holdfast.toml:5: log.levle: unknown key (did you mean level?)",
        "holdfast.toml:9: defaults.transport: must be tcp or udp, not 'tpc' (did you mean tcp?)",
        "holdfast.toml:12: cameras.gate.transprot: unknown key (did you mean transport?)",
        "holdfast.toml:13: cameras.gate.volume: there is no volume 'mian' (did you mean main?)",
        f"holdfast.toml:14: cameras.Gate: is the same as gate, but for case {CASE_HINT}",
        f"holdfast.toml:16: cameras.Gate.path: 'hikvison' is neither a path nor a known make {PATH_HINT}",
        "holdfast.toml:17: cameras.bad id: 'bad id' is not a camera id (use 1 to 50 of A-Z a-z 0-9 _ -; - not first)",
        "holdfast.toml:19: sites: unknown key (did you mean site?)",
    ]


CAMERA = f'{BASE}[cameras.gate]\nurl = "rtsp://h/x"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{CAMERA}segment_s = 0\n", "holdfast.toml:6: cameras.gate.segment_s: must be 1 or more"),
        (f'{CAMERA}enabled = "perhaps"\n', "holdfast.toml:6: cameras.gate.enabled: must be true or false"),
        (f'{CAMERA}queue = "lots"\n', "holdfast.toml:6: cameras.gate.queue: 'lots' is not a size"),
        (f'{CAMERA}port = "rtsp"\n', "cameras.gate.port: must be a whole number"),
        (f'{CAMERA}objects.wanted = "dog"\n', "cameras.gate.objects.wanted: must be a list"),
        (f"{CAMERA}name = 5\n", "cameras.gate.name: must be text, not 5"),
        (f'{CAMERA}capture.windows = [{{start="11:00"}}]\n', "capture.windows[0].end: is missing"),
        (f'{CAMERA}capture.windows = [{{start="25:00", end="26:00"}}]\n', "'25:00' is no time of day"),
        (f'{CAMERA}capture.windows = [{{start="11:00", end="11:00"}}]\n', "starts and ends at 11:00"),
        (f'{CAMERA}capture.windows = [{{start="24:00", end="11:00"}}]\n', "cannot start at 24:00"),
        (f'{CAMERA}capture.windows = [{{days=["mo"], start="1:00", end="11:00"}}]\n', "windows[0].days[0]: must be"),
        (f"{CAMERA}capture.override_until = 2030-01-01T00:00:00Z\n", "there is no override that could end"),
        (f"{CAMERA}backoff_first_s = 100\n", "is longer than backoff_cap_s"),
        (f"{CAMERA}stall_s = 0\n", "cameras.gate.stall_s: must be more than 0"),
        (f'{CAMERA}address = "h"\n', "url and address exclude each other"),
        (f"{CAMERA}sub = true\n", "the address of the sub stream is not known"),
        (f'{CAMERA}source = "file"\n', "source is file, but the address is of kind rtsp"),
        (f'{CAMERA}password = {{ env = "GONE" }}\n', "6: cameras.gate.password: the environment variable GONE"),
        (f'{CAMERA}password = {{ file = "gone" }}\n', "gone: No such file"),
        (f"{CAMERA}password = 5\n", "cameras.gate.password: must be a text, "),
        (f'{CAMERA}[recorder]\ncpu = "all"\n', "7: recorder.cpu: 'all' is no choice of cores"),
        (f'{BASE}[cameras.gate]\nsub_url = "rtsp://h/x"\n', "a sub stream without a main stream"),
        (f"{BASE}[cameras.gate]\n", "holdfast.toml:4: cameras.gate.url: is missing"),
        (f'{BASE}[cameras.gate]\nurl = "mms://h/x"\n', "mms:// cannot be recorded"),
        (f'{CAMERA}encode.size = "1281x720"\n', "'1281x720' is no size of a picture"),
        (f'{CAMERA}encode.quality = "best"\n', "cameras.gate.encode.quality"),
        (f'{BASE}[cameras.gate]\nurl = "rtsp://u:p/w@h/x"\n', "a / in a password is written %2F"),
        (f'{BASE}[cameras.gate]\naddress = "http://h"\n', "is no host name or IP address"),
        (f'{BASE}[cameras]\ngate = "rtsp://h"\n', "5: cameras.gate: must be a table (write [cameras.gate])"),
        ('cameras = 5\nstate_dir = "s"\n', "1: cameras: must be a table"),
        ('[cameras.gate]\nurl = "rtsp://h/x"\n', "there is no volume to record to"),
        (f'{BASE}[volumes.b]\npath = "b"\n[cameras.gate]\nurl = "rtsp://h/x"\n', "there are several: b, main"),
        ("[volumes.main]\n", "volumes.main.path: is missing"),
        ("[volumes.main]\npaht = 'x'\n", "2: volumes.main.paht: unknown key (did you mean path?)"),
        ("[log]\nkeep = -1\n", "2: log.keep: must be 0 or more, not -1"),
        ("[site]\ntime_zone = 'Berlin'\n", "did you mean Europe/Berlin?"),
        ("[site]\ntime_zone = 'CEST'\n", "'CEST' is no time zone (write it as in Europe/Berlin)"),
        (f'{BASE}[cameras.gate]\nurl = "192.0.2.1:554/x"\n', "is an address without rtsp:// before it"),
        (f'{BASE}[cameras.gate]\nurl = "u:p@gate/x"\n', "is an address without rtsp:// before it"),
        ('state_dir = "\\u0000"\n', "1: state_dir: cannot hold a zero byte"),
        ('state_dir = "~nobody-here/x"\n', "1: state_dir: '~nobody-here/x' names a user that does not exist"),
        (f'{BASE}[cameras.gate]\nurl = "~nobody-here/x.mp4"\n', "names a user that does not exist"),
        (f'{CAMERA}password = {{ file = "\\u0000" }}\n', "cannot hold a zero byte"),
        ("[site\n", "holdfast.toml:1:6: is not TOML: "),
        ("a = 1\na = 2\n", "holdfast.toml:2:6: is not TOML: Cannot overwrite a value"),
        ('a = """', "holdfast.toml:1: is not TOML: "),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """A wrong value is one problem that names line, key and cause (C130)."""
    problems = _problems(tmp_path, text)
    assert any(said in problem for problem in problems), problems


def test_a_default_that_is_wrong_is_named_once(tmp_path: Path) -> None:
    """A mistake in the defaults is one problem where it stands, not one for each camera."""
    cameras = "".join(f'[cameras.c{n}]\nurl = "rtsp://h/x"\n' for n in range(5))
    assert len(_problems(tmp_path, f"{BASE}[defaults]\nsegment_s = -1\n{cameras}")) == 1


def test_problems_show_no_secret(tmp_path: Path) -> None:
    """Whatever is wrong with an address or password, it is not repeated (F61)."""
    text = f'{BASE}[cameras.a]\nurl = "rtsp://u:geheim/x@h"\n[cameras.b]\nurl = "ftp://u:geheim@h"\n'
    text += '[cameras.c]\naddress = "rtsp://u:geheim@h"\npassword = ["geheim"]\n[catalog]\nurl = ["geheim"]\n'
    problems = _problems(tmp_path, text)
    assert len(problems) == 5
    assert not any("geheim" in problem for problem in problems)


def test_credentials_leave_the_address(tmp_path: Path) -> None:
    """A password inside an address is accepted, and moved to where secrets are."""
    loaded = _load(tmp_path, f'{BASE}[cameras.gate]\nurl = "rtsp://admin:p%40ss@h:554/x"\n')
    camera = loaded.config.cameras["gate"]
    assert (camera.url, camera.username, camera.password.reveal()) == ("rtsp://h:554/x", "admin", "p@ss")
    assert {"p@ss", "p%40ss"} <= loaded.secrets
    assert loaded.origins["cameras.gate.password"] == "holdfast.toml:5"
    assert "p@ss" not in f"{loaded!r}{loaded.config.masked()}"


def test_credentials_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    """An address with another password than the one beside it is a question, not an answer."""
    [problem] = _problems(tmp_path, f'{BASE}[cameras.gate]\nurl = "rtsp://a:one@h"\npassword = "two"\n')
    assert "differs from password" in problem
    assert "one" not in problem.replace("one of", "")


def test_an_own_address_displaces_the_inherited_kind(tmp_path: Path) -> None:
    """Defaults with a template address do not forbid a camera that gives only its host."""
    text = f'{BASE}[defaults]\nurl = "rtsp://nvr/{{id}}"\n[cameras.a]\naddress = "h"\npath = "/x"\n[cameras.b]\n'
    loaded = _load(tmp_path, text)
    assert loaded.config.cameras["a"].url == ""
    assert loaded.config.cameras["b"].url == "rtsp://nvr/{id}"


def test_the_environment_overrides_scalars(tmp_path: Path) -> None:
    """HOLDFAST_ variables go before the file, also for one camera, and say so as origin (C131)."""
    environ = {"HOLDFAST_LOG__LEVEL": "debug", "HOLDFAST_CAMERAS__GATE__STALL_S": "9", "HOLDFAST_STATE_DIR": "/var/x",
               "HOLDFAST_CONFIG": "x", "HOLDFASTER": "1", "HOLDFAST_SOMETHING": "else",
               "HOLDFAST_DEFAULTS__CAPTURE__BURST_S": "77"}  # fmt: skip
    loaded = _load(tmp_path, CAMERA, environ)
    assert loaded.config.log.level == "debug"
    assert loaded.config.cameras["gate"].stall_s == 9
    assert loaded.config.cameras["gate"].capture.burst_s == 77
    assert loaded.config.state_dir == Path("/var/x")
    assert loaded.origins["cameras.gate.stall_s"] == "environment HOLDFAST_CAMERAS__GATE__STALL_S"
    assert loaded.origins["state_dir"] == "environment HOLDFAST_STATE_DIR"


def test_unknown_and_wrong_variables_are_refused_by_name(tmp_path: Path) -> None:
    """A variable that means no setting, or a wrong one, is named with the nearest that exists."""
    environ = {"HOLDFAST_LOG__LEVL": "debug", "HOLDFAST_LOG__KEEP": "many", "HOLDFAST_LGO__LEVEL": "x"}
    problems = _problems(tmp_path, CAMERA, environ)
    assert "HOLDFAST_LOG__LEVL: is no setting (did you mean HOLDFAST_LOG__LEVEL?)" in problems
    assert any(p.startswith("HOLDFAST_LOG__KEEP: log.keep: must be a whole number") for p in problems)
    assert "HOLDFAST_LGO__LEVEL: is no setting (did you mean HOLDFAST_LOG?)" in problems


def test_secrets_come_from_environment_and_files(tmp_path: Path) -> None:
    """A secret may stand elsewhere, relative to the file; it is known to the scrubber and shown masked (C131)."""
    (tmp_path / "pw").write_text("from-file\n")
    (tmp_path / "pw").chmod(0o600)
    text = f'{CAMERA}password = {{ file = "pw" }}\nusername = {{ env = "U" }}\n[catalog]\nurl = {{ env = "DB" }}\n'
    loaded = _load(tmp_path, text, {"U": "viewer", "DB": "postgresql://h:dbpass@db/x"})
    camera = loaded.config.cameras["gate"]
    assert (camera.username, camera.password.reveal()) == ("viewer", "from-file")
    assert loaded.secrets == {"from-file", "dbpass"}
    assert loaded.config.catalog_url == "postgresql://h:dbpass@db/x"
    shown = str(loaded.config.masked())
    assert "from-file" not in shown
    assert "postgresql://h:****@db/x" in shown
    assert loaded.warnings == ()


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o640, 1), (0o644, 1), (0o400, 0)])
def test_files_with_secrets_that_others_may_read_are_warned_about(tmp_path: Path, mode: int, count: int) -> None:
    """More than 600 on a file of secrets is a warning with its cure; it is still used (C131, F61)."""
    path, secret = tmp_path / "holdfast.toml", tmp_path / "pw"
    secret.write_text("x")
    secret.chmod(mode)
    path.write_text(f'{CAMERA}password = {{ file = "pw" }}\n')
    path.chmod(0o644)
    warnings = load(path, {}).warnings
    assert len(warnings) == count
    path.write_text(f'{CAMERA}password = "plain"\n')
    path.chmod(mode)
    warnings = load(path, {}).warnings
    assert len(warnings) == count
    for warning in warnings:
        assert warning.place == "holdfast.toml:6"
        assert "chmod 600" in warning.hint
        assert 'plain"' not in str(warning)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """Without a file the error names the way to one."""
    with pytest.raises(ConfigInvalid, match=r"no such file \(holdfast init"):
        load(tmp_path / "gone.toml", {})
    assert ConfigInvalid.exit_code == 78


def test_garbage_instead_of_text(tmp_path: Path) -> None:
    """A binary file and a folder are problems like any other."""
    (tmp_path / "bin.toml").write_bytes(os.urandom(64) + b"\xff\xff")
    with pytest.raises(ConfigInvalid, match="is not UTF-8 text"):
        load(tmp_path / "bin.toml", {})
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        load(tmp_path, {})


def test_cameras_of_the_run_time_lie_over_the_files(tmp_path: Path) -> None:
    """A camera added at run time has the defaults; one of the file is changed key by key; a wrong one is left out."""
    loaded = _load(tmp_path, f"{CAMERA}stall_s = 7\n[defaults]\nsegment_s = 60\n")
    added: list[dict[str, Any]] = [
        {"id": "new", "url": "rtsp://u:pw12@h/2"},
        {"id": "wrong", "ulr": "x"},
        {"id": "gate", "capture": {"override": "stop"}},
    ]
    merged, problems = with_cameras(loaded, added)
    assert list(merged.config.cameras) == ["gate", "new"]
    assert merged.config.cameras["new"].segment_s == 60
    assert merged.config.cameras["gate"].capture.override == "stop"
    assert merged.config.cameras["gate"].stall_s == 7
    assert merged.origins["cameras.new.url"] == "added at run time"
    assert "pw12" in merged.secrets
    assert {problem.key for problem in problems} == {"cameras.wrong.ulr", "cameras.wrong.url"}
    assert all(problem.place == "added at run time" for problem in problems)
    assert loaded.config.cameras.keys() == {"gate"}


def test_an_empty_file_is_a_configuration(tmp_path: Path) -> None:
    """Nothing said means defaults and no cameras."""
    loaded = _load(tmp_path, "", {"HOME": str(tmp_path)})
    assert loaded.config.cameras == {}
    assert loaded.config.state_dir == tmp_path / ".local/state/holdfast"
    assert set(loaded.origins.values()) == {"default"}


def test_a_refused_entry_of_a_list_is_said_once(tmp_path: Path) -> None:
    """A list whose one entry was refused is not also called too short."""
    line = 'capture.windows = [{days=["monday"], start="11:00", end="12:00"}]'
    problems = _problems(tmp_path, f"{CAMERA}{line}\n")
    assert len(problems) == 1
    assert "did you mean mon?" in problems[0]


def test_a_file_may_be_called_like_a_host(tmp_path: Path) -> None:
    """What looks like an address without its scheme is a file where there is one of that name."""
    (tmp_path / "10.0.0.1").write_bytes(b"")
    (tmp_path / "holdfast.toml").write_text(f'{BASE}[cameras.gate]\nurl = "10.0.0.1"\n')
    loaded = load(tmp_path / "holdfast.toml", {})
    assert loaded.config.cameras["gate"].url == "10.0.0.1"


def test_saved_settings_lie_between_file_and_environment(tmp_path: Path) -> None:
    """A saved value goes before the file's, the environment's before both; each origin is named (C126)."""
    text = BASE + '[site]\nname = "Pier"\n[defaults]\nstall_s = 3\n[cameras.gate]\nurl = "rtsp://h/x"\n'
    loaded = _load(tmp_path, text, {"HOLDFAST_LOG__LEVEL": "error"})
    saved = {"site.name": "Mole", "defaults.stall_s": 4, "log.level": "debug"}
    now, problems = with_settings(loaded, saved)
    assert problems == ()
    assert (now.config.site.name, now.config.cameras["gate"].stall_s, now.config.log.level) == ("Mole", 4, "error")
    assert now.origins["site.name"] == now.origins["defaults.stall_s"] == "saved settings"
    assert now.origins["cameras.gate.stall_s"] == "[defaults] saved settings"
    assert now.origins["log.level"] == "environment HOLDFAST_LOG__LEVEL"
    assert with_settings(now, {})[0].config == loaded.config


def test_saved_settings_hold_for_cameras_of_the_catalog(tmp_path: Path) -> None:
    """Cameras that are laid over later have the saved defaults, too."""
    now, _ = with_settings(_load(tmp_path, BASE), {"defaults.stall_s": 4})
    merged, _ = with_cameras(now, [{"id": "dock", "url": "rtsp://h/x"}])
    assert merged.config.cameras["dock"].stall_s == 4
    assert merged.origins["cameras.dock.stall_s"] == "[defaults] saved settings"


def test_a_bad_saved_setting_keeps_no_other_out(tmp_path: Path) -> None:
    """What makes no sense is left out and named; the rest holds."""
    now, problems = with_settings(_load(tmp_path, BASE), {"site.time_zone": "Mars/Base", "site.name": "Pier"})
    assert (now.config.site.name, now.config.site.time_zone) == ("Pier", "UTC")
    assert [(p.place, p.key) for p in problems] == [("saved settings", "site.time_zone")]

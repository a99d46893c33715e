import json
from pathlib import Path

import pytest

from support.node import Node, holdfast, simulate

EXPECTED = """
[cameras.{name}.expected.video]
codec = "h264"
width = {width}
[cameras.{name}.expected.audio]
codec = "aac"
"""


def test_verdicts_and_exit_codes(tmp_path: Path) -> None:
    """OK, MISMATCH with its fields and ERROR with cause and fix, all asked at once; exit 0, 1, 2 (C009)."""
    with simulate("gate", "yard") as sim:
        node = Node(tmp_path, {"gate": sim.url("gate"), "yard": sim.url("yard"), "dead": "rtsp://127.0.0.1:9/x"})
        text = node.config.read_text(encoding="utf-8")
        text += EXPECTED.format(name="gate", width=320) + EXPECTED.format(name="yard", width=1920)
        node.config.write_text(text, encoding="utf-8")
        everything = node.command("cameras", "test")
        assert everything.returncode == 2
        assert "● OK" in everything.stdout
        assert "◐ MISMATCH(video.width)" in everything.stdout
        assert "yard: video.width: 320, expected 1920" in everything.stdout
        assert "dead: unreachable: 127.0.0.1:9 cannot be reached" in everything.stdout
        assert everything.stdout.count("try:") == 2
        result = node.command("cameras", "test", "gate", "yard", "--json")
        assert result.returncode == 1
        body = json.loads(result.stdout)
        assert [(v["camera"], v["outcome"], v["fields"]) for v in body] == [
            ("gate", "OK", []),
            ("yard", "MISMATCH", ["video.width: 320, expected 1920"]),
        ]
        assert node.command("cameras", "test", "gate").returncode == 0
    assert not (tmp_path / "state").exists()


def test_probe_needs_no_configuration() -> None:
    """An address alone is enough; the password comes from the environment, and a wrong one is named as such."""
    with simulate("gate", user="admin", password="right") as sim:
        url = sim.url("gate", credentials=False)
        good = holdfast("cameras", "probe", url, "--username", "admin", "--password-env", "P", env={"P": "right"})
        assert good.returncode == 0, good.stderr
        assert good.stdout.splitlines() == ["video h264 High 320×240 10 fps", "audio aac 48000 Hz mono"]  # noqa: RUF001 - the sign for "by"
        bad = holdfast("cameras", "probe", url, "--username", "admin", "--password-env", "P", env={"P": "wrong"})
        assert bad.returncode == 69
        assert bad.stderr.startswith("auth: ")
        assert "wrong" not in bad.stderr.splitlines()[0]


@pytest.mark.parametrize("command", [("probe",), ("add", "--id", "gate")])
def test_no_password_in_arguments(tmp_path: Path, command: tuple[str, ...]) -> None:
    """A password in an address is refused before anything is done with it, and not repeated (C131)."""
    node = Node(tmp_path, {})
    extra = ("-c", str(node.config)) if "add" in command else ()
    result = holdfast("cameras", command[0], "rtsp://admin:hunter2@192.0.2.1/x", *command[1:], *extra)
    assert result.returncode == 64
    assert "--password-env" in result.stderr
    assert "hunter2" not in result.stderr + result.stdout


def test_roster(tmp_path: Path) -> None:
    """Adding, switching and removing show in the list; the secret lies in a file of its own, for its owner alone."""
    node = Node(tmp_path, {"gate": "rtsp://192.0.2.1/gate"})
    added = holdfast(
        "cameras", "add", "rtsp://192.0.2.2/{id}", "--id", "yard", "--username", "admin", "--password-env", "P",
        "-c", str(node.config), env={"P": "hunter2"},
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    secret = tmp_path / "state" / "secrets" / "yard.txt"
    assert secret.read_text(encoding="utf-8") == "hunter2\n"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert b"hunter2" not in b"".join(p.read_bytes() for p in (tmp_path / "state").glob("catalog.sqlite*"))
    assert node.command("cameras", "disable", "gate").returncode == 0
    listed = json.loads(node.command("cameras", "list", "--json").stdout)
    assert [(c["camera"], c["enabled"], c["origin"], c["url"]) for c in listed] == [
        ("gate", False, "file, changed at run time", "rtsp://192.0.2.1/gate"),
        ("yard", True, "runtime", "rtsp://192.0.2.2/yard"),
    ]
    assert node.command("cameras", "enable", "gate").returncode == 0
    assert node.command("cameras", "remove", "yard").returncode == 0
    assert not secret.exists()
    assert "yard" not in node.command("cameras", "list").stdout


def test_a_camera_is_changed_and_taken_back(tmp_path: Path) -> None:
    """Keys are changed as they stand in the file, shown with who says them, and taken back; scripts get JSON."""
    node = Node(tmp_path, {"gate": "rtsp://192.0.2.1/gate"})
    hours = "capture.windows=mon-fri 08:00-18:00"
    assert node.command("cameras", "change", "GATE", "segment_s=60", "name=Gate 2", hours).returncode == 0
    shown = node.command("cameras", "show", "gate").stdout
    assert [line.split() for line in shown.splitlines() if line.startswith(("segment_s", "url"))] == [
        ["url", "rtsp://192.0.2.1/gate", "holdfast.toml:7"], ["segment_s", "60", "run", "time"],
    ]  # fmt: skip
    secret = holdfast(
        "cameras", "change", "gate", "--password-env", "P", "--json", "-c", str(node.config), env={"P": "hunter2"}
    )
    assert json.loads(secret.stdout) == {"camera": "gate", "changed": True, "keys": ["password"]}
    found = {one["key"]: one for one in json.loads(node.command("cameras", "show", "gate", "--json").stdout)}
    assert (found["password"]["value"], found["capture.windows"]["value"][0]["start"]) == ("****", "08:00")
    again = node.command("cameras", "change", "gate", "segment_s=60")
    assert again.stdout == "gate is so already\n"
    back = ("--reset", "segment_s", "--reset", "name", "--reset", "capture", "--reset", "password")
    assert node.command("cameras", "change", "gate", *back).returncode == 0
    (entry,) = json.loads(node.command("cameras", "list", "--json").stdout)
    assert entry["origin"] == "file"
    added = node.command("cameras", "add", "rtsp://192.0.2.2/y", "--id", "yard", "--set", "segment_s=60", "--json")
    assert json.loads(added.stdout)["camera"] == "yard"
    assert json.loads(node.command("cameras", "disable", "yard", "--json").stdout) == {
        "camera": "yard", "enabled": False,
    }  # fmt: skip


def test_mistakes_are_named(tmp_path: Path) -> None:
    """Taken ids, unknown cameras, cameras of the file and bad ids each get one line that says what and what to do."""
    node = Node(tmp_path, {"gate": "rtsp://192.0.2.1/gate"})
    for command, code, text in (
        (("add", "rtsp://192.0.2.2/x", "--id", "GATE"), 64, "there is a camera GATE already"),
        (("add", "ftp://192.0.2.2/x", "--id", "yard"), 64, "ftp:// cannot be recorded"),
        (("add", "rtsp://192.0.2.2/x", "--id", "a/b"), 64, "is not a camera id"),
        (("remove", "gate"), 64, "gate stands in the configuration (holdfast.toml:"),
        (("disable", "nobody"), 66, "there is no camera nobody"),
        (("test", "nobody"), 66, "there is no camera nobody"),
        (("change", "nobody", "name=x"), 66, "there is no camera nobody"),
        (("show", "nobody"), 66, "there is no camera nobody"),
        (("change", "gate"), 64, "nothing to change"),
        (("change", "gate", "transprot=udp"), 64, "camera gate: transprot: unknown key"),
        (("change", "gate", "segment_s=soon"), 64, "camera gate: segment_s: must be a whole number"),
    ):
        result = node.command("cameras", *command)
        assert (result.returncode, "Traceback" in result.stderr) == (code, False), result.stderr
        assert text in result.stderr
        assert "try: " in result.stderr

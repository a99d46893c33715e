import os
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path

import pytest

from holdfast.sim.camera import CameraSpec
from holdfast.sim.server import SimServer
from holdfast.sim.thread import SimThread
from support.node import SMALL, holdfast
from support.supervised import running
from support.survival import Ground

SECRETS = {"inline": "zebra-in-the-url-7731", "file": "zebra-in-a-file-7732", "env": "zebra-in-env-7733"}
WRONG = "zebra-that-is-wrong-7734"
NEEDLE = b"zebra-"
MAY_HOLD = {"streams.json", "streams.json.good", "holdfast.toml", "config.last-good.toml", "camera.password"}


def _camera(name: str) -> CameraSpec:
    return CameraSpec(name=name, video=SMALL, sub_size=(160, 120), user="viewer", password=SECRETS.get(name, "other"))


def _family(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [root]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread, or a process, that has ended since
                found += [int(child) for child in task.read_text(encoding="ascii").split()]
    return found


def _given(pid: int) -> tuple[bytes, list[bytes]] | None:
    """Return a process's command line and environment; None once it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        argv, environ = (Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        return (argv, environ.split(b"\0")) if running(pid) else None
    return None


@pytest.mark.needs("linux")
def test_a_secret_is_nowhere_but_where_it_must_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords from URL, file and environment, right and wrong, show in no process list, file, log or answer (F61)."""
    (tmp_path / "camera.password").write_text(SECRETS["file"] + "\n", encoding="utf-8")
    (tmp_path / "camera.password").chmod(0o600)
    monkeypatch.setenv("GATE_PASSWORD", SECRETS["env"])
    with SimThread(SimServer([_camera(name) for name in (*SECRETS, "wrong")])) as sim:
        urls = {name: sim.url(name, credentials=False) for name in (*SECRETS, "wrong")}
        urls["inline"] = urls["inline"].replace("rtsp://", f"rtsp://viewer:{SECRETS['inline']}@")
        node = Ground(tmp_path, urls, level="debug")
        node.cameras["file"] |= {"username": "viewer", "password": '{ file = "camera.password" }'}
        node.cameras["env"] |= {"username": "viewer", "password": '{ env = "GATE_PASSWORD" }'}
        node.cameras["wrong"] |= {"username": "viewer", "password": WRONG}
        node.write()
        with node:
            node.run().until(lambda: node.recording(*SECRETS) and '"auth"' in _text(tmp_path / "run/wrong.main.json"))
            assert node.process is not None
            processes = _family(node.process.pid)
            looked_at = {pid: given for pid in processes if (given := _given(pid)) is not None}
            assert {node.process.pid, *node.pids().values()} <= looked_at.keys()
            assert len(looked_at) >= 3
            for argv, environ in looked_at.values():
                assert NEEDLE not in argv
                assert [line for line in environ if NEEDLE in line] == [b"GATE_PASSWORD=" + SECRETS["env"].encode()]
            _look_at_answers(
                node, "config show --origins", "status --json", "doctor --json", "cameras test --json",
            )  # fmt: skip
            node.replace(node.config.read_text(encoding="utf-8") + 'colour = "red"\n')
            node.until(lambda: node.role("worker")["config_problem"])
            _look_at_answers(node, "config check", "status")
            assert node.stop() == 0
    _look_at_files(tmp_path)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _look_at_answers(node: Ground, *commands: str) -> None:
    for command in (text.split() for text in commands):
        answer = node.command(*command)
        assert "zebra-" not in answer.stdout + answer.stderr, command
        assert "Traceback" not in answer.stderr, answer.stderr


def _look_at_files(root: Path) -> None:
    """Every file of the node, the catalog's pages among them."""
    with closing(sqlite3.connect(root / "state" / "catalog.sqlite")) as catalog:
        assert "zebra-" not in "\n".join(catalog.iterdump())
    holding = {path for path in root.rglob("*") if path.is_file() and NEEDLE in path.read_bytes()}
    assert {path.name for path in holding} <= MAY_HOLD
    assert {path.name for path in holding} >= {"streams.json", "holdfast.toml", "camera.password"}
    for path in holding:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert len({path.parent for path in root.rglob("*.journal")}) == len(SECRETS) + 1


def test_a_password_given_at_run_time_stays_in_its_file(tmp_path: Path) -> None:
    """A camera added with a password leaves it in one file of mode 0600 and in the plan, not in the catalog (C131)."""
    secret = SECRETS["env"]
    with SimThread(SimServer([_camera("env")])) as sim, Ground(tmp_path, {}) as node:
        node.run().until(lambda: node.role("worker").get("state") == "running")
        added = holdfast(
            "cameras", "add", sim.url("env", credentials=False), "--id", "env", "--username", "viewer",
            "--password-env", "ADDED", "-c", str(node.config), env={"ADDED": secret},
        )  # fmt: skip
        assert added.returncode == 0, added.stderr
        node.until(lambda: node.recording("env"))
        assert node.stop() == 0
    holding = {path for path in tmp_path.rglob("*") if path.is_file() and NEEDLE in path.read_bytes()}
    assert {path.relative_to(tmp_path).parts[:2] for path in holding} <= {
        ("state", "streams.json"), ("state", "streams.json.good"), ("state", "secrets"),
    }  # fmt: skip
    for path in holding:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert os.environ.get("ADDED") is None

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from support.accounts import node
from support.node import holdfast

GOOD = "correct horse battery"


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration without cameras."""
    return str(node(tmp_path))


def given(config: str, *args: str, password: str = GOOD) -> subprocess.CompletedProcess[str]:
    """Run a command with a password on standard input."""
    return subprocess.run(
        [sys.executable, "-m", "holdfast", *args, "-c", config],
        input=f"{password}\n", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_users_from_the_command_line(config: str, tmp_path: Path) -> None:
    """Users are added with a password from a pipe or a file, listed, changed, switched off and removed (C103)."""
    file = tmp_path / "password"
    file.write_text(f"{GOOD}\nsecond line\n", encoding="utf-8")
    assert given(config, "users", "add", "ann", "--role", "admin").stdout == "ann may sign in as admin\n"
    assert holdfast("users", "add", "bob", "--password-file", str(file), "-c", config).returncode == 0
    assert holdfast("users", "role", "bob", "operator", "-c", config).stdout == "bob is operator\n"
    assert given(config, "users", "password", "bob", password="another one").returncode == 0
    assert holdfast("users", "disable", "bob", "-c", config).returncode == 0
    rows = json.loads(holdfast("users", "list", "--json", "-c", config).stdout)
    assert [(row["name"], row["role"], row["enabled"]) for row in rows] == [
        ("ann", "admin", True), ("bob", "operator", False),
    ]  # fmt: skip
    assert "switched off, never signed in" in holdfast("users", "list", "-c", config).stdout
    assert holdfast("users", "enable", "bob", "-c", config).returncode == 0
    assert holdfast("users", "remove", "bob", "-c", config).returncode == 0
    assert "bob" not in holdfast("users", "list", "-c", config).stdout


def test_mistakes_are_explained(config: str) -> None:
    """No user, no password, a short one, a first user who cannot administer, the last admin: each says what to do."""
    assert "users add NAME --role admin" in holdfast("users", "list", "-c", config).stdout
    assert holdfast("users", "add", "ann", "-c", config).returncode == 65
    assert "8 to 256 characters" in given(config, "users", "add", "ann", password="short").stderr
    assert "holdfast users role ann admin" in given(config, "users", "add", "ann").stderr
    assert given(config, "users", "role", "ann", "admin").returncode == 0
    assert "last one who may administer" in holdfast("users", "remove", "ann", "-c", config).stderr
    assert holdfast("users", "remove", "nobody", "-c", config).returncode == 66
    assert holdfast("users", "add", "bob", "--password-file", "/no/such/file", "-c", config).returncode == 74


def type_twice(config: str, first: str, second: str) -> tuple[int, str]:
    """Add a user on a terminal; returns the exit code and what the terminal showed."""
    terminal, far = pty.openpty()
    argv = [sys.executable, "-m", "holdfast", "users", "add", "ann", "-c", config]
    with subprocess.Popen(argv, stdin=far, stdout=far, stderr=far, start_new_session=True) as child:
        os.close(far)
        shown = b""
        answers = [first, second]
        with suppress(OSError):  # what a terminal says when nobody is on its other side any more
            while piece := os.read(terminal, 4096):
                shown += piece
                if answers and shown.endswith(b": "):
                    os.write(terminal, f"{answers.pop(0)}\n".encode())
        os.close(terminal)
        return child.wait(60), shown.decode()


def test_on_a_terminal_it_is_typed_twice(config: str) -> None:
    """On a terminal a password is asked for twice, does not show, and two that differ are refused."""
    code, shown = type_twice(config, GOOD, "correct hores battery")
    assert code == 65
    assert "differ" in shown
    code, shown = type_twice(config, GOOD, GOOD)
    assert code == 0
    assert "ann may sign in as viewer" in shown
    assert GOOD not in shown


def test_no_command_takes_a_password_as_an_argument() -> None:
    """A password in an argument would show in the list of processes: there is no such option (F61)."""
    for command in ("add", "password"):
        text = holdfast("users", command, "--help").stdout
        assert "--password-file" in text
        assert "--password " not in text

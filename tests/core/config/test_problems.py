from pathlib import Path

import pytest

from holdfast.core.config.model import CameraConfig, Config
from holdfast.core.config.problems import ConfigInvalid, Problem, did_you_mean, dotted, known_keys, nearest


def test_paths_read_as_in_the_file() -> None:
    """Keys are joined with dots, places in lists stand in brackets."""
    assert dotted(("cameras", "gate", "capture", "windows", 0, "start")) == "cameras.gate.capture.windows[0].start"


def test_the_nearest_word_ignores_case() -> None:
    """A slip of the finger or of the shift key finds the word that was meant; nonsense finds none."""
    assert nearest("TRANSPROT", ["transport", "path"]) == "transport"
    assert nearest("zzz", ["transport", "path"]) == ""
    assert did_you_mean("zzz", ["b", "a"]) == "known: a, b"
    assert did_you_mean("zzz", [f"key{n}" for n in range(40)]) == ""


@pytest.mark.parametrize(
    ("at", "key"),
    [((), "state_dir"), (("site",), "time_zone"), (("volumes", "main"), "reserve"), (("log",), "keep")],
)
def test_known_keys_of_each_table(at: tuple[str, ...], key: str) -> None:
    """Tables, and tables by name, know their keys."""
    assert key in known_keys(Config, at)
    assert "start" in known_keys(CameraConfig, ("capture", "windows", 0))
    assert "width" in known_keys(CameraConfig, ("expected", "video"))
    assert known_keys(CameraConfig, ("nonsense", "deep")) == []


def test_one_problem_is_one_line_and_several_are_counted() -> None:
    """The error of a command is as short as it can be, and complete."""
    problem = Problem(place="a.toml:1", key="x", message="is wrong", hint="mend it")
    assert str(ConfigInvalid(Path("/a.toml"), [problem])) == "a.toml:1: x: is wrong (mend it)"
    assert str(ConfigInvalid(Path("/a.toml"), [problem, problem])).splitlines()[0] == "2 problems in /a.toml"

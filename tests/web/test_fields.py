"""Settings as fields: what stands in them comes back, what is typed is understood."""

from dataclasses import replace
from typing import Any

import pytest

from holdfast.core.config.settable import of_camera, settable
from holdfast.core.errors import BadInput
from holdfast.library.settings import SettingNow
from holdfast.web.fields import UNTOUCHED, field, read, written


def setting(key: str, value: Any = None, below: Any = None, fixed: str = "") -> SettingNow:
    """Return a setting as the library lists it."""
    return SettingNow(about=settable()[key], value=value, origin="default", below=below, saved=False, fixed=fixed)


@pytest.mark.parametrize(
    ("key", "value", "text", "typed", "meant"),
    [
        ("site.name", "Pier", "Pier", " Mole ", "Mole"),
        ("defaults.segment_s", 600, "600", "300", "300"),
        ("defaults.stall_s", 5.0, "5", "7.5", "7.5"),
        ("defaults.queue", "16MiB", "16MiB", "1 MB", "1 MB"),
        ("defaults.enabled", True, "yes", "no", False),
        ("defaults.sub", None, "", "yes", True),
        ("log.level", "info", "info", "debug", "debug"),
        ("web.hosts", ["a.example", "b.example"], "a.example, b.example", "c.example,", ["c.example"]),
        (
            "defaults.capture.windows", [{"days": ["sat"], "start": "08:00", "end": "09:00"}], "sat 08:00-09:00",
            "10:00-11:00", [{"start": "10:00", "end": "11:00"}],
        ),
    ],
)  # fmt: skip
def test_a_value_is_written_and_read(key: str, value: Any, text: str, typed: str, meant: Any) -> None:
    """A field shows a value as people type it; left alone it changes nothing, typed into it means the value."""
    now = setting(key, value, value)
    assert field(now, "x").text == text
    assert read(now, {key: text}) is UNTOUCHED
    assert read(now, {}) is UNTOUCHED
    assert read(now, {key: typed}) == meant
    assert read(setting(key, value, value, fixed="the environment decides it"), {key: typed}) is UNTOUCHED


def test_an_emptied_field_sets_back() -> None:
    """Nothing in a field means what the file says; only a text that the file gives can be made empty."""
    assert read(setting("defaults.segment_s", 300, 600), {"defaults.segment_s": " "}) is None
    assert read(setting("site.name", "Mole", ""), {"site.name": ""}) is None
    assert read(setting("site.name", "Mole", "Pier"), {"site.name": ""}) == ""
    assert read(setting("web.hosts", ["a"], ["b"]), {"web.hosts": ""}) == []


def test_a_secret_is_never_in_its_field() -> None:
    """An empty field leaves a password as it is; blanks around one belong to it."""
    now = setting("defaults.password", "****", "")
    assert field(now, "Password").text == field(now, "Password", "tide").text == ""
    assert read(now, {"defaults.password": ""}) is UNTOUCHED
    assert read(now, {"defaults.password": " tide "}) == " tide "


def test_hours_that_make_no_sense_are_refused_in_their_field() -> None:
    """What was typed stays there, with what is wrong about it and how it is written."""
    now = setting("defaults.capture.windows", [], [])
    with pytest.raises(BadInput) as refused:
        read(now, {"defaults.capture.windows": "whenever"})
    made = field(now, "Hours", "whenever", refused.value)
    assert (made.text, made.wrong) == ("whenever", "'whenever' is no time to record at")
    assert "mon-fri" in made.hint


def test_choices_offer_to_leave_it_open() -> None:
    """A setting that nobody need say has an empty choice first."""
    assert field(setting("defaults.capture.mode"), "When").options[0] == ("", "by itself")
    override = SettingNow(about=of_camera()["capture.override"], value="", origin="", below="run", saved=True)
    assert field(override, "For now").options[0] == ("", "as scheduled")
    assert field(override, "For now").text == ""
    assert read(replace(override, value="run"), {"capture.override": ""}) == ""
    assert field(setting("log.level", "info"), "Level").options[0] == ("debug", "debug")
    assert written(settable()["defaults.cpu"], None) == ""

from typing import Any

import pytest

from holdfast.cli.camera_values import credentials, password_of, read_pairs
from holdfast.core.errors import UsageError


@pytest.mark.parametrize(
    ("pair", "wanted"),
    [
        ("name=2", {"name": "2"}),
        ("name=a=b", {"name": "a=b"}),
        ("segment_s=300", {"segment_s": 300}),
        ("stall_s=2.5", {"stall_s": 2.5}),
        ("queue=16MiB", {"queue": "16MiB"}),
        ("enabled=off", {"enabled": False}),
        ("sub=yes", {"sub": True}),
        ("capture.mode=window", {"capture": {"mode": "window"}}),
        ("capture.windows=sat 08:00-9:00", {"capture": {"windows": [
            {"start": "08:00", "end": "09:00", "days": ["sat"]}]}}),
        ('capture.windows=[{start="08:00",end="09:00"}]', {"capture": {"windows": [
            {"start": "08:00", "end": "09:00"}]}}),
        ("expected.video.width=1920", {"expected": {"video": {"width": 1920}}}),
        ("options.tls_verify=1", {"options": {"tls_verify": "1"}}),
        ("segment_s=soon", {"segment_s": "soon"}),
        ("colour=red", {"colour": "red"}),
    ],
)  # fmt: skip
def test_values_are_read_by_their_kind(pair: str, wanted: dict[str, Any]) -> None:
    """Text stays text, numbers, switches and hours become what the file would have, dots lead into tables."""
    assert read_pairs([pair]) == wanted


def test_several_pairs_and_what_is_taken_back() -> None:
    """Pairs of one table come together, and a key to take back is None."""
    assert read_pairs(["capture.mode=burst", "capture.burst_s=5"], ["name", "capture.windows"]) == {
        "capture": {"mode": "burst", "burst_s": 5, "windows": None}, "name": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "pair", ["segment_s", "=5", "password=x", "url=rtsp://a:b@h/x", "capture.windows=whenever", "name.x=1"]
)
def test_what_is_no_pair_is_refused(pair: str) -> None:
    """What is no pair, no hours or a password that everybody could read is refused before anything is done."""
    with pytest.raises(UsageError):
        read_pairs(["name=Gate", pair])


def test_passwords_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password is named by its variable; one in the address is refused, and not repeated (C131)."""
    monkeypatch.setenv("CAMERA_PASSWORD", "hunter2")
    assert credentials("rtsp://ann@h/x", "", "CAMERA_PASSWORD") == ("rtsp://h/x", "ann", "hunter2")
    monkeypatch.delenv("CAMERA_PASSWORD")
    with pytest.raises(UsageError, match="CAMERA_PASSWORD is not set"):
        password_of("CAMERA_PASSWORD")
    with pytest.raises(UsageError) as caught:
        credentials("rtsp://ann:hunter2@h/x", "", "")
    assert "hunter2" not in str(caught.value)

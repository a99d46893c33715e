from pathlib import Path

import pytest

from holdfast.core.errors import DiskError
from holdfast.library.doctor import examine as module
from holdfast.library.doctor.examine import CHECKS, examine, exit_code, worst_first
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from support.clock import PushedClock
from support.patients import healthy, off, ordinary_user, plan_for


def _finding(code: str, subject: str = "x") -> Finding:
    return FAULTS[code].found(subject, "seen", path="p", hint="h", host="h", camera="c")


def test_sound_installation_is_well(tmp_path: Path) -> None:
    """An installation without a fault gives exit code 0 under every check."""
    names: list[str] = []
    with ordinary_user(tmp_path):
        patient = healthy(tmp_path, off(plan_for(tmp_path)))
        findings = examine(patient, names.append)
    assert exit_code(findings) == 0, findings
    assert names == list(CHECKS)


def test_worst_comes_first() -> None:
    """Errors come before warnings before notes; what was found first stays first among equals."""
    codes = ["runtime-dir-on-disk", "few-descriptors", "clock-unsynchronised", "port-closed"]
    ordered = worst_first([_finding(code) if code != "few-descriptors" else _wanted() for code in codes])
    assert [f.fault for f in ordered] == [
        "few-descriptors",
        "port-closed",
        "clock-unsynchronised",
        "runtime-dir-on-disk",
    ]


def _wanted() -> Finding:
    return FAULTS["few-descriptors"].found("host", "seen", wanted=1024)


@pytest.mark.parametrize(
    ("codes", "code"),
    [((), 0), (("runtime-dir-on-disk",), 0), (("clock-unsynchronised",), 1), (("clock-unsynchronised", "no-media"), 2)],
)
def test_exit_code_is_the_worst(codes: tuple[str, ...], code: int) -> None:
    """Notes count nothing, warnings give 1, errors 2."""
    assert exit_code([_finding(name) for name in codes]) == code


def test_failing_check_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that cannot be carried out says so and does not keep the others from being carried out."""

    def fails(_: object) -> list[Finding]:
        raise DiskError("the disk was pulled out")

    monkeypatch.setattr(module, "CHECKS", {"first": fails, "clock": CHECKS["clock"]})
    found = examine(healthy(tmp_path, clock=PushedClock(sync=False)))
    assert [(f.fault, f.subject) for f in found] == [("check-failed", "first"), ("clock-unsynchronised", "host")]
    assert found[0].evidence == "the disk was pulled out"


def test_camera_explains_its_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is down is not mentioned twice where its camera was asked why."""
    both = [
        _finding("stream-down", "gate/main"),
        _finding("port-closed", "gate/main"),
        _finding("stream-down", "yard/main"),
    ]
    monkeypatch.setattr(module, "CHECKS", {"all": lambda _: both})
    found = examine(healthy(tmp_path))
    assert [(f.fault, f.subject) for f in found] == [("port-closed", "gate/main"), ("stream-down", "yard/main")]

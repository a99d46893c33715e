import pytest

from holdfast.library.doctor.finding import Fault, Severity

_FAULT = Fault("some-fault", Severity.WARNING, "something is wrong", "somebody", "mend {path}")


def test_finding_fills_in_the_fix() -> None:
    """A finding carries the fault's words, its own evidence, and a fix that can be pasted."""
    found = _FAULT.found("host", "seen", path="/x")
    assert (found.fault, found.what, found.evidence, found.fix) == (
        "some-fault",
        "something is wrong",
        "seen",
        "mend /x",
    )


def test_fix_without_its_value_is_refused() -> None:
    """A fix never goes out with a hole in it."""
    with pytest.raises(KeyError):
        _FAULT.found("host", "seen")


def test_severities_are_exit_codes() -> None:
    """The severity is the exit code, so that they cannot drift apart."""
    assert [int(severity) for severity in Severity] == [0, 1, 2]

import re
from pathlib import Path
from string import Formatter

import pytest

from holdfast.library import doctor
from holdfast.library.doctor.faults import FAULTS, PARTS

_SOURCES = [p.read_text(encoding="utf-8") for p in Path(doctor.__file__).parent.glob("*.py") if p.name != "faults.py"]
_TESTS = [
    p.read_text(encoding="utf-8") for p in Path(__file__).parent.glob("test_*.py") if p.name != Path(__file__).name
]


def test_there_are_enough() -> None:
    """The doctor explains at least 40 faults (I6)."""
    assert len(FAULTS) >= 40


@pytest.mark.parametrize("code", FAULTS)
def test_every_fault_is_found_and_injected(code: str) -> None:
    """A fault that no check finds, or that no test injects, is a promise and not a fact (I6)."""
    assert any(f'"{code}"' in text for text in _SOURCES), "no check finds it"
    assert any(f'"{code}"' in text for text in _TESTS), "no test injects it"


@pytest.mark.parametrize("code", FAULTS)
def test_every_fault_reads_well(code: str) -> None:
    """Codes are short words; what, cause and fix are there, begin small and end without a stop."""
    fault = FAULTS[code]
    assert re.fullmatch(r"[a-z]+(-[a-z]+){1,3}", code)
    for text in (fault.what, fault.cause, fault.fix):
        assert text
        assert not text.endswith(".")
    names = {name for _, name, _, _ in Formatter().parse(fault.fix) if name is not None}
    assert names <= {
        "path",
        "owner",
        "user",
        "group",
        "mount",
        "missing",
        "host",
        "camera",
        "hint",
        "pid",
        "wanted",
        "name",
    }


def test_parts_hold_every_fault_once() -> None:
    """The parts of the troubleshooting page hold every fault exactly once."""
    listed = [fault.code for part in PARTS.values() for fault in part]
    assert sorted(listed) == sorted(FAULTS)

import os
import resource
from pathlib import Path

import pytest

from holdfast.library.doctor.host import check_clock, check_descriptors, check_user
from support.clock import PushedClock
from support.patients import healthy, ordinary_user, plan_for


def test_unsynchronised_clock_is_explained(tmp_path: Path) -> None:
    """A clock that the kernel does not believe in is a warning with the command that switches NTP on."""
    clock = PushedClock(sync=False)
    (found,) = check_clock(healthy(tmp_path, clock=clock))
    assert found.fault == "clock-unsynchronised"
    assert "timedatectl set-ntp true" in found.fix
    clock.sync = True
    assert not list(check_clock(healthy(tmp_path, clock=clock)))


def test_low_descriptor_limit_is_explained(tmp_path: Path) -> None:
    """A limit of open files below what sixteen streams need is named with both numbers."""
    plans = [plan_for(tmp_path, f"cam{n}") for n in range(16)]
    patient = healthy(tmp_path, *plans)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (150, before[1]))
    try:
        (found,) = check_descriptors(patient)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert found.fault == "few-descriptors"
    assert "at most 150 open files" in found.evidence
    assert found.fix.startswith("ulimit -n 1024")


@pytest.mark.needs("root")
def test_root_is_warned(tmp_path: Path) -> None:
    """Running as root is a warning; as an ordinary user it is none."""
    patient = healthy(tmp_path)
    assert os.geteuid() == 0
    assert [found.fault for found in check_user(patient)] == ["running-as-root"]
    with ordinary_user(tmp_path):
        assert not list(check_user(patient))

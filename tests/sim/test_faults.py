from collections import Counter
from pathlib import Path

import pytest

from holdfast.core.errors import BadInput, UsageError
from holdfast.sim.faults import FAULTS, Fault, combinations, make_script, read_script, write_script

CAMERAS = [f"cam{number}" for number in range(1, 9)]


def test_script_holds_every_fault_often_enough() -> None:
    """Ten minutes of eight cameras hold every fault three times, inside the time, one at a time a camera."""
    script = make_script(CAMERAS, seconds=600, each=3, seed=1)
    assert Counter(fault.fault for fault in script) == dict.fromkeys(FAULTS, 3)
    for camera in CAMERAS:
        mine = [fault for fault in script if fault.camera == camera]
        assert mine
        free_s = 0.0
        for fault in mine:
            assert fault.at_s >= free_s + 14.9
            free_s = fault.at_s + fault.length_s
        assert free_s <= 600 - 14.9


def test_same_seed_same_script() -> None:
    """A script can be made again from its seed; another seed gives another."""
    assert make_script(CAMERAS, seconds=600, seed=5) == make_script(CAMERAS, seconds=600, seed=5)
    assert make_script(CAMERAS, seconds=600, seed=5) != make_script(CAMERAS, seconds=600, seed=6)


def test_script_that_does_not_fit_says_what_would() -> None:
    """Too many faults for the time are refused with the time that they need."""
    with pytest.raises(UsageError, match=r"need \d+ s, not 60"):
        make_script(["cam1"], seconds=60)


def test_more_cameras_than_faults() -> None:
    """Cameras for which no fault is left simply have none."""
    script = make_script(CAMERAS, seconds=60, only=["reset"], each=2)
    assert len({fault.camera for fault in script}) == 2
    assert make_script(CAMERAS, seconds=1, only=["reset"], settle_s=0.1)


def test_script_reads_back(tmp_path: Path) -> None:
    """A written script reads back as it was."""
    script = make_script(CAMERAS, seconds=600)
    path = tmp_path / "faults.json"
    path.write_text(write_script(script))
    assert read_script(path) == script


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no JSON"),
        ("{}", "no list"),
        ("[1]", "entry 1 is no object"),
        ('[{"camera": "a"}]', "entry 1: fault is missing"),
        ('[{"camera": "a", "fault": "fire"}]', "entry 1: 'fire' is no fault"),
        ('[{"camera": "a", "fault": "silent", "at": 3}]', "unknown key 'at'"),
        ('[{"camera": "a", "fault": "silent", "at_s": "3"}]', "numbers"),
        ('[{"camera": "a", "fault": "silent", "for_s": -1}]', "negative"),
        ('[{"camera": "a", "fault": "silent", "params": {"stream": "x"}}]', "'x' is no stream"),
    ],
)
def test_wrong_scripts_name_the_place(tmp_path: Path, text: str, says: str) -> None:
    """A script with a mistake is refused, naming file, entry and key."""
    path = tmp_path / "faults.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=says) as caught:
        read_script(path)
    assert "faults.json" in str(caught.value)


def test_missing_script_is_named(tmp_path: Path) -> None:
    """A script that is not there is named, with the reason."""
    with pytest.raises(UsageError, match=r"nothing.json cannot be read: No such file"):
        read_script(tmp_path / "nothing.json")


def test_combinations_are_those_that_happen() -> None:
    """Only faults that overlap are named together, so that only those clips are encoded that will be seen."""
    one = Fault(camera="a", fault="black", at_s=0, for_s=10)
    two = Fault(camera="a", fault="size_change", at_s=5, for_s=10)
    three = Fault(camera="a", fault="motion", at_us=50_000_000, for_s=1)
    assert combinations([one, two, three], 0) == [[one], [one, two], [two], [], [three], []]


def test_faults_concern_the_streams_they_mean() -> None:
    """Changes of codec and size concern the main stream unless said otherwise, everything else both."""
    assert Fault(camera="a", fault="silent").concerns("sub")
    assert not Fault(camera="a", fault="codec_change").concerns("sub")
    assert Fault(camera="a", fault="codec_change", params={"stream": "sub"}).concerns("sub")
    assert not Fault(camera="a", fault="silent", params={"stream": "sub"}).concerns("main")

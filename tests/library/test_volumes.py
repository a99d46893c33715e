import stat
from pathlib import Path

import pytest

from holdfast.core.config import Config, load
from holdfast.core.errors import BadInput, DiskError, NotFound, StorageError, VolumeMissing
from holdfast.library import volumes
from holdfast.storage.volume import MARKER, Volume, read_marker
from support.clock import PushedClock
from support.patients import ordinary_user

CLOCK = PushedClock()


def _config(tmp_path: Path, root: str = "disk", more: str = "") -> Config:
    text = f'state_dir = "state"\n[volumes.main]\npath = "{root}"\n{more}'
    return load(tmp_path / "holdfast.toml", {}, text=text).config


def test_a_new_volume_gets_its_marker_by_itself(tmp_path: Path) -> None:
    """A volume that was never seen is made, marked and remembered."""
    config = _config(tmp_path)
    ids, problems = volumes.prepare(config, CLOCK)
    marker = read_marker(tmp_path / "disk")
    assert marker is not None
    assert (ids, problems) == ({"main": marker.volume_id}, {})
    assert volumes.prepare(config, CLOCK) == (ids, {})


def test_a_disk_that_carries_a_marker_keeps_it(tmp_path: Path) -> None:
    """A disk from another node, or after the state was lost, keeps its id."""
    config = _config(tmp_path)
    ids, _ = volumes.prepare(config, CLOCK)
    (config.state_dir / volumes.MEMORY).unlink()
    assert volumes.prepare(config, CLOCK)[0] == ids


def test_an_unmounted_disk_is_not_filled(tmp_path: Path) -> None:
    """A volume that was seen before and has no marker now stays empty, and recorders refuse it, until it is back."""
    config = _config(tmp_path)
    ids, _ = volumes.prepare(config, CLOCK)
    (tmp_path / "disk").rename(tmp_path / "elsewhere")
    (tmp_path / "disk").mkdir()
    missing_ids, problems = volumes.prepare(config, CLOCK)
    assert isinstance(problems["main"], VolumeMissing)
    assert "adopt main" in problems["main"].hint
    assert missing_ids == ids
    assert not list((tmp_path / "disk").iterdir())
    with pytest.raises(VolumeMissing):
        Volume(tmp_path / "disk", missing_ids["main"]).check()
    (tmp_path / "disk").rmdir()
    (tmp_path / "elsewhere").rename(tmp_path / "disk")
    assert volumes.prepare(config, CLOCK) == (ids, {})


def test_adopting_a_replaced_disk(tmp_path: Path) -> None:
    """A person can say that the empty disk is the new one; from then on it is recorded to."""
    config = _config(tmp_path)
    before, _ = volumes.prepare(config, CLOCK)
    (tmp_path / "disk" / MARKER).unlink()
    adopted = volumes.adopt(config, "main", CLOCK)
    assert adopted != before["main"]
    assert volumes.prepare(config, CLOCK) == ({"main": adopted}, {})


def test_adopting_another_nodes_disk_keeps_its_id(tmp_path: Path) -> None:
    """A disk with a marker of its own is taken as it is, so that its footage stays findable."""
    config, other = _config(tmp_path), _config(tmp_path, "other")
    volumes.prepare(config, CLOCK)
    foreign = volumes.prepare(other, CLOCK)[0]["main"]
    (tmp_path / "disk" / MARKER).write_bytes((tmp_path / "other" / MARKER).read_bytes())
    assert isinstance(volumes.prepare(config, CLOCK)[1]["main"], VolumeMissing)
    assert volumes.adopt(config, "main", CLOCK) == foreign


def test_a_damaged_marker_is_set_aside_by_adopting(tmp_path: Path) -> None:
    """A marker of garbage is a problem of its own; adopting keeps it beside a fresh one."""
    config = _config(tmp_path)
    volumes.prepare(config, CLOCK)
    (tmp_path / "disk" / MARKER).write_bytes(b"\0\0\0")
    assert isinstance(volumes.prepare(config, CLOCK)[1]["main"], BadInput)
    adopted = volumes.adopt(config, "main", CLOCK)
    assert volumes.prepare(config, CLOCK) == ({"main": adopted}, {})
    assert [p.read_bytes() for p in (tmp_path / "disk").glob(f"{MARKER}.damaged-*")] == [b"\0\0\0"]


def test_another_path_under_the_same_name_is_a_new_volume(tmp_path: Path) -> None:
    """Pointing a name at another folder is a decision, not a missing disk."""
    volumes.prepare(_config(tmp_path), CLOCK)
    ids, problems = volumes.prepare(_config(tmp_path, "second"), CLOCK)
    assert not problems
    assert (tmp_path / "second" / MARKER).exists()
    assert ids["main"]


def test_a_volume_that_cannot_be_made_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    """A file in the place of one volume does not keep the other from being ready, and is never taken for any folder."""
    (tmp_path / "disk").write_text("in the way")
    config = _config(tmp_path, more='[volumes.good]\npath = "good"\n')
    ids, problems = volumes.prepare(config, CLOCK)
    assert isinstance(problems["main"], StorageError)
    assert ids["main"]
    assert volumes.prepare(config, CLOCK)[0] == ids
    assert set(problems) == {"main"}
    assert (tmp_path / "good" / MARKER).exists()


def test_a_folder_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    """A new volume in a folder of somebody else is not called unmounted, and the list does not call it ready."""
    config = _config(tmp_path)
    (tmp_path / "disk").mkdir()
    with ordinary_user(tmp_path):
        (tmp_path / "disk").chmod(0o555)
        ids, problems = volumes.prepare(config, CLOCK)
        (state,) = volumes.survey(config)
    assert "Permission denied" in str(problems["main"])
    assert "may not be written" in str(state.problem)
    with pytest.raises(DiskError, match="could not be made a volume"):
        Volume(tmp_path / "disk", ids["main"]).check()


def test_adopting_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(NotFound) as caught:
        volumes.adopt(_config(tmp_path), "mian", CLOCK)
    assert "main" in caught.value.hint


def test_damaged_memory_is_reported_with_its_cure(tmp_path: Path) -> None:
    """Garbage where the ids are remembered never leads to an unmounted disk being filled."""
    config = _config(tmp_path)
    config.state_dir.mkdir()
    (config.state_dir / volumes.MEMORY).write_bytes(b'{"volumes": 7}')
    with pytest.raises(BadInput) as caught:
        volumes.prepare(config, CLOCK)
    assert volumes.MEMORY in caught.value.hint
    assert not (tmp_path / "disk").exists()


def test_survey_looks_without_touching(tmp_path: Path) -> None:
    """Looking at volumes makes nothing; afterwards it shows room and what is missing."""
    config = _config(tmp_path)
    [before] = volumes.survey(config)
    assert isinstance(before.problem, VolumeMissing)
    assert not (tmp_path / "disk").exists()
    volumes.prepare(config, CLOCK)
    [ready] = volumes.survey(config)
    assert ready.problem is None
    assert ready.free_bytes is not None
    assert ready.total_bytes is not None
    assert 0 < ready.free_bytes <= ready.total_bytes
    (tmp_path / "disk" / MARKER).unlink()
    [gone] = volumes.survey(config)
    assert isinstance(gone.problem, VolumeMissing)


def test_memory_holds_no_secret_and_is_not_for_everybody(tmp_path: Path) -> None:
    """What is remembered may be read by the group, by nobody else."""
    config = _config(tmp_path)
    volumes.prepare(config, CLOCK)
    mode = stat.S_IMODE((config.state_dir / volumes.MEMORY).stat().st_mode)
    assert mode & 0o007 == 0

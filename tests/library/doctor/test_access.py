import errno
from pathlib import Path

from holdfast.library.doctor import access
from support.patients import ordinary_user


def test_writing_leaves_nothing(tmp_path: Path) -> None:
    """A trial that goes well has no error and leaves no file."""
    assert access.try_writing(tmp_path).error == 0
    assert not list(tmp_path.iterdir())


def test_missing_rights_are_described(tmp_path: Path) -> None:
    """A trial that fails says as whom, why, and how the folder looks."""
    with ordinary_user(tmp_path):
        tmp_path.chmod(0o500)
        trial = access.try_writing(tmp_path)
        tmp_path.chmod(0o700)
        assert trial.error == errno.EACCES
        assert f"writing as {access.user_name()}: Permission denied" in trial.evidence
        assert "is dr-x------" in trial.evidence


def test_nearest_is_what_exists(tmp_path: Path) -> None:
    """For a folder that is not there yet, its nearest parent is asked."""
    assert access.nearest(tmp_path / "a" / "b") == tmp_path
    assert access.nearest(tmp_path) == tmp_path


def test_absent_path_is_not_open(tmp_path: Path) -> None:
    """What is not there is open to nobody, and its description says that it is not there."""
    assert access.open_to_others(tmp_path / "none") == ""
    assert "No such file" in access.described(tmp_path / "none")

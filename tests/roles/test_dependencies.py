from importlib import metadata
from pathlib import Path

import pytest

from holdfast.core.errors import MissingDependency
from holdfast.roles import dependencies
from holdfast.roles.dependencies import degraded, versions


def test_versions_name_everything() -> None:
    """Every library that is needed is there with its version (C136)."""
    found = versions()
    assert found["av"] == metadata.version("av")
    assert all(found[name] for name in ("python", "kernel", "sqlite", *dependencies.REQUIRED))


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is not installed is an error that says how to get it, with its own exit code."""
    monkeypatch.setattr(dependencies, "REQUIRED", ("holdfast-no-such-thing",))
    with pytest.raises(MissingDependency, match="holdfast-no-such-thing is not installed") as caught:
        versions()
    assert caught.value.exit_code == 72
    assert "pip install" in caught.value.hint


def test_status_files_on_a_disk_are_pointed_out() -> None:
    """A runtime folder that is not in memory is said; one that is not there yet is judged by its parent."""
    on_disk = Path(dependencies.__file__).parent / "not-there-yet"
    assert any("use a tmpfs" in sentence for sentence in degraded(on_disk))
    if Path("/dev/shm").is_dir():  # noqa: S108 - only asked about
        assert not any("use a tmpfs" in sentence for sentence in degraded(Path("/dev/shm/x/y")))  # noqa: S108 - as above

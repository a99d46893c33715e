"""Films that are being made: one at a time, ended with the server, the oldest forgotten."""

import asyncio
from pathlib import Path

import pytest

from holdfast.core.errors import Conflict, NotFound, TooMany
from holdfast.library import timelapse_jobs
from holdfast.library.timelapse_jobs import MOST, Asked, JobNow, TimelapseJobs

ASKED = Asked(camera="gate", from_us=1, to_us=2)


async def over(jobs: TimelapseJobs, number: str) -> JobNow:
    """Wait for the end of a child."""
    await asyncio.to_thread(jobs._jobs[number].process.wait, 60)
    return jobs.get(number)


def run_as(monkeypatch: pytest.MonkeyPatch, *argv: str) -> None:
    """Let children be another program: what is looked at is how they are kept, not what they do."""
    monkeypatch.setattr(timelapse_jobs, "child_of_low_priority", lambda _module, _order: list(argv))


def test_one_at_a_time_and_none_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one is made another is refused; the end of the server ends it, and leaves no folder."""
    run_as(monkeypatch, "sleep", "600")

    async def scene() -> None:
        (tmp_path / "films").mkdir()
        (tmp_path / "films" / "old.mp4").write_bytes(b"of a server before")
        jobs = TimelapseJobs(tmp_path / "films", tmp_path / "holdfast.toml")
        jobs.open()
        assert list((tmp_path / "films").iterdir()) == []
        first = jobs.start(ASKED)
        assert (first.state, first.asked) == ("working", ASKED)
        with pytest.raises(TooMany):
            jobs.start(ASKED)
        with pytest.raises(Conflict):
            jobs.path_of(first.id)
        jobs.remove(first.id)
        with pytest.raises(NotFound):
            jobs.get(first.id)
        process = jobs._jobs[jobs.start(ASKED).id].process
        await jobs.close()
        assert process.poll() is not None
        assert not (tmp_path / "films").exists()

    asyncio.run(scene())


def test_a_child_that_dies_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that ends without a word has failed, and says at least that."""
    run_as(monkeypatch, "false")

    async def scene() -> None:
        jobs = TimelapseJobs(tmp_path / "films", tmp_path / "holdfast.toml")
        jobs.open()
        now = await over(jobs, jobs.start(ASKED).id)
        assert (now.state, now.problem) == ("failed", "its process ended")
        await jobs.close()

    asyncio.run(scene())


def test_the_oldest_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many films are kept and no more; their files go with them."""
    run_as(monkeypatch, "true")

    async def scene() -> None:
        jobs = TimelapseJobs(tmp_path / "films", tmp_path / "holdfast.toml")
        jobs.open()
        names = []
        for _ in range(MOST + 1):
            names.append(jobs.start(ASKED).id)
            (tmp_path / "films" / f"{names[-1]}.mp4").write_bytes(b"film")
            await over(jobs, names[-1])
        with pytest.raises(NotFound):
            jobs.get(names[0])
        assert sorted(path.stem for path in (tmp_path / "films").iterdir()) == sorted(names[1:])
        assert jobs.path_of(names[1]).read_bytes() == b"film"
        await jobs.close()

    asyncio.run(scene())

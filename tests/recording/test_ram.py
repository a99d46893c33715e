"""Whether the next file goes to memory, and how that is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from holdfast.recording.ram import FIRST_BYTES, Ram
from holdfast.storage import memory
from support.ram import shm
from support.recording import stream_plan

FILE = "footage/cam1/main/2026-05-01/cam1_20260501T180000Z.mp4"
MIB = 1 << 20


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with shm() as folder:
        yield folder


def test_a_stream_without_memory_never_asks(tmp_path: Path) -> None:
    """Where none is planned files go to the volume, and nothing is said of it."""
    ram = Ram(stream_plan(tmp_path, "rtsp://127.0.0.1/x"))
    assert (ram.place(), ram.over(), ram.why, ram.spilled) == (None, "", "", 0)


def test_full_memory_is_said_once_and_once_more_when_it_is_over(tmp_path: Path, folder: Path) -> None:
    """Each file that goes to the volume counts; one line says why when it begins, one that it is over (C081)."""
    ram = Ram(stream_plan(tmp_path, "rtsp://127.0.0.1/x", memory=str(folder / "home"), memory_bytes=2 * FIRST_BYTES))
    (tmp_path / FILE).parent.mkdir(parents=True)
    with structlog.testing.capture_logs() as lines:
        place = ram.place()
        assert place is not None
        with memory.create(tmp_path, FILE, place) as made:
            made.append([bytes(5 * MIB)])
        assert ram.place() is None
        assert ram.place() is None
        assert (ram.spilled, ram.over()) == (2, "")
        ram.wrote(MIB)  # small files have a place where large ones have none
        assert ram.place() == place
        assert (ram.spilled, ram.why) == (2, "")
    # A recorder that other tests of this worker share may say something meanwhile.
    lines = [line for line in lines if line["event"].startswith("memory.")]
    assert [line["event"] for line in lines] == ["memory.full", "memory.back"]
    assert lines[0]["reason"] == "5 of the 8 MiB in memory are used"

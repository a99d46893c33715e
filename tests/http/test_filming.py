"""What somebody asks of a film."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.core.errors import NotFound, UsageError
from holdfast.http.context import Context
from holdfast.http.filming import asked_for
from support.clock import PushedClock
from support.web import context_for


@pytest.fixture(name="context")
def _context(tmp_path: Path, clock: PushedClock) -> Iterator[Context]:
    path = tmp_path / "holdfast.toml"
    path.write_text(
        'state_dir = "state"\n[site]\ntime_zone = "Europe/Berlin"\n[volumes.main]\npath = "vol"\n'
        '[cameras.Gate]\nurl = "rtsp://192.0.2.1/"\n'
    )
    context = context_for(path, clock)
    yield context
    context.close()


def test_times_are_the_sites(context: Context) -> None:
    """A camera is known whatever its case, times are the site's, and the file is named for them."""
    asked = asked_for(context, "gate", ("2026-05-01T08:00", "2026-05-01T09:00"), 10, None)
    assert (asked.camera, asked.to_us - asked.from_us, asked.rate) == ("Gate", 3_600_000_000, 10)
    assert asked.name == "Gate_20260501_080000_20260501_090000_timelapse.mp4"


def test_what_makes_no_sense_is_refused(context: Context) -> None:
    """A camera that there is not, and a span that ends before it begins."""
    with pytest.raises(NotFound):
        asked_for(context, "yard", ("2026-05-01T08:00", "2026-05-01T09:00"), 10, None)
    with pytest.raises(UsageError):
        asked_for(context, "gate", ("2026-05-01T09:00", "2026-05-01T08:00"), 10, None)

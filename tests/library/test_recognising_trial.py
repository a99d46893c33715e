"""Models that bring the watcher down."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from holdfast.core.errors import BadInput
from holdfast.library.recognising_trial import ENDS, REST_US, Trial
from support.clock import PushedClock


def test_a_model_that_brings_everything_down_is_left_alone(tmp_path: Path) -> None:
    """After three ends while it looked it is not tried again before an hour is over; another model is (F38)."""
    clock = PushedClock()
    folder = tmp_path / "run"
    with ExitStack() as dead:  # what happens to them after the end of the test is nobody's
        for _ in range(ENDS):
            dead.enter_context(Trial(folder, clock).of("bad"))
            clock.advance(5)
            with Trial(folder, clock).of("good"):
                pass
        last = Trial(folder, clock)
        for _ in range(2):
            with pytest.raises(BadInput, match="came to its end 3 times"), last.of("bad"):
                pytest.fail("it was tried")
        with last.of("good"):
            pass
        clock.advance(REST_US / 1e6)
        with last.of("bad"):
            assert len(list(folder.iterdir())) == 1
    assert list(folder.iterdir()) == []


def test_errors_are_no_ends(tmp_path: Path) -> None:
    """A model that fails, and a process that lives, count nothing; nor does a mark that is none of ours."""
    trial = Trial(tmp_path, PushedClock())
    for _ in range(ENDS + 2):
        with pytest.raises(BadInput, match="failed"), trial.of("bad"):
            raise BadInput("failed")
    with trial.of("bad"):
        (path,) = tmp_path.iterdir()
        path.write_text("[]")
        with Trial(tmp_path, PushedClock()).of("bad"):
            pass
    assert list(tmp_path.iterdir()) == []

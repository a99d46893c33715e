import threading
from collections.abc import Sequence

import pytest

from holdfast.core.camera import Kind, Track
from holdfast.core.clock import Clock, SystemClock
from holdfast.core.errors import AuthFailed, Unreachable
from holdfast.core.plan import StreamPlan
from holdfast.library.camera_check import Outcome, Verdict, check_streams, exit_code
from support.clock import PushedClock

TRACK = Track(kind=Kind.VIDEO, codec="h264", sent_codec="h264", timescale=90_000, config=b"", width=1280, height=720)


def plan(camera: str) -> StreamPlan:
    """Plan a stream that is answered within no time."""
    return StreamPlan(camera=camera, stream="main", url="rtsp://192.0.2.1/x", volume="", open_timeout_s=0.1)


def no_difference(expected: object, tracks: Sequence[Track], audio: str) -> list[str]:
    """Find everything as it should be."""
    return []


@pytest.mark.best_of_three
def test_one_hang_delays_nobody() -> None:
    """A camera that never answers costs its own deadline; all others have their verdict (C009)."""
    release = threading.Event()

    def probe(stream: StreamPlan, clock: Clock) -> Sequence[Track]:
        if stream.camera == "stuck":
            release.wait(60)
        return (TRACK,)

    told: list[str] = []
    verdicts = check_streams(
        [plan("stuck"), plan("a"), plan("b")], probe=probe, compare=no_difference, clock=SystemClock(),
        done=lambda verdict: told.append(verdict.camera), grace_s=0.3,
    )  # fmt: skip
    release.set()
    assert [v.outcome for v in verdicts] == [Outcome.ERROR, Outcome.OK, Outcome.OK]
    assert verdicts[0].cause == "no answer within 0 s"
    assert sorted(told)[:2] == ["a", "b"]


def test_errors_and_differences_become_verdicts() -> None:
    """An error gives cause and fix, a difference its fields; the camera's name is not said twice."""

    def probe(stream: StreamPlan, clock: Clock) -> Sequence[Track]:
        if stream.camera == "locked":
            raise AuthFailed("locked/main: 401", hint="mend it")
        return (TRACK,)

    def difference(expected: object, tracks: Sequence[Track], audio: str) -> list[str]:
        return ["video.width: 1280, expected 1920"]

    locked, narrow = check_streams(
        [plan("locked"), plan("narrow")], probe=probe, compare=difference, clock=PushedClock()
    )  # fmt: skip
    assert (locked.outcome, locked.cause, locked.fix) == (Outcome.ERROR, "auth: 401", "mend it")
    assert (narrow.outcome, narrow.fields) == (Outcome.MISMATCH, ("video.width: 1280, expected 1920",))
    assert narrow.to_dict()["tracks"] == [TRACK.facts()]


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [([], 0), (["OK"], 0), (["OK", "MISMATCH"], 1), (["MISMATCH", "ERROR"], 2), (["ERROR"], 2)],
)
def test_exit_codes(outcomes: list[str], code: int) -> None:
    """0 all OK, 1 mismatch, 2 unreachable (C009)."""
    assert exit_code([Verdict(camera="c", stream="main", outcome=Outcome(word)) for word in outcomes]) == code


def test_unreachable_carries_the_default_advice() -> None:
    """An error without advice of its own gives that of its class."""

    def probe(stream: StreamPlan, clock: Clock) -> Sequence[Track]:
        raise Unreachable("no route")

    verdict = check_streams([plan("a")], probe=probe, compare=no_difference, clock=PushedClock())[0]
    assert verdict.fix == "check power, cable and address"

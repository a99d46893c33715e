"""What is wrong with a node besides its cameras."""

import pytest

from holdfast.library.troubles import notices, troubles_of

NOW = 1_790_000_000_000_000
S = 1_000_000


def worker(**work: object) -> dict[str, object]:
    """What a worker says of durable work."""
    return {"state": "running", "at_us": NOW, "work": {"problem": "", "running": [], "away": [], **work}}


def test_nothing_is_wrong() -> None:
    """Roles that say nothing, and roles that are not there, are no trouble by themselves."""
    assert troubles_of(None, None, None, None) == []
    assert troubles_of(None, worker(), None, None) == []
    assert notices(worker()) == notices(None) == []


@pytest.mark.parametrize(
    ("job", "lane", "count", "words", "look"),
    [
        ("deliver", "nas", 1, "1 file was not sent to target nas and waits", "queue list --target nas"),
        ("deliver", "nas", 7, "7 files were not sent to target nas and wait", "queue list --target nas"),
        ("handover", "hook", 2, "2 files were not handed over by rule hook and wait", "jobs show handover --lane hook"),
    ],
)
def test_what_failed_for_good_is_said(job: str, lane: str, count: int, words: str, look: str) -> None:
    """Files that nobody sends again by itself need a person, who hears of it from the node's one sentence (C070)."""
    failed = [{"job": job, "lane": lane, "count": count}]
    (said,) = troubles_of(None, worker(failed=failed), None, None)
    assert said == f"{words} for somebody; holdfast {look} --state failed"

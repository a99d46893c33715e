"""Which spans touch which."""

from holdfast.core.spans import Spans


def test_spans_that_overlap_are_one() -> None:
    """A question about overlapping spans is answered as about each of them."""
    spans = Spans([(10, 20), (15, 30), (40, 40), (50, 60)])
    assert [spans.touch(*span) for span in ((0, 10), (0, 11), (25, 26), (30, 40), (40, 41), (59, 99), (60, 61))] == [
        False, True, True, False, True, True, False,
    ]  # fmt: skip
    assert spans.touch(55, 55)
    assert not Spans([]).touch(0, 100)

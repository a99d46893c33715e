"""Parts of a picture as polygons."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.area import Polygon, format_polygons, read_polygons

_share = st.integers(0, 1000).map(lambda tenths: tenths / 1000)
_polygons = st.lists(
    st.lists(st.tuples(_share, _share), min_size=3, max_size=8).map(lambda corners: Polygon(tuple(corners))), max_size=4
).map(tuple)


def test_a_point_is_in_or_out() -> None:
    """A polygon holds what its sides enclose, and nothing in a notch (C047)."""
    (notched,) = read_polygons("0,0 100,0 100,100 50,50 0,100")
    assert notched.holds(0.5, 0.2)
    assert notched.holds(0.1, 0.5)
    assert not notched.holds(0.5, 0.8)


@given(_polygons)
def test_what_is_written_is_read(polygons: tuple[Polygon, ...]) -> None:
    """Polygons that were written are read as they were, to a tenth of a percent."""
    found = read_polygons(format_polygons(polygons))
    assert len(found) == len(polygons)
    for one, other in zip(found, polygons, strict=True):
        assert [x for corner in one.corners for x in corner] == pytest.approx(
            [x for corner in other.corners for x in corner]
        )


@pytest.mark.parametrize("text", ["1,1 2,2", "a,b 1,1 2,2", "1,1 2,2 101,3", "1 2 3", "0,0 1,1 nan,2", ";1,1"])
def test_what_is_none_is_refused(text: str) -> None:
    """What encloses nothing, lies outside or is no number is refused with what to write."""
    with pytest.raises(ValueError, match=r"corner") as caught:
        read_polygons(text)
    assert caught.value.args[1]

import numpy as np
import pytest

from holdfast.media.synthetic_place import paint_place


@pytest.mark.parametrize("size", [(64, 48), (320, 240), (1920, 1080), (720, 1280)])
def test_places_can_be_told_apart(size: tuple[int, int]) -> None:
    """Each place is a picture of its own, with light, dark and colour in it; after the last the first comes again."""
    places = [paint_place(*size, number) for number in range(5)]
    assert np.array_equal(places[0], places[4])
    for number, place in enumerate(places[:4]):
        assert place.shape == (3, size[1], size[0])
        luma, blue, red = place
        assert luma.min() >= 0
        assert luma.max() <= 255
        assert luma.max() - luma.min() > 100
        assert max(abs(blue - 128).max(), abs(red - 128).max()) > 15
        for other in places[number + 1 : 4]:
            assert abs(luma - other[0]).mean() > 15

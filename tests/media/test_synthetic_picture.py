import numpy as np
import pytest

from holdfast.core.errors import BadInput, UsageError
from holdfast.media.synthetic_picture import Content, Painter, read_counter, write_counter


@pytest.mark.parametrize("number", [0, 1, 255, 256, 12_345, 65_535])
@pytest.mark.parametrize("size", [(64, 48), (320, 240), (1920, 1080)])
def test_counter_reads_back(number: int, size: tuple[int, int]) -> None:
    """The number drawn into a picture is read out of it, whatever its size."""
    luma = np.full((size[1], size[0]), 90, np.uint8)
    write_counter(luma, number)
    assert read_counter(luma) == number


def test_counter_survives_scaling_and_colour() -> None:
    """A picture scaled to half, in colour and with noise still tells its number."""
    painted = Painter(640, 480, 25, Content.SCENE, 1).paint(777)[:480]
    small = painted.reshape(240, 2, 320, 2).mean(axis=(1, 3))
    noisy = np.clip(small + np.random.default_rng(1).normal(0, 12, small.shape), 0, 255).astype(np.uint8)
    assert read_counter(np.repeat(noisy[:, :, None], 3, axis=2)) == 777


@pytest.mark.parametrize("place", range(4))
def test_no_colour_stands_behind_the_number(place: int) -> None:
    """Whatever place is shown, the number's squares are black and white, and the rest is in colour."""
    painted = Painter(640, 480, 25, Content.SCENE, 1, place).paint(777)
    assert read_counter(painted[:480]) == 777
    blue, red = painted[480:].reshape(2, 240, 320)
    assert set(np.unique(blue[:30, :80])) == set(np.unique(red[:30, :80])) == {128}
    assert len(np.unique(blue)) > 3


@pytest.mark.parametrize("value", [0, 16, 128, 235, 255])
def test_plain_pictures_have_no_number(value: int) -> None:
    """A picture of one colour, black above all, is not mistaken for a numbered one."""
    with pytest.raises(BadInput, match="no readable number"):
        read_counter(np.full((240, 320), value, np.uint8))


def test_black_is_black_and_frozen_is_frozen() -> None:
    """Black pictures hold nothing but black; frozen ones are equal to the last pixel; scenes differ."""
    black = Painter(320, 240, 25, Content.BLACK, 1).paint(5)
    assert set(np.unique(black[:240])) == {16}
    freeze = Painter(320, 240, 25, Content.FREEZE, 1)
    assert np.array_equal(freeze.paint(3), freeze.paint(9))
    scene = Painter(320, 240, 25, Content.SCENE, 1)
    assert not np.array_equal(scene.paint(3), scene.paint(4))


def test_motion_moves_much_more_than_a_scene() -> None:
    """Between two pictures of the motion clip far more of the picture changes than in an ordinary scene."""

    def changed(content: Content) -> float:
        painter = Painter(320, 240, 25, content, 1)
        first, second = painter.paint(8)[:240].astype(int), painter.paint(13)[:240].astype(int)
        return float((abs(first - second) > 40).mean())

    assert changed(Content.MOTION) > 0.05
    assert changed(Content.SCENE) < 0.02


@pytest.mark.parametrize("size", [(321, 240), (32, 32), (640, 40)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    """Sizes that leave no room for the number, or that 4:2:0 cannot have, are refused with what would do."""
    with pytest.raises(UsageError, match="no size"):
        Painter(*size, 25, Content.SCENE, 1)

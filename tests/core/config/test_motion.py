"""What moves before a camera, as the file says it."""

import pytest
from pydantic import ValidationError

from holdfast.core.config.motion import MotionConfig


def test_motion_is_asked_for() -> None:
    """Without a word nothing becomes an event; with one, its rest is 65 s and 20 s before it belong to it (C047)."""
    motion = MotionConfig()
    assert (motion.enabled, motion.cool_down_s, motion.pre_roll_s, motion.second_s) == (False, 65, 20, 4)
    assert motion.rule().cool_down_us == 65_000_000
    assert MotionConfig(min_area=2).rule().least == 2


@pytest.mark.parametrize("masks", ["0,0 1,1", "left,top 1,1 2,2"])
def test_masks_are_polygons(masks: str) -> None:
    """What is no polygon is refused at once."""
    with pytest.raises(ValidationError, match="corner"):
        MotionConfig(masks=masks)

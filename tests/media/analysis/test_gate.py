"""Sizes of coded pictures, and what they tell."""

from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.gate import Gate

HALF_US = SECOND_US // 2


def settled(size: int, key: int, stray: int = 0) -> Gate:
    """A gate that has seen a minute of a stream at rest."""
    gate = Gate()
    for turn in range(120):
        if turn % 4 == 0:
            gate.keyframe(key)
        gate.take([size + stray * (turn % 2)] * 12, HALF_US)
    return gate


def test_what_is_as_usual_is_not_worth_it() -> None:
    """At first everything is worth it; then what is as large as always is not, and what is larger is (C047)."""
    gate = Gate()
    gate.keyframe(20_000)
    assert gate.take([300] * 12, HALF_US)
    gate = settled(300, 20_000)
    assert not gate.take([302] * 12, HALF_US)
    assert gate.take([340] * 12, HALF_US)


def test_how_far_sizes_stray_is_learned() -> None:
    """Where sizes differ at rest, a little more is as usual, and much more is not."""
    gate = settled(300, 20_000, stray=60)
    assert not gate.take([390] * 12, HALF_US)
    assert gate.take([600] * 12, HALF_US)


def test_grain_says_nothing() -> None:
    """Where pictures between keyframes are nearly as large as these, everything is decoded: noise hides what moves."""
    assert settled(9_000, 14_000).take([9_000] * 12, HALF_US)


def test_a_little_grain_says_nothing_either() -> None:
    """Where what must be added is a thirtieth of a keyframe all is decoded: who is there for a second adds less."""
    gate = settled(1_400, 6_800, stray=160)
    assert gate.strays * 4 < 0.05 * gate.key
    assert gate.take([1_480] * 12, HALF_US)


def test_it_goes_on() -> None:
    """What is written down is what goes on."""
    gate = settled(300, 20_000)
    assert Gate.from_json(gate.to_json()) == gate

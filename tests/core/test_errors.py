import inspect

from holdfast.core import errors
from holdfast.core.errors import HoldfastError, SourceError, StorageError
from holdfast.core.gap import MEANING, PLANNED, GapReason


def _tree() -> list[type[HoldfastError]]:
    return [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, HoldfastError)]


def test_the_drawn_tree_is_the_real_one() -> None:
    """Every error stands in the drawing at the top of its module."""
    for error in _tree():
        assert error.__name__ in (errors.__doc__ or "")


def test_every_error_has_its_own_code() -> None:
    """Scripts can tell errors apart by their code."""
    codes = [error.code for error in _tree()]
    assert len(codes) == len(set(codes))


def test_what_ends_recording_has_a_gap_reason() -> None:
    """Each concrete error of a source or a disk says what the gap after it will be called."""
    for error in _tree():
        if issubclass(error, SourceError | StorageError) and error is not SourceError:
            assert error.reason in GapReason
            assert error.reason is not GapReason.UNKNOWN


def test_every_reason_is_explained() -> None:
    """Each gap reason has a sentence for people, and what is planned is among them."""
    assert set(MEANING) == set(GapReason)
    assert set(GapReason) >= PLANNED


def test_a_hint_can_be_given_or_inherited() -> None:
    """An error brings its class's hint unless it has a better one."""
    assert errors.Stalled("x").hint == errors.Stalled.default_hint
    assert errors.Stalled("x", hint="y").hint == "y"

import pytest

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.errors import NoKeyframe, Stalled
from holdfast.recording.vigil import Vigil

VIDEO = Track(Kind.VIDEO, "h264", "h264", 90_000, b"")
AUDIO = Track(Kind.AUDIO, "aac", "aac", 16_000, b"")
S = 1_000_000


def _sample(track: int, at_s: float, *, key: bool = False, dts: int | None = None) -> Sample:
    return Sample(track, b"x", dts if dts is not None else round(at_s * 90_000), 0, 1, key, round(at_s * S))


def _vigil(tracks: tuple[Track, ...] = (VIDEO, AUDIO), group_us: int | None = None) -> Vigil:
    return Vigil(tracks, stall_s=5.0, keyframe_s=60.0, group_us=group_us, now_us=0)


def _flow(vigil: Vigil, until_s: int, *, video: bool = True, audio: bool = True, group_s: int = 1) -> None:
    for tenth in range(until_s * 10):
        at_s = tenth / 10
        if video:
            vigil.saw(_sample(0, at_s, key=tenth % (group_s * 10) == 0))
        if audio:
            vigil.saw(_sample(1, at_s))


def test_a_healthy_stream_is_left_alone() -> None:
    """While both tracks move, nothing is raised."""
    vigil = _vigil()
    _flow(vigil, 20)
    vigil.check(20 * S)
    assert not vigil.keyframe_overdue


@pytest.mark.parametrize("silent", [0, 1])
def test_one_silent_track_is_a_stall(silent: int) -> None:
    """Five seconds without media time on either track are a stall, though the other goes on (C006, F01, R3)."""
    vigil = _vigil()
    _flow(vigil, 10)
    for tenth in range(49):
        vigil.saw(_sample(1 - silent, 10 + tenth / 10, key=True))
        vigil.check(round((10 + tenth / 10) * S) - 100_000)
    with pytest.raises(Stalled, match=["video", "audio"][silent]):
        vigil.check(15 * S)


def test_repeated_media_time_is_a_stall() -> None:
    """A camera that sends the same timestamp again and again stands still, however many packets arrive (F01)."""
    vigil = _vigil((VIDEO,))
    vigil.saw(_sample(0, 0, key=True, dts=100))
    for second in range(1, 5):
        vigil.saw(_sample(0, second, dts=100))
    with pytest.raises(Stalled):
        vigil.check(round(5.1 * S))


def test_long_groups_are_given_three_of_them() -> None:
    """A camera with groups of 4 s may be silent for 12 s (C006)."""
    vigil = _vigil()
    _flow(vigil, 20, group_s=4)
    assert vigil.limit_us == 12 * S
    vigil.check(round(31.8 * S))
    with pytest.raises(Stalled):
        vigil.check(33 * S)


def test_sound_that_never_came_costs_no_pictures() -> None:
    """A camera that announces sound and never sends any is recorded without it (C001)."""
    vigil = _vigil()
    _flow(vigil, 60, audio=False)
    vigil.check(60 * S)
    assert vigil.group_us == S


def test_pictures_that_never_come_are_a_stall() -> None:
    """Sound alone does not keep a camera alive (C006)."""
    vigil = _vigil()
    _flow(vigil, 6, video=False)
    with pytest.raises(Stalled, match="video"):
        vigil.check(6 * S)


def test_keyframes_that_stop_coming_are_noticed() -> None:
    """When the group length is known, three of them (at least 5 s) without a keyframe end the connection (R3)."""
    vigil = _vigil()
    _flow(vigil, 10)
    for tenth in range(40):
        vigil.saw(_sample(0, 10 + tenth / 10))
        vigil.saw(_sample(1, 10 + tenth / 10))
    vigil.check(14 * S)
    vigil.saw(_sample(0, 14.3))
    with pytest.raises(NoKeyframe):
        vigil.check(round(14.3 * S))


def test_a_first_keyframe_may_take_long_but_is_missed_early() -> None:
    """A camera with rare keyframes is waited for up to a minute, and after 5 s the gap says no-keyframe (R3)."""
    vigil = _vigil((VIDEO,))
    for tenth in range(1, 600):
        vigil.saw(_sample(0, tenth / 10))
        vigil.check(tenth * S // 10)
        assert vigil.keyframe_overdue == (tenth >= 50)
    vigil.saw(_sample(0, 60.5))
    with pytest.raises(NoKeyframe):
        vigil.check(61 * S - 1)

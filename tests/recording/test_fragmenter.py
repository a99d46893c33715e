from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.camera import Kind, Sample, Track
from holdfast.recording.fragmenter import Fragment, Fragmenter

VIDEO = Track(Kind.VIDEO, "h264", "h264", 90_000, b"")
AUDIO = Track(Kind.AUDIO, "aac", "aac", 16_000, b"")


def _video(index: int, *, key: bool = False, size: int = 100) -> Sample:
    return Sample(0, bytes(size), index * 3600, index * 3600, 3600, key, index * 40_000)


def _fragments(samples: list[Sample], tracks: tuple[Track, ...] = (VIDEO, AUDIO)) -> list[Fragment]:
    fragmenter = Fragmenter(tracks)
    done = [fragment for sample in samples if (fragment := fragmenter.add(sample))]
    last = fragmenter.flush()
    return [*done, last] if last else done


def test_a_keyframe_begins_a_fragment() -> None:
    """No fragment has a keyframe in its middle, so each place to cut is the start of one."""
    fragments = _fragments([_video(i, key=i % 7 == 0) for i in range(70)])
    for fragment in fragments:
        assert [s.keyframe for s in fragment.samples[1:]] == [False] * (len(fragment.samples) - 1)
        assert fragment.keyframe == fragment.samples[0].keyframe


def test_slow_streams_are_written_twice_a_second() -> None:
    """Below 1 Mb/s a fragment is at most half a second, also inside a long group of pictures."""
    fragments = _fragments([_video(i, key=i == 0, size=1000) for i in range(100)])
    assert {len(f.samples) for f in fragments[:-1]} == {13}


def test_fast_streams_are_written_four_times_a_second() -> None:
    """From 1 Mb/s upward a fragment is at most a quarter of a second, once the rate is known."""
    fragments = _fragments([_video(i, key=i == 0, size=20_000) for i in range(100)])
    assert {len(f.samples) for f in fragments[1:-1]} == {7}


def test_sound_alone_makes_fragments_too() -> None:
    """A stream without pictures is fragmented by its sound, not one frame each."""
    sounds = [Sample(0, b"x" * 200, i * 1024, i * 1024, 1024, keyframe=True, arrived_us=0) for i in range(100)]
    fragments = _fragments(sounds, (AUDIO,))
    assert {len(f.samples) for f in fragments[:-1]} == {8}
    assert all(f.keyframe for f in fragments)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 60_000)), max_size=80))
def test_nothing_is_lost_or_reordered(shape: list[tuple[bool, bool, int]]) -> None:
    """Whatever arrives comes out once, in its order, and the sizes add up."""
    samples = [
        Sample(0 if video else 1, bytes(size), i * 3600, i * 3600, 3600, key or not video, 0)
        for i, (video, key, size) in enumerate(shape)
    ]
    fragments = _fragments(samples)
    assert [s for f in fragments for s in f.samples] == samples
    assert [f.bytes for f in fragments] == [sum(len(s.payload) for s in f.samples) for f in fragments]


def test_ten_million_pictures_pass() -> None:
    """Numbers and ticks beyond ten million pictures, and beyond 32 bits, change nothing (F16)."""
    fragmenter = Fragmenter((VIDEO,))
    first = 10_000_000
    done = []
    for index in range(first, first + 100):
        ticks = index * 3600 + 2**32
        sample = Sample(0, b"x" * 100, ticks, ticks, 3600, keyframe=index % 25 == 0, arrived_us=index * 40_000)
        fragment = fragmenter.add(sample)
        if fragment is not None:
            done.append(fragment)
    assert {len(fragment.samples) for fragment in done} == {13, 12}

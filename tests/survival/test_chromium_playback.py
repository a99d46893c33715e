"""A sealed segment is an ordinary file: a browser plays it and seeks in it without any help of ours."""

from pathlib import Path

import pytest

from holdfast.media.segment import SegmentFile
from support.browser import chromium, serve
from support.media import WALL_US, encode, end_of, head, write_part

PLAY = """
const done = arguments[arguments.length - 1];
const v = document.getElementById('v');
const say = () => ({
  error: v.error && v.error.message, duration: v.duration, time: v.currentTime, width: v.videoWidth,
  decoded: v.getVideoPlaybackQuality().totalVideoFrames, sound: v.webkitAudioDecodedByteCount, seeked: window.seeked});
v.addEventListener('error', () => done(say()));
setTimeout(() => done(say()), 60000);
const seek = () => {
  v.addEventListener('seeked', () => {
    window.seeked = v.currentTime;
    v.play();
    v.addEventListener('timeupdate', () => { if (v.currentTime > window.seeked + 0.7) done(say()); });
  }, {once: true});
  v.currentTime = v.duration / 2;
};
v.readyState >= 1 ? seek() : v.addEventListener('loadedmetadata', seek, {once: true});
"""


@pytest.mark.needs("chromium", "chromedriver")
@pytest.mark.parametrize("way", ["http", "file"])
def test_segment_plays_and_seeks(tmp_path: Path, way: str) -> None:
    """F10: H.264 with B-frames and AAC, sealed, plays in Chromium from its middle, from disk and over plain HTTP."""
    footage = encode("h264", seconds=12)
    event = write_part(tmp_path, footage).seal(start_us=WALL_US, end_us=end_of(footage), ended="cut")
    page = tmp_path / "page.html"
    page.write_text(f'<!doctype html><video id="v" muted preload="auto" src="{event.file}"></video>')
    with serve(tmp_path) as (address, _asked), chromium(tmp_path / "driver.log") as browser:
        browser.go(f"{address}/page/{event.file}" if way == "http" else page.as_uri())
        seen = browser.run(PLAY)
    assert seen["error"] is None
    assert seen["duration"] == pytest.approx(12.1, abs=0.2)
    assert seen["seeked"] == pytest.approx(seen["duration"] / 2, abs=0.1)
    assert seen["time"] > seen["seeked"] + 0.7
    assert seen["decoded"] > 10
    assert seen["sound"] > 0
    assert seen["width"] == 160


FROM_THE_START = """
const done = arguments[arguments.length - 1];
const v = document.getElementById('v');
const say = () => ({
  error: v.error && v.error.message, duration: v.duration, time: v.currentTime, width: v.videoWidth,
  decoded: v.getVideoPlaybackQuality().totalVideoFrames, sound: v.webkitAudioDecodedByteCount});
v.addEventListener('error', () => done(say()));
setTimeout(() => done(say()), 60000);
v.playbackRate = 2;
v.addEventListener('timeupdate', () => { if (v.currentTime > 4) done(say()); });
v.play();
"""


@pytest.mark.needs("chromium", "chromedriver")
def test_segment_that_begins_with_late_sound_plays(tmp_path: Path) -> None:
    """C002: a file whose first seconds hold only sound that came late plays from its beginning, then with pictures."""
    footage = encode("h264", seconds=7)
    pictures, sounds = [s for s in footage.of(0) if s.dts_ticks >= footage.of(0)[75].dts_ticks], footage.of(1)
    assert pictures[0].keyframe
    start_us = WALL_US + 3_000_000
    segment = SegmentFile.create(
        tmp_path, head(start_us=start_us), footage.tracks, segment_s=600, after_ticks=[None, sounds[0].dts_ticks]
    )
    segment.write(pictures[:12], start_us)
    segment.write([*pictures[12:], *sounds], start_us + 480_000)
    event = segment.seal(start_us=start_us, end_us=start_us + 4_000_000, ended="cut")
    assert event.audio_samples == len(sounds)
    with serve(tmp_path) as (address, _asked), chromium(tmp_path / "driver.log") as browser:
        browser.go(f"{address}/page/{event.file}")
        seen = browser.run(FROM_THE_START)
    assert seen["error"] is None
    # Until it has seen the end, libav counts where the picture begins twice: in the index's end, and once more.
    assert 7 <= seen["duration"] <= 7 + 3.2
    assert seen["time"] > 4
    assert seen["decoded"] > 10
    assert seen["sound"] > 0

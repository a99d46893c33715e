"""A clip is an ordinary file: a browser plays it to its end, over cuts, gaps, lost sound and changed parameters."""

from pathlib import Path
from typing import Any

import pytest

from support.browser import chromium, serve
from support.clips import write_clip, write_run
from support.media import WALL_US, encode

S = 1_000_000
PLAY = """
const done = arguments[arguments.length - 1];
const v = document.getElementById('v');
const say = () => ({
  error: v.error && v.error.message, duration: v.duration, time: v.currentTime, width: v.videoWidth, ended: v.ended,
  decoded: v.getVideoPlaybackQuality().totalVideoFrames, sound: v.webkitAudioDecodedByteCount});
v.addEventListener('error', () => done(say()));
v.addEventListener('ended', () => done(say()));
setTimeout(() => done(say()), 60000);
v.playbackRate = 4;
v.play();
"""


@pytest.mark.needs("chromium", "chromedriver")
def test_clips_play_to_their_end(tmp_path: Path) -> None:
    """C101: every picture of a clip is decoded: within a run, over lost sound, and where the picture's size changes."""
    usual = encode("h264", seconds=8)
    other = encode("h264", seconds=4, gop=10, b_frames=0, size=(320, 192))
    silent = encode("h264", seconds=4, audio=False)
    first = write_run(tmp_path, usual)
    larger = write_run(tmp_path, other, start_us=WALL_US + 20 * S, run="run-2")
    mute = write_run(tmp_path, silent, start_us=WALL_US + 40 * S, run="run-3")
    last = write_run(tmp_path, usual, start_us=WALL_US + 60 * S, run="run-4")
    write_clip(tmp_path / "inside.mp4", first, WALL_US + 2_500_000, WALL_US + 7 * S)
    write_clip(tmp_path / "larger.mp4", [*first, *larger], WALL_US, WALL_US + 90 * S)
    write_clip(tmp_path / "mute.mp4", [*first, *mute, *last], WALL_US, WALL_US + 90 * S)
    seen: dict[str, dict[str, Any]] = {}
    with serve(tmp_path) as (address, _asked), chromium(tmp_path / "driver.log") as browser:
        for name in ("inside", "larger", "mute"):
            browser.go(f"{address}/page/{name}.mp4")
            seen[name] = browser.run(PLAY)
    assert {name: (facts["error"], facts["ended"]) for name, facts in seen.items()} == dict.fromkeys(seen, (None, True))
    assert {name: facts["decoded"] for name, facts in seen.items()} == {"inside": 113, "larger": 300, "mute": 500}
    assert seen["inside"]["duration"] == pytest.approx(4.52, abs=0.01)
    assert seen["larger"]["width"] == 320
    assert all(facts["sound"] > 0 for facts in seen.values())

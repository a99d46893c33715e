"""What stands around every page."""

import json
import re
from pathlib import Path

from holdfast.core.status import StreamState
from support.clock import PushedClock
from support.pages import Site, cameras_at, silent_cameras, site, was_asked, words


def strip(html: str) -> dict[str, str]:
    """The dots of the strip: camera to state."""
    found = re.findall(r'data-camera="([^"]+)" title="[^"]*"><span class="dot" data-health="(\w+)"', html)
    return dict(found)


def test_a_dot_for_each_camera(two: Site) -> None:
    """The strip has a dot for each camera with its state, on every page, rendered by the server (C127)."""
    two.says("gate")
    two.says("dock", StreamState.STALLED, reason="stalled", detail="no media for 12 s")
    for path in ("/", "/coverage?source=journals"):
        assert strip(two.page(path)) == {"gate": "well", "dock": "lost"}


def test_the_worst_speaks(two: Site) -> None:
    """The state sentence is short when all is well, and says the worst thing in words when it is not."""
    two.says("gate")
    two.says("dock")
    (two.root / "run/supervisor.json").write_text(json.dumps({"at_us": two.clock.wall_us(), "state": "starting"}))
    assert "all 2 recording" in words(two.page("/"))
    two.says("dock", StreamState.STALLED, reason="stalled", detail="no media for 12 s")
    html = two.page("/")
    assert re.search(r'id="state"[^>]*data-health="lost"', html)
    assert "dock is not recording for 1 min: no media for 12 s" in words(html)


def test_a_new_camera_is_there_before_it_is_planned(two: Site, clock: PushedClock) -> None:
    """A camera that was added a moment ago has its dot and tile before the worker has planned it (F58)."""
    text = (two.root / "holdfast.toml").read_text()
    (two.root / "holdfast.toml").write_text(text + '[cameras.roof]\nurl = "rtsp://127.0.0.1:9/x"\n')
    clock.advance(2)
    html = two.page("/")
    assert strip(html)["roof"] == "settling"
    assert "roof was just added" in words(html)


def test_32_cameras_are_all_there(tmp_path: Path, clock: PushedClock) -> None:
    """No number of cameras is built in: 32 have 32 dots and 32 tiles (F58)."""
    names = [f"cam{n}" for n in range(32)]
    with site(tmp_path, clock, *names) as made:
        html = made.page("/")
    assert set(strip(html)) == set(names)
    assert html.count('<li class="tile"') == 32


def test_no_page_waits_for_a_camera(tmp_path: Path, clock: PushedClock) -> None:
    """With 8 cameras that take connections and never answer, pages come and no camera is asked for them (F66, C127)."""
    with silent_cameras(8) as cameras, site(tmp_path, clock, more=cameras_at(cameras)) as made:
        for path in ("/", "/coverage?source=journals", "/nowhere"):
            html = made.page(path, status=404 if path == "/nowhere" else 200)
            assert set(strip(html).values()) == {"lost"}
        assert not was_asked(cameras)


def test_the_sites_time_with_its_offset(tmp_path: Path, clock: PushedClock) -> None:
    """The bar shows the site's time with its offset, UTC on hover, as rendered by the server (C129)."""
    with site(tmp_path, clock, "gate", more='[site]\nname = "North pier"\ntime_zone = "Europe/Berlin"\n') as made:
        html = made.page("/")
    bar = html.partition('id="clock"')[2].partition("</span>\n")[0]
    assert ">16:13:20</time>" in bar
    assert "21 Sep 2026 14:13:20 UTC" in bar
    assert "+02:00" in bar
    assert "North pier" in words(html)


def test_names_are_text_everywhere(tmp_path: Path, clock: PushedClock) -> None:
    """A camera that is called like markup is shown as that text, in tiles, strip and data for scripts (C140)."""
    evil = "</script><script>alert(1)</script>"
    with site(tmp_path, clock, more=f'[cameras.gate]\nurl = "rtsp://127.0.0.1:9/x"\nname = "{evil}"\n') as made:
        made.says("gate", StreamState.STALLED, reason="stalled", detail='<img src=x onerror="alert(2)">')
        for path in ("/", "/coverage?source=journals"):
            html = made.page(path)
            assert "<script>alert" not in html
            assert "<img src=x" not in html
            data = html.partition('id="facts">')[2].partition("</script>")[0]
            assert json.loads(data)["names"]["gate"] == evil


def test_no_inline_script_or_style(two: Site) -> None:
    """Pages hold nothing that the policy of every answer forbids: no inline script, style or handler."""
    two.says("gate")
    answer = two.as_().get("/")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    for path in ("/", "/coverage?source=journals", "/nowhere"):
        html = two.as_().get(path).text
        kinds = set(re.findall(r"<script(?![^>]*src=)([^>]*)>", html))
        assert kinds <= {' type="application/json" id="facts"'}
        assert not re.search(r"<style|\sstyle=|\son\w+=", html)


def test_damaged_status_files_are_no_error(two: Site) -> None:
    """A page comes whatever stands in the files of the runtime folder."""
    two.says("dock")
    (two.root / "run/gate.main.json").write_bytes(b"\x00{not json")
    (two.root / "run/supervisor.json").write_bytes(b"[1, 2")
    assert strip(two.page("/"))["dock"] == "well"

"""Static files."""

import gzip
import re
from pathlib import Path

import pytest

from holdfast.core.errors import NotFound
from holdfast.web.assets import ASSETS, Assets
from support.pages import Site


def test_kept_for_a_year_under_their_hash(two: Site) -> None:
    """A static file is kept by browsers for good under the hash of all files, and asked about under any other."""
    client = two.home.client()
    now = client.get(ASSETS.address("app.css"))
    old = client.get("/static/0123456789ab/app.css")
    assert (now.status_code, old.status_code) == (200, 200)
    assert "immutable" in now.headers["cache-control"]
    assert old.headers["cache-control"] == "no-cache"
    assert client.get("/static/x/app.css", headers={"If-None-Match": now.headers["etag"]}).status_code == 304


def test_packed_for_whom_can_unpack(two: Site) -> None:
    """Text is sent packed to browsers that say they can unpack it, and plain to others."""
    client = two.home.client()
    plain = client.get(ASSETS.address("app.js"), headers={"Accept-Encoding": "identity"})
    packed = client.get(ASSETS.address("app.js"), headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert plain.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("name", ["..%2fpages.py", "%2e%2e/pages.py", "/etc/passwd", "nothing.js", "", ".lock"])
def test_nothing_but_static_files(two: Site, name: str) -> None:
    """No path leads out of the folder, whatever it is written with (C140)."""
    assert two.home.client().get(f"/static/{ASSETS.version()}/{name}").status_code == 404


def test_a_changed_file_changes_the_hash(tmp_path: Path) -> None:
    """A file that is changed or added is seen at once, and changes the address of all."""
    (tmp_path / "a.js").write_text("let a = 1;")
    assets = Assets(tmp_path)
    before = assets.version()
    assert assets.get("a.js").body == b"let a = 1;"
    (tmp_path / "a.js").write_text("let a = 22;")
    assert assets.version() != before
    assert assets.get("a.js").body == b"let a = 22;"
    (tmp_path / "b.js").write_text("x" * 5000)
    assert gzip.decompress(assets.get("b.js").packed or b"") == b"x" * 5000
    with pytest.raises(NotFound):
        assets.get("c.js")


def test_what_templates_ask_for_is_there() -> None:
    """Every static file that a template or a script names is in the folder."""
    named = set()
    for path in (Path(ASSETS._root).parent / "templates").glob("*.html"):
        named |= set(re.findall(r"static\(['\"]([^'\"]+)['\"]\)", path.read_text(encoding="utf-8")))
    for path in Path(ASSETS._root).glob("*.js"):
        named |= set(re.findall(r"from \"\./([^\"]+)\"", path.read_text(encoding="utf-8")))
    missing = {name for name in named if not name.startswith("vendor/") and not ASSETS.has(name)}
    assert named
    assert missing <= {"player.js"}, missing

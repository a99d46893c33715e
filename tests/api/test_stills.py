"""Stills and sheets over HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from holdfast.core.timing import iso
from support.pictures import Recorded, number_in, recorded, seeing, size_of
from support.web import serving


@dataclass
class Seen:
    """What was recorded, and a client of the application that shows it."""

    tree: Recorded
    client: httpx.Client

    def get(self, path: str, camera: str = "cam1", **more: str | int) -> httpx.Response:
        headers = {name.replace("_", "-"): str(value) for name, value in more.items() if name.startswith("if_")}
        query = {name.rstrip("_"): value for name, value in more.items() if not name.startswith("if_")}
        return self.client.get(f"/api/v1/cameras/{camera}/{path}", params=query, headers=headers)


@pytest.fixture(scope="module", name="seen")
def _seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    root = tmp_path_factory.mktemp("seen")
    tree = recorded(root, "h265", seconds=4)
    with (
        seeing(root) as app,
        serving(app) as address,
        httpx.Client(base_url=address, trust_env=False, timeout=60) as client,
    ):
        yield Seen(tree, client)


def test_latest_still_says_when_it_was_taken(seen: Seen) -> None:
    """The latest picture is a JPEG with its instant and true size; asked again with its ETag it is not sent again."""
    answer = seen.get("still.jpg", width=160)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert (size_of(answer.content), answer.headers["x-holdfast-size"]) == ((160, 120), "320x240")
    assert number_in(answer.content) == seen.tree.number_at(int(answer.headers["x-holdfast-at-us"]))
    assert answer.headers["cache-control"] == "private, no-cache"
    again = seen.get("still.jpg", width=160, if_none_match=answer.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


def test_still_of_an_instant_in_both_forms(seen: Seen) -> None:
    """C010: microseconds and ISO 8601 name the same picture, as JPEG and as WebP."""
    at_us, number = seen.tree.pictures[37]
    for path, at in (("still.jpg", str(at_us)), ("still.webp", str(at_us)), ("still.jpg", iso(at_us + 2000))):
        answer = seen.get(path, at=at)
        assert answer.headers["content-type"] == f"image/{'webp' if path.endswith('webp') else 'jpeg'}"
        assert number_in(answer.content) == number


def test_still_of_the_sub_stream_is_its_own(seen: Seen) -> None:
    """A stream that was never recorded has no still, although the other one has."""
    answer = seen.get("still.jpg", stream="sub")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not-found")


def test_no_footage_is_404_with_the_reason(seen: Seen) -> None:
    """A gap's still is 404 with the gap's reason, in the shape of all errors; an unknown camera is 404, too."""
    answer = seen.get("still.jpg", at=str(seen.tree.pictures[0][0] - 86_400_000_000))
    assert answer.status_code == 404
    assert "has no footage" in answer.json()["detail"]
    nobody = seen.get("still.jpg", camera="nobody")
    assert (nobody.status_code, nobody.json()["detail"]) == (404, "there is no camera nobody")


@pytest.mark.parametrize("query", [{"width": 1}, {"width": 99999}, {"at": "soon"}, {"stream": "third"}])
def test_nonsense_is_refused(seen: Seen, query: dict[str, str | int]) -> None:
    """Widths beyond reason, instants that are none and streams that do not exist are the caller's mistake."""
    assert seen.client.get("/api/v1/cameras/cam1/still.jpg", params=query).status_code in {400, 422}


def test_sheet_and_its_facts_agree(seen: Seen) -> None:
    """The JPEG has the size that its JSON says, and each item lies inside it with the instant of its picture."""
    begin, end = str(seen.tree.pictures[0][0]), str(seen.tree.pictures[-1][0])
    image = seen.get("sheet.jpg", from_=begin, to=end, count=9, width=96)
    facts = seen.get("sheet.json", from_=begin, to=end, count=9, width=96).json()
    assert size_of(image.content) == (facts["width"], facts["height"]) == (288, 216)
    assert len(facts["items"]) == 9
    assert all(item["shown_us"] <= item["at_us"] and item["reason"] == "" for item in facts["items"])
    assert seen.get("sheet.jpg", from_=end, to=begin).status_code == 400


def test_wall_of_tiles_is_quick(seen: Seen) -> None:
    """Thirty-two tiles at once are answered, and a second round decodes nothing."""
    first = [seen.get("still.jpg", width=320).status_code for _ in range(32)]
    before = seen.client.get("/api/v1/cameras/cam1/still.jpg", params={"width": 320}).headers["x-holdfast-at-us"]
    assert set(first) == {200}
    assert seen.get("still.jpg", width=320).headers["x-holdfast-at-us"] == before


def test_pictures_need_a_viewer(tmp_path: Path) -> None:
    """C103: nobody sees a picture without a sign-in."""
    with (
        seeing(tmp_path) as app,
        serving(app) as address,
        httpx.Client(base_url=address, trust_env=False, headers={"x-test-right": "public"}, timeout=60) as client,
    ):
        for path in ("still.jpg", "still.webp", "sheet.jpg?from=1&to=2", "sheet.json?from=1&to=2"):
            assert client.get(f"/api/v1/cameras/cam1/{path}").status_code == 401

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, Request, Response

from holdfast.core.clock import SystemClock
from holdfast.core.errors import NotFound
from holdfast.http.ranges import PIECE_BYTES, Body, ranged, wanted
from holdfast.http.rights import Right, needs
from support.web import application, context_for, serving

WHOLE = random.Random(3).randbytes(2 * PIECE_BYTES + 1234)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-99", (0, 100)),
        ("bytes=5-", (5, 1000)),
        ("bytes=-10", (990, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes=999-2000", (999, 1000)),
        ("BYTES = 0-0", (0, 1)),
        ("bytes=1000-", (0, 0)),
        ("bytes=20-10", (0, 0)),
        ("bytes=-0", (0, 0)),
        ("bytes=-", (0, 0)),
        ("bytes=a-b", (0, 0)),
        ("bytes=" + "9" * 400 + "-", (0, 0)),
        ("nonsense", (0, 0)),
        ("lines=0-5", None),
        ("bytes=0-1,5-6", None),
    ],
)
def test_range_header(header: str, part: tuple[int, int] | None) -> None:
    """C101: a range is read as RFC 9110 says; one that makes no sense is refused, another unit passed over."""
    assert wanted(header, 1000) == part


@contextmanager
def _client(tmp_path: Path, *, cut: bool = False) -> Iterator[httpx.Client]:
    router = APIRouter()

    def read(offset: int, count: int) -> bytes:
        if cut and offset >= PIECE_BYTES:
            raise NotFound("removed meanwhile")
        return WHOLE[offset : offset + count]

    @router.get("/thing", dependencies=[needs(Right.VIEWER)])
    @router.head("/thing", dependencies=[needs(Right.VIEWER)])
    def thing(request: Request) -> Response:
        return ranged(
            request, Body(size=len(WHOLE), etag="v1", media_type="video/mp4", read=read, headers={"X-A": "b"})
        )

    config = tmp_path / "holdfast.toml"
    config.write_text('state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "vol"\n', encoding="utf-8")
    with (
        serving(application(context_for(config, SystemClock()), [router])) as address,
        httpx.Client(base_url=address, trust_env=False, timeout=60) as client,
    ):
        yield client


def test_whole_parts_and_refusals(tmp_path: Path) -> None:
    """C101: 200 in full, 206 with Content-Range, 416 with the size, HEAD without a body, for any part."""
    with _client(tmp_path) as client:
        full = client.get("/thing")
        assert (full.status_code, full.content) == (200, WHOLE)
        assert full.headers["accept-ranges"] == "bytes"
        assert full.headers["content-length"] == str(len(WHOLE))
        assert full.headers["x-a"] == "b"
        rng = random.Random(5)
        for _ in range(20):
            first = rng.randrange(len(WHOLE))
            last = rng.randrange(first, len(WHOLE))
            part = client.get("/thing", headers={"Range": f"bytes={first}-{last}"})
            assert part.status_code == 206
            assert part.headers["content-range"] == f"bytes {first}-{last}/{len(WHOLE)}"
            assert part.content == WHOLE[first : last + 1]
        none = client.get("/thing", headers={"Range": "bytes=99999999-"})
        assert none.status_code == 416
        assert none.headers["content-range"] == f"bytes */{len(WHOLE)}"
        assert none.json()["error"]["code"] == "range"
        head = client.head("/thing", headers={"Range": "bytes=0-9"})
        assert (head.status_code, head.content, head.headers["content-length"]) == (206, b"", "10")
        assert client.head("/thing").headers["content-length"] == str(len(WHOLE))


def test_conditions(tmp_path: Path) -> None:
    """C101: a part of something that has changed meanwhile is never put behind a part of what it was."""
    with _client(tmp_path) as client:
        etag = client.head("/thing").headers["etag"]
        same = client.get("/thing", headers={"Range": "bytes=5-9", "If-Range": etag})
        assert (same.status_code, same.content) == (206, WHOLE[5:10])
        other = client.get("/thing", headers={"Range": "bytes=5-9", "If-Range": '"v0"'})
        assert (other.status_code, other.content) == (200, WHOLE)
        assert client.get("/thing", headers={"If-None-Match": f'"x", {etag}'}).status_code == 304


def test_refusal_of_a_part_says_which(tmp_path: Path) -> None:
    """C021: ffmpeg comes back with its token for a part of a file only if the refusal says where the part begins."""
    with _client(tmp_path) as client:
        client.headers["X-Test-Right"] = "public"
        refused = client.get("/thing", headers={"Range": "bytes=5000-5999"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "sign-in-needed")
        assert refused.headers["content-range"] == "bytes 5000-5000/*"
        for other in ({}, {"Range": "nonsense"}):
            assert "content-range" not in client.get("/thing", headers=other).headers


def test_what_vanishes_is_cut_short(tmp_path: Path) -> None:
    """F55: a file that is removed while it is sent ends the connection early; the client sees that it is not whole."""
    with _client(tmp_path, cut=True) as client:
        assert client.get("/thing", headers={"Range": "bytes=0-99"}).content == WHOLE[:100]
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/thing")

"""Reports over HTTP."""

from pathlib import Path

from holdfast.library.index import Indexer
from support.clock import PushedClock
from support.exports import Yard
from support.pages import site


def test_a_report_is_asked_for(tmp_path: Path, clock: PushedClock) -> None:
    """C086: a viewer gets each kind of report as JSON and as a letter; other kinds and days are refused."""
    with site(tmp_path, clock, "gate") as node:
        yard = Yard(tmp_path, clock, folder="vol")
        Indexer(node.home.context.catalog(), yard.volumes, clock).pass_once()
        client = node.as_()
        body = client.get("/api/v1/reports/hourly", params={"day": "today"}).json()
        assert body["total"]["lost_s"] == 120.0
        assert body["total"]["reasons"] == {"unreachable": 120.0}
        assert sum(period["total"]["files"] for period in body["periods"]) == 5
        assert body["trends"] is None
        for kind in ("weekly", "monthly"):
            trends = client.get(f"/api/v1/reports/{kind}", params={"day": "today", "camera": "GATE"}).json()["trends"]
            assert [one["reason"] for one in trends["outages"]] == ["unreachable"]
        assert client.get("/api/v1/reports/daily").json()["cameras"] == []
        letter = client.get("/api/v1/reports/daily/letter", params={"day": "today"})
        assert letter.headers["content-type"].startswith("text/plain")
        assert "unreachable" in letter.text
        page = client.get("/api/v1/reports/daily/letter", params={"day": "today", "form": "html"})
        assert page.headers["content-type"].startswith("text/html")
        assert client.get("/api/v1/reports/yearly").status_code == 422
        assert client.get("/api/v1/reports/daily", params={"day": "someday"}).status_code == 400

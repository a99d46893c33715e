"""The page of reports."""

import re
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import update

from holdfast.catalog import schema
from holdfast.core.errors import CatalogUnavailable
from holdfast.library import report_words, reports
from holdfast.library.index import Indexer
from support.clock import PushedClock
from support.exports import Yard
from support.pages import Site, site, words


def _indexed(tmp_path: Path, clock: PushedClock, node: Site) -> None:
    yard = Yard(tmp_path, clock, folder="vol")
    Indexer(node.home.context.catalog(), yard.volumes, clock).pass_once()


@pytest.mark.parametrize("kind", ["daily", "hourly", "weekly", "monthly"])
def test_a_report_is_shown(tmp_path: Path, clock: PushedClock, kind: str) -> None:
    """C086, C156: each kind shows percentage, loss with its reason, a bar a period, and trends of longer ones."""
    with site(tmp_path, clock, "gate") as node:
        _indexed(tmp_path, clock, node)
        html = node.page(f"/reports?kind={kind}")
        text = words(html)
        assert "96.15 %" in text
        assert "2m00s lost in 1 gap ·" in text
        assert "no connection to the camera could be made" in text
        bars = {"daily": 24, "hourly": 24, "weekly": 7, "monthly": 30}[kind]
        assert html.count("<title>") - 1 == bars
        assert ("Trends" in text) is (kind in {"weekly", "monthly"})
        assert ' style="' not in html
        for link in ("before", "after"):
            assert f'aria-label="{link.capitalize()}"' in html


def test_page_letter_and_json_say_the_same(tmp_path: Path, clock: PushedClock) -> None:
    """C086: of one camera and day all three have the same numbers and reasons, and what is gone without a word."""
    with site(tmp_path, clock, "gate") as node:
        yard = Yard(tmp_path, clock, folder="vol")
        yard.told.open()
        yard.told.down("stalled", 90)
        lost = yard.told.record(600, "r3")
        yard.told.close()
        (yard.disk / lost.file).unlink()
        Indexer(node.home.context.catalog(), yard.volumes, clock).pass_once()
        with node.home.context.catalog().write() as tx:
            where = schema.segments.c.file == lost.file
            tx.run("segments", update(schema.segments).where(where).values(missing_us=clock.wall_us()))
        html = node.page("/reports?kind=weekly&camera=gate")
        page, api = words(html), node.as_()
        asked = re.findall(r'href="(/api/v1/reports/weekly[^"]*)"', html)
        letter, body = (api.get(unescape(address)) for address in asked)
    (line,) = body.json()["cameras"]
    assert all("camera=gate" in address for address in asked)
    assert line["missing_s"] == 600
    for said in (
        *(report_words.length_words(round(line[name] * 1e6)) for name in ("expected_s", "lost_s")),
        report_words.percent_words(line["percent"]), "1m30s stalled", "10m00s of footage gone without a word",
    ):  # fmt: skip
        assert said in page
        assert said in letter.text


def test_nothing_expected_says_so(tmp_path: Path, clock: PushedClock) -> None:
    """A day of which nothing is known is an empty page with words; a kind that is none is the daily one."""
    with site(tmp_path, clock, "gate") as node:
        _indexed(tmp_path, clock, node)
        assert "Nothing was expected in 2020-01-01" in words(node.page("/reports?day=2020-01-01"))
        assert "96.15 %" in words(node.page("/reports?kind=yearly"))
        node.page("/reports?day=someday", status=422)
        node.page("/reports?day=9999-12-31&kind=monthly", status=400)


def test_without_a_catalog_it_says_so(two: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog that is away is said, with a way to try again."""

    def away(*_facts: object, **_more: object) -> None:
        raise CatalogUnavailable("it is gone")

    monkeypatch.setattr(reports, "make", away)
    assert "Reports cannot be made just now" in words(two.page("/reports", status=503))

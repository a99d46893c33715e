"""The page of incidents."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import incidents, nodes
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.core.timing import MINUTE_US
from holdfast.library.accounts import Role
from holdfast.watching.evidence import Pin, write
from support.clock import PushedClock
from support.films import moving, still
from support.pages import Site, site, words

BLACK, FREEZE = IncidentType.BLACKSCREEN, IncidentType.FREEZE


@pytest.fixture(name="wrong")
def _wrong(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node on which the gate was black twice, and the dock is frozen."""
    picture = still(tmp_path / "a.jpg", moving(1)).read_bytes()
    with site(tmp_path, clock, "gate", "dock") as made:
        now_us, context = clock.wall_us(), made.home.context
        (volume, root), *_ = context.volumes.items()
        with context.catalog().write() as tx:
            node = nodes.ensure(tx, context.node, 1)
            for camera, case, numbers in (
                ("gate", Case(BLACK, Stage.RESOLVED, now_us - 90 * MINUTE_US, 0, 5, now_us - 89 * MINUTE_US), (1, 0)),
                ("gate", Case(BLACK, Stage.RESOLVED, now_us - 9 * MINUTE_US, 0, 5, now_us - 8 * MINUTE_US), (1, 0)),
                ("dock", Case(FREEZE, Stage.ACTIVE, now_us - 2 * MINUTE_US, now_us, 60), (1, 2, 3)),
            ):
                row = incidents.put(
                    tx,
                    node,
                    camera,
                    case,
                    seen={
                        "black_percent": 99.14,
                        "difference": 0.4,
                        "difference_12": 0.013,
                        "difference_13": 0.4,
                        "difference_23": 0.21,
                        "mean_db": -30.0,
                    },
                    now_us=7,
                )
                pins = [Pin(case.type, case.start_us, n, case.start_us, picture, 320, 180) for n in numbers]
                incidents.add_pictures(tx, row, [write(root, volume, camera, pin) for pin in pins])
        yield made


def test_cards_lists_and_values(wrong: Site) -> None:
    """What lasts, what is over, this week's number and the commonest kind; each opens to pictures and values (C120)."""
    html = wrong.page("/incidents")
    text = words(html)
    assert "Now 1 This week 3 Commonest this week Black picture 2 Over 2" in text
    assert "Frozen picture dock" in text
    assert "lasts 2 min" in text
    assert html.count('<details class="incident"') == 3
    assert "Black 99.1 % of the picture" in text
    assert "Differences of three pictures 0.01, 0.40, 0.21 of 255" in text
    assert "Sound -30 dB, 50 %" in text
    assert len(re.findall(r'<a href="/api/v1/incidents/\d+-\d+/pictures/\d.jpg">', html)) == 7
    assert "Checked</button>" not in html  # a viewer looks
    assert "Clear" not in text


def test_a_stream_that_is_not_what_is_expected(wrong: Site) -> None:
    """What a camera sends instead of what is expected stands with its incident (C059)."""
    context = wrong.home.context
    with context.catalog().write() as tx:
        node = nodes.ensure(tx, context.node, 1)
        case = Case(IncidentType.STREAM_MISMATCH, Stage.ACTIVE, wrong.clock.wall_us() - MINUTE_US, 0, 5)
        incidents.put(tx, node, "gate", case, seen={"mismatch": ["video.width: 1280, expected 1920"]}, now_us=7)
    text = words(wrong.page("/incidents?type=stream_mismatch"))
    assert "Unexpected stream gate" in text
    assert "Not as expected video.width: 1280, expected 1920" in text


def test_filters(wrong: Site) -> None:
    """One camera, one kind."""
    assert wrong.page("/incidents?camera=gate").count('<details class="incident"') == 2
    assert wrong.page("/incidents?type=freeze").count('<details class="incident"') == 1
    assert "Nothing is wrong" in wrong.page("/incidents?camera=gate&type=freeze")


def test_check_discard_comment(wrong: Site) -> None:
    """An operator checks and discards with a comment and takes it back; discarded ones are not counted (C065, C120)."""
    operator = wrong.as_(Role.OPERATOR)
    answer = operator.post("/incidents/1-1", data={"what": "check", "comment": "looked at it"})
    assert answer.status_code == 303
    assert answer.headers["location"].endswith("#i1-1")
    html = wrong.page("/incidents", Role.OPERATOR)
    assert 'value="looked at it"' in html
    assert "Not checked" in html
    operator.post("/incidents/1-1", data={"what": "discard", "discard_type": "test", "comment": "looked at it"})
    text = words(wrong.page("/incidents"))
    assert "This week 2" in text
    assert "test" in text
    operator.post("/incidents/1-3", data={"what": "discard", "discard_type": "known", "comment": ""})
    assert "Now 0 This week 1" in words(wrong.page("/incidents"))
    operator.post("/incidents/1-3", data={"what": "restore", "comment": ""})
    operator.post("/incidents/1-1", data={"what": "restore", "comment": ""})
    assert "Now 1 This week 3" in words(wrong.page("/incidents"))
    assert operator.post("/incidents/1-1", data={"what": "explode"}).status_code == 422
    assert operator.post("/incidents/9-9", data={"what": "check"}).status_code == 404
    assert wrong.as_().post("/incidents/1-1", data={"what": "check"}).status_code == 403


def test_clearing_asks_first(wrong: Site) -> None:
    """Only the second answer deletes, and only what is over (C120)."""
    admin = wrong.as_(Role.ADMIN)
    assert wrong.as_(Role.OPERATOR).post("/incidents/1-1", data={"what": "discard"}).status_code == 303
    asked = admin.post("/incidents/clear", data={})
    assert "Delete all 2 incidents" in words(asked.text)
    assert wrong.page("/incidents").count('<details class="incident"') == 3
    assert admin.post("/incidents/clear", data={"sure": "yes"}).status_code == 303
    assert wrong.page("/incidents").count('<details class="incident"') == 1
    assert wrong.as_(Role.OPERATOR).post("/incidents/clear", data={"sure": "yes"}).status_code == 403


def test_without_its_catalog_the_page_says_so(wrong: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the catalog is away the page says what that means, with 503."""

    def away(*_facts: object, **_more: object) -> None:
        raise CatalogUnavailable("it is gone")

    monkeypatch.setattr("holdfast.library.incidents.find", away)
    assert "Recording goes on without them" in wrong.page("/incidents", status=503)


def test_nothing_yet(two: Site) -> None:
    """Without incidents the page says what will stand there."""
    text = words(two.page("/incidents"))
    assert "Nothing is wrong" in text
    assert "None so far" in text

"""A site whose camera was recorded and watched: footage, measures and incidents that pages can show, in seconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from holdfast.catalog import nodes
from holdfast.core.config.watch import WatchConfig
from holdfast.library.accounts import Role
from holdfast.library.watching import CameraWatch, keep_all, settings_of
from holdfast.watching.judge import Judge
from support.accounts import PASSWORD
from support.chromium import chromium, signed_in, window
from support.clock import PushedClock
from support.films import Picture, moving, plain
from support.media import GATE, WALL_US
from support.pages import Site, site
from support.watched_film import Gate
from support.web import serving

_LISTEN = """() => { window.past = []; document.getElementById("player").addEventListener("hf-time",
  ({ detail: { us, live } }) => { if (!live && us !== null) past.push(us); }); }"""


def day(at_s: float) -> Picture:
    """A film: black for 10 s at 12; frozen for 10 s at 30."""
    return plain(2) if 12 <= at_s < 22 else moving(30) if 30 <= at_s < 40 else moving(at_s)


def sound(at_s: float) -> float:
    """Its sound is away for 8 s at 46."""
    return 0.0 if 46 <= at_s < 54 else 0.3


@dataclass
class WatchedSite:
    """A served site with a camera called gate. `began_us` is when its footage begins; its clock stands at its end."""

    site: Site
    address: str
    began_us: int


@contextmanager
def watched_site(root: Path, *, role: Role = Role.ADMIN, others: tuple[str, ...] = ()) -> Iterator[WatchedSite]:
    """Record 58 s, 50 s of nothing and 8 s more, watch them, and serve them to alice, who has this role."""
    clock = PushedClock(WALL_US)
    (root / "vol").mkdir(parents=True)
    gate = Gate(root / "vol", clock)
    began_us = gate.record(58, day, sound)
    gate.down("unreachable", 50)
    gate.record(8, moving, sound)
    more = "[cameras.gate.watch]\nmacroblocks = true\nloudness = true\n"
    with site(root, clock, "gate", *others, more=more) as made:
        made.home.user(role, "alice")
        made.index()
        context = made.home.context
        judge = Judge(settings_of(WatchConfig(every_s=1, macroblocks=True, loudness=True)))
        volumes = dict(context.volumes)
        watch = CameraWatch(GATE, volumes, "main", clock, judge, catalog=None, from_us=began_us)
        while watch.work(10**12):
            pass
        with context.catalog().write() as tx:
            keep_all(tx, nodes.ensure(tx, context.node, 1), [watch], clock.wall_us())
        watch.kept()
        with serving(made.home.app) as address:
            yield WatchedSite(made, address, began_us)


@contextmanager
def looking(spot: WatchedSite, path: str, size: str = "desk", scheme: str = "dark") -> Iterator[Page]:
    """Open a page of it as alice."""
    motion = {"color_scheme": scheme, "reduced_motion": "reduce"}
    with chromium() as browser, window(browser, size, **motion) as page:
        signed_in(page, spot.address, "alice", PASSWORD, path)
        yield page


def listen(page: Page) -> None:
    """Note from now on which instants of the past a camera's page shows."""
    page.evaluate(_LISTEN)


def played_from(page: Page) -> int:
    """Return the instant at which the past began to be shown: it plays on while a test is on its way to look."""
    return int(page.evaluate("past[0]"))

"""Events of a node, for tests of what shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from holdfast.catalog import events, nodes
from holdfast.catalog.events import Told
from holdfast.catalog.rows import Id
from holdfast.core.event import EventKind
from holdfast.core.objects import Seen, label_of, to_json
from holdfast.core.timing import MINUTE_US, SECOND_US
from holdfast.watching import evidence
from holdfast.watching.stirs import file_of
from support.pages import Site

JPEG = b"\xff\xd8 a picture"


def moved(now_us: int) -> list[Told]:
    """Two events at the gate, of 90 and of 9 minutes ago, and one at the dock, which goes on."""
    found = []
    for camera, ago_us, lasts_us, score, sure in (
        ("gate", 90 * MINUTE_US, 12 * SECOND_US, 2.4, 700.0),
        ("gate", 9 * MINUTE_US, 65 * SECOND_US, 0.35, 16.7),
        ("dock", MINUTE_US, None, 0.31, 3.3),
    ):
        start_us = now_us - ago_us
        end_us = None if lasts_us is None else start_us + lasts_us
        found.append(
            Told(
                camera=camera, kind=EventKind.MOTION, start_us=start_us, end_us=end_us,
                from_us=start_us - 20 * SECOND_US, to_us=None if end_us is None else end_us + 5 * SECOND_US,
                score=score, confidence=sure,
            )
        )  # fmt: skip
    return found


def put(made: Site, told: Told, body: bytes = JPEG) -> Id:
    """Write an event with its pictures; one that goes on has no second one yet."""
    context = made.home.context
    (volume, root), *_ = context.volumes.items()
    which = ("a", "thumb") if told.end_us is None else ("a", "b", "thumb")
    files = {one: file_of(told.camera, told.start_us, one) for one in which}
    for file in files.values():
        evidence.store(root, file, body)
    told = replace(
        told, volume=volume, picture_a=files["a"], picture_b=files.get("b", ""), thumbnail=files["thumb"]
    )  # fmt: skip
    with context.catalog().write() as tx:
        return events.put(tx, nodes.ensure(tx, context.node, 1), told, 7)


def recognise(made: Site, event: Id, seen: Mapping[str, Sequence[Seen]]) -> None:
    """Write what the pictures of an event show."""
    with made.home.context.catalog().write() as tx:
        row = events.get(tx, event)
        events.recognise(tx, row, objects=to_json(seen), label=label_of(seen), now_us=9)

from holdfast.catalog import nodes, reports, stills
from holdfast.catalog.db import Catalog
from holdfast.catalog.reports import Stills
from holdfast.catalog.stills import Outcome


def _outcome(camera: str, slot_us: int, cause: str = "") -> Outcome:
    taken = {"at_us": slot_us, "volume": "main", "file": f"{camera}-{slot_us}.jpg", "bytes": 10, "sha256": "0" * 64}
    return Outcome(camera=camera, slot_us=slot_us, cause=cause, **({} if cause else taken))  # type: ignore[arg-type]


def test_stills_are_counted_by_camera_and_only_in_the_span(catalog: Catalog) -> None:
    """Taken and missed ones of each camera, from the span's begin up to but not with its end, of this node alone."""
    with catalog.write() as tx:
        mine, other = nodes.ensure(tx, "one", 1), nodes.ensure(tx, "other", 1)
        rows = [_outcome("gate", 5), _outcome("gate", 10), _outcome("gate", 11, "unreachable"), _outcome("dock", 12)]
        stills.put(tx, mine, [*rows, _outcome("gate", 20)], 1)
        stills.put(tx, other, [_outcome("gate", 10)], 1)
    with catalog.read() as tx:
        found = reports.stills(tx, mine, 10, 20)
        assert found == {"gate": Stills(1, 1, 10), "dock": Stills(1, 0, 10)}
        assert reports.stills(tx, mine, 21, 30) == {}
        for ask in (reports.incidents, reports.events, reports.deliveries):
            assert ask(tx, mine, 0, 100) == {}
        assert reports.failures(tx, mine, 0, 100) == []

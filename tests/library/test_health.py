"""Which component is how healthy."""

from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.core.errors import CatalogUnavailable, DiskError
from holdfast.core.status import StreamState, StreamStatus
from holdfast.library.health import Level, components, overall
from holdfast.library.status import Health, NodeNow, StreamNow
from holdfast.library.volumes import VolumeState

DISK = VolumeState(
    name="main", root=Path("/srv"), volume_id="v", problem=None, free_bytes=500, total_bytes=1000, reserve_bytes=10
)


def _now(*healths: Health, supervisor: bool = True, worker: dict[str, object] | None = None) -> NodeNow:
    streams = tuple(
        StreamNow(
            status=StreamStatus(camera=f"cam{n}", stream="main", state=StreamState.RECORDING), fresh=True,
            health=health, words="so",
        )
        for n, health in enumerate(healths)
    )  # fmt: skip
    return NodeNow(
        sentence="", hint="", well=True, streams=streams, supervisor={} if supervisor else None,
        worker={} if worker is None else worker,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("now", "disk", "level", "component"),
    [
        (_now(Health.WELL), DISK, Level.HEALTHY, ""),
        (_now(Health.WELL, Health.OFF), DISK, Level.HEALTHY, ""),
        (_now(Health.SETTLING), DISK, Level.HEALTHY, ""),
        (_now(Health.DEGRADED), DISK, Level.DEGRADED, "recorders"),
        (_now(Health.WELL, Health.LOST), DISK, Level.CRITICAL, "recorders"),
        (_now(supervisor=False), DISK, Level.DEGRADED, "recorders"),
        (_now(Health.WELL, worker={"config_problem": "line 3"}), DISK, Level.DEGRADED, "worker"),
        (_now(Health.WELL), replace(DISK, free_bytes=90), Level.DEGRADED, "disk"),
        (_now(Health.WELL), replace(DISK, free_bytes=10), Level.CRITICAL, "disk"),
        (_now(Health.WELL), replace(DISK, problem=DiskError("gone")), Level.CRITICAL, "disk"),
    ],
)
def test_each_component_speaks_for_itself(now: NodeNow, disk: VolumeState, level: Level, component: str) -> None:
    """What loses footage is critical, what will matter is degraded, and everything else is healthy (C107)."""
    found = components(now, [disk], None, synchronised=True)
    assert overall(found) is level
    assert [one.name for one in found if one.level is not Level.HEALTHY] == ([component] if component else [])
    assert all(bool(one.words) == (one.level is not Level.HEALTHY) for one in found)


def test_catalog_clock_and_unknown_disks_degrade() -> None:
    """Nothing of these loses footage now."""
    found = components(_now(Health.WELL), DiskError("?"), CatalogUnavailable("away"), synchronised=False)
    levels = {one.name: one.level for one in found}
    assert levels == {
        "db": Level.DEGRADED, "disk": Level.DEGRADED, "clock": Level.DEGRADED,
        "recorders": Level.HEALTHY, "worker": Level.HEALTHY,
    }  # fmt: skip

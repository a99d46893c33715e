"""Deliveries and retention while workers and hosts are killed, the target comes and goes, and the disk is full."""

from pathlib import Path

import pytest

from chaos.backlog import Load
from chaos.handing_on import Drill
from holdfast.catalog.db import open_catalog
from support.catalog import Postgres
from support.power import power_disk
from support.small_disk import small_disk

MB = 10**6
SHORT = Load(assets=80, footage=((50_000, 20), (500_000, 20), (6 * MB, 1)), seconds=4)
LONG = Load(
    assets=10_000, footage=((50_000, 500), (300_000, 500), (3 * MB, 40), (20 * MB, 10), (200 * MB, 4)), seconds=600
)  # fmt: skip


def sqlite(disk: Path) -> str:
    """Say where a catalog on the small disk is."""
    (disk / "state-0").mkdir()
    return f"sqlite:///{disk}/state-0/catalog.sqlite"


@pytest.mark.needs("mount")
def test_kills_flaps_and_a_full_disk_lose_and_double_nothing(tmp_path: Path) -> None:
    """All arrives once, acknowledged is what is there, and nothing goes without its copy (F17, F18, F21, F22, F35)."""
    with (
        small_disk(tmp_path / "disk", size_bytes=28 * MB) as disk,
        open_catalog(sqlite(disk)) as catalog,
    ):
        verdict = Drill(tmp_path, disk, catalog, SHORT, headroom="20 MB").run()
    assert verdict.problems == []
    assert verdict.deleted >= 1


@pytest.mark.soak
@pytest.mark.needs("mount", "postgres")
def test_a_host_that_is_killed_for_good_leaves_its_work_to_the_other(tmp_path: Path, postgres: Postgres) -> None:
    """Of two workers on PostgreSQL one dies for good in the midst: the other ends everything after the lease (F26)."""
    with (
        small_disk(tmp_path / "disk", size_bytes=28 * MB) as disk,
        postgres.database() as url,
        open_catalog(url) as catalog,
    ):
        verdict = Drill(tmp_path, disk, catalog, SHORT, headroom="20 MB", hosts=2).run()
    assert verdict.problems == []


@pytest.mark.soak
@pytest.mark.needs("mount")
@pytest.mark.parametrize("seed", [2, 3])
def test_ten_thousand_through_chaos(tmp_path: Path, seed: int) -> None:
    """10,000 files of 5 kB to 200 MB in ten minutes: 0 lost, 0 twice, 0 deleted unverified (issue)."""
    with (
        power_disk(tmp_path, size_bytes=800 << 20) as disk,
        open_catalog(sqlite(disk.folder)) as catalog,
    ):
        verdict = Drill(tmp_path, disk.folder, catalog, LONG, headroom="300 MB", seed=seed).run()
    print(verdict)  # noqa: T201 - the figures, for docs/reliability.md
    assert verdict.problems == []


@pytest.mark.soak
@pytest.mark.needs("mount", "postgres")
def test_ten_thousand_with_a_host_that_dies(tmp_path: Path, postgres: Postgres) -> None:
    """The same with two workers on PostgreSQL, and one host killed for good (issue)."""
    with (
        power_disk(tmp_path, size_bytes=800 << 20) as disk,
        postgres.database() as url,
        open_catalog(url) as catalog,
    ):
        verdict = Drill(tmp_path, disk.folder, catalog, LONG, headroom="300 MB", hosts=2, seed=4).run()
    print(verdict)  # noqa: T201 - the figures, for docs/reliability.md
    assert verdict.problems == []

"""Files whose content nobody has written down yet."""

from pathlib import Path

from holdfast.catalog.db import Catalog
from holdfast.core.delivery import AssetKind
from support.handed import Handed

JOURNALS = '[deliveries.words]\ntarget = "nas"\nassets = ["journals"]\n'


def test_one_journal_that_cannot_be_looked_at_holds_up_no_other(catalog: Catalog, tmp_path: Path) -> None:
    """A dangling link among journals is passed over, and the journals beside it are planned (F19)."""
    site = Handed(tmp_path, catalog, JOURNALS)
    site.segment(0)
    good = site.journal("one line\n")
    good.with_suffix(".kept.journal").symlink_to(tmp_path / "nowhere")
    site.handing.once()
    (row,) = site.rows(kind=AssetKind.JOURNAL)
    assert row.asset.file == str(good.relative_to(site.volume))

"""The JSON beside a still: what was judged of the picture, by the keys that capture hosts' scripts read (C055).

What is said is what the watcher measured last before the picture; nothing is decoded again. Without a measure that is
young enough the values are null.

Any thread. Not here: measuring (watching), the same of files that somebody hands in (analyze).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from holdfast.catalog import measures
from holdfast.catalog.db import Catalog
from holdfast.catalog.measures import Measure
from holdfast.catalog.stills import Outcome
from holdfast.core.quality import Seen, Thresholds, has_sound, is_black, is_frozen, volume_percent, why_unknown
from holdfast.core.timing import SECOND_US, iso
from holdfast.library.measuring import seen_of

AGE_US = 10 * SECOND_US  # chosen: three looks of the default; what is older is about another picture
_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecars:
    """Writes them for one camera.

    Attributes:
        catalog: Where measures are.
        node: The node's number.
        root: Root of the volume that stills go to: paths in the record are whole ones.
        limits: Thresholds.
        zone: The site's time zone.
    """

    catalog: Catalog
    node: int
    root: Path
    limits: Thresholds
    zone: ZoneInfo

    def __call__(self, outcome: Outcome, before: Sequence[Outcome]) -> bytes:
        """Return the record of a still.

        Args:
            outcome: The still; it was taken.
            before: The two stills before it, oldest first, as far as there are any.

        Raises:
            CatalogError: The catalog did not answer.
        """
        return (json.dumps(self._record(outcome, before), ensure_ascii=False, indent=1) + "\n").encode()

    def _record(self, outcome: Outcome, before: Sequence[Outcome]) -> dict[str, Any]:
        at_us = outcome.slot_us if outcome.at_us is None else outcome.at_us
        measure = self._measure(outcome.camera, at_us)
        seen, limits = Seen(at_us) if measure is None else seen_of(measure, at_us), self.limits
        sound = has_sound(seen, limits)
        lasts = [*before, outcome]
        body: dict[str, Any] = {
            "timestamp": iso(at_us, self.zone),
            "filename": outcome.file.rpartition("/")[2],
            "thumbnail": outcome.thumbnail.rpartition("/")[2] or None,
            "blackscreen": is_black(seen, limits),
            "blackscreen_percentage": seen.black_percent,
            "freeze": is_frozen(seen, limits),
            "freeze_diffs": [round(one, 2) for one in seen.differences or ()],
            "last_3_filenames": [str(self.root / one.file) for one in lasts],
            "last_3_thumbnails": [str(self.root / one.thumbnail) for one in lasts if one.thumbnail],
            "audio": sound,
            "volume_percentage": None if seen.heard is None else round(volume_percent(seen.heard.mean_db)),
            "mean_volume_db": None if seen.heard is None else seen.heard.mean_db,
            "device": outcome.camera,
        }
        return body if sound is not None else body | {"audio_reason": why_unknown(seen, limits)}

    def _measure(self, camera: str, at_us: int) -> Measure | None:
        with self.catalog.read() as tx:
            found = measures.between(tx, self.node, camera, at_us - AGE_US, at_us + 1, limit=_MOST)
        return found[-1] if found else None

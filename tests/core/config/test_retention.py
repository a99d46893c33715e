import pytest
from pydantic import ValidationError

from holdfast.core.config.model import LogConfig
from holdfast.core.config.retention import KeepConfig, RetentionConfig
from holdfast.core.retention import DiskFull, Keep, KeepOnly
from holdfast.core.timing import DAY_US, HOUR_US


def test_what_is_written_is_what_is_decided_by() -> None:
    """Days, hours and sizes become what the decision takes."""
    said = KeepConfig.model_validate(
        {"keep_days": 0.5, "keep_bytes": "10 GB", "copies": 2, "only": "events", "loose_hours": 6}
    )
    assert said.keep() == Keep(
        keep_us=DAY_US // 2, keep_bytes=10**10, copies=2, only=KeepOnly.EVENTS, loose_us=6 * HOUR_US
    )
    assert RetentionConfig(disk_full="oldest").disk_full_policy() is DiskFull.OLDEST


def test_what_nobody_sets_deletes_nothing_by_age() -> None:
    """Without settings footage stays as long as there is room, and goes only where nobody was promised a copy."""
    assert KeepConfig().keep() == Keep()
    assert RetentionConfig().disk_full_policy() is DiskFull.ACKNOWLEDGED


def test_each_class_has_its_age() -> None:
    """What piles up beside footage goes by itself: events, incidents, derived files, leftovers, logs (C066, C080)."""
    said = RetentionConfig()
    ages = (said.events_days, said.incidents_days, said.cache_days, said.temp_days, LogConfig().keep_days)
    assert list(ages) == [30.0, 90.0, 30.0, 1.0, 14.0]
    assert [said.warn_percent, said.alert_percent, said.critical_percent] == [75.0, 85.0, 90.0]
    assert said.least_free == 10**9


@pytest.mark.parametrize("wrong", [{"keep_days": 0}, {"keep_bytes": "much"}, {"copies": -1}, {"only": "never"}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    """A length of nothing, a size that is none and words that mean nothing are said at once."""
    with pytest.raises(ValidationError):
        KeepConfig.model_validate(wrong)

from holdfast.recording.absence import Absence
from support.clock import PushedClock


def test_camera_and_volume_away_at_once_is_one_absence() -> None:
    """Seconds are counted once however many causes they have, from the first cause on to the end of the last."""
    clock = PushedClock()
    absence = Absence(clock)
    clock.advance(2)
    absence.camera(away=False, planned=False)
    clock.advance(100)
    absence.volume(away=True)
    gone_us = clock.wall_us()
    clock.advance(5)
    absence.camera(away=True, planned=False)
    clock.advance(5)
    absence.volume(away=True)
    absence.camera(away=False, planned=False)
    clock.advance(5)
    assert (absence.since_us, absence.lost_s) == (gone_us, 17)
    absence.volume(away=False)
    back_us = clock.wall_us()
    clock.advance(60)
    assert (absence.since_us, absence.lost_s) == (back_us, 17)


def test_a_disk_that_is_away_while_nothing_is_wanted_costs_nothing() -> None:
    """Outside its hours a camera loses nothing to its disk; what is wanted then is lost from that moment on."""
    clock = PushedClock()
    absence = Absence(clock)
    absence.camera(away=True, planned=True)
    absence.volume(away=True)
    clock.advance(3600)
    assert absence.lost_s == 0
    absence.camera(away=False, planned=False)
    wanted_us = clock.wall_us()
    clock.advance(3)
    assert (absence.since_us, absence.lost_s) == (wanted_us, 3)

"""Whether deleting may go by what the clock and the catalog say: a doubt switches it off until it is cleared. Pure.

Age is the main reason to delete, and a wrong clock makes everything old. A catalog that is new, after a loss or a
reindex, knows footage as far as its journals and files could be read. Both are doubts; a person clears them, or a clock
that is synchronised and makes sense.

Not here: asking the clock (the caller), rows (catalog.removals).
"""

from dataclasses import dataclass, replace

from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US

STEP_US = 5 * MINUTE_US  # specified: a clock that was set by more than this is a doubt
AHEAD_US = 7 * DAY_US  # chosen: a host that was off longer than this, without anybody to ask for the time, is asked for
NEW_US = HOUR_US  # chosen: footage older than this was known to some catalog before this one
SETTLE_US = MINUTE_US  # chosen: a synchronised clock counts when a doubt has lasted so long; a pass is ten minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What is known of the clock since the last look, and the doubt that stands.

    Attributes:
        off_why: The doubt, in words for a person; empty where there is none.
        off_us: Wall time at which it came up; None where there is none.
        wall_us: Wall time of the look.
        boot_us: Boot time of the look.
        boot: Id of that boot.
    """

    off_why: str = ""
    off_us: int | None = None
    wall_us: int
    boot_us: int
    boot: str

    @property
    def may_delete(self) -> bool:
        """Whether there is no doubt."""
        return not self.off_why


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look: the clock, whether it is synchronised, and the footage that there is (None for none)."""

    wall_us: int
    boot_us: int
    boot: str
    synchronised: bool
    footage_us: tuple[int, int] | None = None


def judged(before: Trust | None, now: Look) -> Trust:
    """Say whether deleting may go on.

    Args:
        before: What the last look came to; None for the first one in a catalog.
        now: This one.
    """
    here = Trust(wall_us=now.wall_us, boot_us=now.boot_us, boot=now.boot)
    if before is None:
        known = now.footage_us is not None and now.footage_us[0] < now.wall_us - NEW_US
        doubt = "the catalog is new, and there is older footage" if known else ""
        return _doubted(here, doubt) if doubt else _doubted(here, _clock_doubt(now))
    doubt = _stepped(before, now)
    if not before.off_why:
        # A clock that was trusted in this boot, by a person even, and that nobody has set since, is trusted on.
        return _doubted(here, doubt or ("" if before.boot == now.boot else _clock_doubt(now)))
    doubt = doubt or _clock_doubt(now)
    standing = replace(here, off_why=doubt or before.off_why, off_us=now.wall_us if doubt else before.off_us)
    lasted = standing.off_us is None or abs(now.wall_us - standing.off_us) >= SETTLE_US
    return here if not doubt and now.synchronised and lasted else standing


def confirmed(now: Look) -> Trust:
    """Return what a person's word comes to: no doubt, as of now."""
    return Trust(wall_us=now.wall_us, boot_us=now.boot_us, boot=now.boot)


def doubted(now: Look, why: str) -> Trust:
    """Return a doubt that begins now."""
    return _doubted(Trust(wall_us=now.wall_us, boot_us=now.boot_us, boot=now.boot), why)


def _doubted(here: Trust, why: str) -> Trust:
    return replace(here, off_why=why, off_us=here.wall_us) if why else here


def _stepped(before: Trust, now: Look) -> str:
    if before.boot != now.boot:
        return ""
    step_us = (now.wall_us - now.boot_us) - (before.wall_us - before.boot_us)
    if abs(step_us) <= STEP_US:
        return ""
    way = "forward" if step_us > 0 else "back"
    return f"the clock was set {way} by {abs(step_us) / MINUTE_US:.0f} minutes"


def _clock_doubt(now: Look) -> str:
    if now.synchronised or now.footage_us is None:
        return ""
    newest_us = now.footage_us[1]
    if now.wall_us < newest_us - STEP_US:
        return "the clock is not synchronised, and it is before the newest footage"
    if now.wall_us > newest_us + AHEAD_US:
        return "the clock is not synchronised, and it is days after the newest footage"
    return ""

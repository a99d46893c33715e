"""Whether a picture stands still, and since when, as far as encoders let one tell that.

Three pictures in a row that are the same are soon seen. What makes it hard is what encoders do: they pack a still
picture anew with each keyframe, refine it for a second, most of it in the first half, and leave out the grain by which
a live one could be told. So a picture is compared with the last one before its keyframe, when that was refined, and
keyframes with each other.

Pictures between two looks are decoded only where that decides something. Used on one thread, by one judge.
Not here: what is black or silent, and what becomes of it (judge), incidents (core.incident).
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.core.quality import (
    PACKED_DRIFT,
    STILL_DRIFT,
    SURE_DRIFT,
    Thresholds,
    looks_still,
    packed_alike,
    packed_the_same,
    packed_with_grain,
)
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.eye import Look
from holdfast.media.analysis.grey import Squares
from holdfast.media.analysis.near import Near
from holdfast.watching.turns import ended, moves, packing_noise

AGAIN_US = round(0.6 * SECOND_US)  # measured: most encoders have refined a still picture by then
TRIES = 2  # measured: after 1.2 s what stands has come near what it was, and what lives has not
REGROWN = 0.2  # measured: keyframes of live grain vary by less, except just after a change of scene
ONE_WAY = 0.75  # of pictures with grain of their own two in a row differ as much as the outer ones: 0.5
GRAINY = 0.3  # chosen: each picture of a street in daylight differs by 0.4 from the one before
NOTHING = 0.05  # chosen: what differs by less is the same to the bit, or nearly
STANDS_US = SECOND_US  # chosen: a picture that is the same for less may be of one that is repeated now and then
REPACKED = 3.2  # measured: while it is refined a still picture differs from the one before by up to 3.1 at 200 kb/s
# Measured from before a keyframe to 0.7 s after it, in grain of 5 grey at 200 and 500 kb/s: what stands drifts by 0.0
# to 0.8, half of it by less than 0.35; what lives by 0.53 and more, half of it by 0.75. Finer grain drifts less, and is
# told by three pictures in a row where its encoder leaves it in.
HELD_DRIFT = 0.55
SURELY_HELD = 0.5  # where it seemed to be held by chance


@dataclass(frozen=True, slots=True)
class Stand:
    """A picture that stands.

    Attributes:
        since_us: Wall time of the first that was it.
        at_us: Of the one that it is known by: the newest before the last keyframe, or the newest.
        squares: What that one shows.
    """

    since_us: int
    at_us: int
    squares: Squares


def stand_of(pictures: Sequence[Near], limits: Thresholds, before: Stand | None = None) -> Stand | None:
    """Return since when the newest picture stands.

    Args:
        pictures: Those since the look before, in order.
        limits: What is the same.
        before: What stood at the look before.

    Returns:
        None where there are no pictures.
    """
    if not pictures:
        return None
    newest = anchor = known = pictures[-1]
    begin_us: int | None = None
    for place in reversed(range(len(pictures))):
        near = pictures[place]
        if near.key_us != anchor.key_us:  # beyond a keyframe: what is there is of another packing
            anchor, known = near, near if known is newest else known
        # Each is near the newest, and nearer to the last one of its own group, unless it was being refined itself.
        own = PACKED_DRIFT if _refined_us(near) < AGAIN_US else STILL_DRIFT
        most = own if anchor is newest else PACKED_DRIFT
        if not (_within(near, newest.squares, most) and _within(near, anchor.squares, own)):
            break
        begin_us = near.at_us
        if _moved(near, limits) and not (place and _repacked(pictures[place - 1], near, limits)):
            break  # it stands from this one on, which is another picture than the one before
    else:
        if before is not None and _within(anchor, before.squares, STILL_DRIFT):
            return before if known is newest else Stand(before.since_us, known.at_us, known.squares)
    if begin_us is None:
        return None
    known = known if known.at_us >= begin_us else newest
    return Stand(begin_us, known.at_us, known.squares)


def _within(near: Near, squares: Squares, most: float) -> bool:
    drift = near.drift(squares)
    return drift is not None and drift < most


def _refined_us(one: Near | Look) -> int:
    """Return how long after its keyframe a picture is shown; for long where nothing is ever refined."""
    if one.key_us is None or (isinstance(one, Look) and one.at_us == one.key_us):
        return 2**62  # a look ends with a keyframe only where nearly every picture is one
    return one.at_us - one.key_us


def _moved(near: Near, limits: Thresholds) -> bool:
    if _refined_us(near) < AGAIN_US:
        return not near.keyframe and near.difference is not None and near.difference >= REPACKED
    return moves(near, limits)


def _repacked(before: Near, near: Near, limits: Thresholds) -> bool:
    """Say whether one that differs alone, and has gone nowhere, is packed anew; what lives differs always."""
    return not _moved(before, limits) and _within(near, before.squares, SURE_DRIFT)


class Standing:
    """What is known of whether one camera's picture stands.

    Args:
        state: What `state` returned; None begins anew.

    Attributes:
        again_us: When it must be looked at once more to know; None where that is not needed.
    """

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        said = state or {}
        self.again_us: int | None = said.get("again_us")
        self._doubted = bool(said.get("doubted", False))  # whether it stood could not be told by the look before
        self._tries = int(said.get("tries", 0))  # looks that were asked for, one after the other
        self._slow = bool(said.get("slow", False))  # pictures in a row were the same, and far from those before
        self._lives = bool(said.get("lives", False))  # keyframes say that what looks as if it stood does not
        self._held = bool(said.get("held", False))  # it is what it was before a keyframe
        self._failed = bool(said.get("failed", False))  # it was not, and has gone nowhere since
        self._stand = _from_json(said.get("stand"))
        self._unseen: Look | None = None  # what must be looked into to know since when, if anybody ever asks
        self._limits = Thresholds()

    @property
    def undecided(self) -> bool:
        """Say whether the last look left in doubt whether the picture stands: then `state` is not cheap."""
        return self._unseen is not None

    def state(self) -> dict[str, Any]:
        """Return what whoever goes on must know, as JSON knows it."""
        stand = self._stood()  # whoever goes on has the next look only
        return {
            "again_us": self.again_us, "doubted": self._doubted, "tries": self._tries, "slow": self._slow,
            "lives": self._lives, "held": self._held, "failed": self._failed, "stand": _as_json(stand),
        }  # fmt: skip

    def judge(
        self, look: Look, case: Case | None, limits: Thresholds, *, frozen: bool | None, close: bool
    ) -> tuple[bool | None, int | None]:
        """Say whether a picture is frozen, and since when where that is different now.

        Args:
            look: What was seen.
            case: What is known already.
            limits: What is the same.
            frozen: What three pictures in a row say.
            close: Whether to look into what lies between this look and the one before.

        Returns:
            True, False, or None where that is not known; and a wall time, None where it is as it was, or not known.
        """
        self._limits = limits
        bad, again_us = case is not None and case.good_us is None, self.again_us
        asked = again_us is not None and look.at_us >= again_us
        if again_us is None or asked:
            self._tries = self._tries + 1 if asked else 0
        same = packed_the_same(look.repacked, limits)
        if same is None and _least(look) >= GRAINY and packed_with_grain(look.repacked):
            same = False
        frozen = self._doubt(look, case, frozen=self._by_keyframes(look, frozen=frozen, same=same))
        if again_us is not None and not asked and self.again_us is None:
            self.again_us = again_us  # this look is another one's, and comes before
        # What lived may stand since the newest keyframe: the next one says so after seconds.
        stands = _most(look) < NOTHING and _refined_us(look) >= AGAIN_US if self._lives else True
        slow = frozen is False and not bad and stands and looks_still(look.differences, limits)
        may_stand, self._slow = slow and not self._slow, slow  # what is slow all the time would be gone through always
        if look.between is None or not close:
            self._forget()
            return frozen, None
        if bad and frozen is False:
            self._forget()
            return False, ended(IncidentType.FREEZE, look.between.pictures(), limits)
        if bad:
            told = case is not None and case.stage is not Stage.PENDING
            return (frozen if told or same or not frozen else self._verified(look)), None
        self._held = False
        if not (frozen or may_stand or (asked and not self._lives)):
            # Of what seems to live hardly anything stands a moment later, and until then nobody asks since when.
            self._forget(look if self.again_us is not None else None)
            return frozen, None
        return self._begins(look, frozen=frozen, may_stand=may_stand, same=bool(same))

    def _begins(
        self, look: Look, *, frozen: bool | None, may_stand: bool, same: bool
    ) -> tuple[bool | None, int | None]:
        """Look into what lies before a picture that seems to stand, or may."""
        pictures = [] if look.between is None else look.between.pictures()
        stand = stand_of(pictures, self._limits, self._stood())
        if same and stand is not None and look.repacked is not None:
            stand = replace(stand, since_us=min(stand.since_us, look.repacked.since_us))
        self._stand = stand
        if stand is None:
            return frozen, None
        if not frozen:
            holds = self._holds(look)
            if holds is False and (self._apart(look) or 0) < STILL_DRIFT:
                self._ask_again(look)  # it comes nearer to what it was before
            # Fine grain that its encoder left in is never far from what it was, and does not come nearer either.
            stands = may_stand or (bool(holds) and _most(look) < REPACKED and _refines(look))
            if not stands or look.at_us - stand.since_us < STANDS_US:
                return frozen, None
        frozen = same or self._verified(look)
        self._lives = self._lives and not frozen
        return frozen, stand.since_us if frozen else None

    def _by_keyframes(self, look: Look, *, frozen: bool | None, same: bool | None) -> bool | None:
        packed, drift = look.repacked, PACKED_DRIFT if look.drift is None else look.drift
        if drift >= PACKED_DRIFT:
            self._lives = self._failed = False  # it is something else
        if packed is not None and (packed_alike(packed) or abs(packed.growth) >= REGROWN):
            self._lives = False  # encoders pack what has come to a standstill finer and finer
        if max(_most(look), drift) < NOTHING:
            self._lives = False
        if same is not None:
            self._lives, self._failed = not same, self._failed and not same
        if frozen is None or look.drift is None:
            return frozen
        if self._lives:
            return False
        return frozen or (bool(same) and _most(look) < REPACKED)

    def _doubt(self, look: Look, case: Case | None, *, frozen: bool | None) -> bool | None:
        """Where a picture differs by no more than an encoder makes of one that stands, look again before it is said."""
        noise, differs = packing_noise(self._limits), _most(look)
        drift = STILL_DRIFT if look.drift is None else look.drift
        pending = case is not None and case.stage is Stage.PENDING
        held = False
        doubt = frozen is False and not self._lives and (case is None or pending)
        if doubt:
            fresh = _refined_us(look) < AGAIN_US
            most, far = (max(noise, REPACKED), PACKED_DRIFT) if fresh else (noise, STILL_DRIFT)
            held = pending and (fresh or _refines(look)) and differs < max(noise, REPACKED) and bool(self._holds(look))
            doubt = held or (differs < most and drift < far)
            held = held and not fresh
        # Once: grain at night differs as little, look after look.
        self.again_us = look.at_us + AGAIN_US if doubt and not self._doubted else None
        self._doubted = doubt
        if doubt and pending:
            # It stood, and has gone nowhere since; or that is not known.
            return True if held or (differs < noise / 2 and drift < SURE_DRIFT) else None
        return frozen

    def _verified(self, look: Look) -> bool | None:
        """Let the picture of before its keyframe say whether what seems to stand does, where there is one."""
        holds = self._holds(look)
        self._held = self._held or bool(holds)
        if holds or (holds is None and (self._held or self._apart(look) is None)):
            return True
        if self._ask_again(look):
            return None
        self._failed = True
        return False

    def _holds(self, look: Look) -> bool | None:
        """Say whether it is what it was before its keyframe; None where nobody knows, or it is not refined yet."""
        apart = self._apart(look)
        if apart is None:
            return None
        if packed_alike(look.repacked) or apart < (SURELY_HELD if self._failed else HELD_DRIFT):
            return True
        return None if _refined_us(look) < AGAIN_US else False

    def _apart(self, look: Look) -> float | None:
        """Return how far it is from what it was before its keyframe, in grey; None where nothing is known of that."""
        stand = self._stand
        if stand is None or look.between is None or look.key_us is None or stand.at_us >= look.key_us:
            return None
        newest = look.between.newest
        squares = newest.squares()
        return newest.drift_from(stand.squares, squares) if squares.shape == stand.squares.shape else None

    def _ask_again(self, look: Look) -> bool:
        asks = self._tries < TRIES
        self.again_us = look.at_us + AGAIN_US if asks else self.again_us
        return asks

    def _stood(self) -> Stand | None:
        if self._unseen is not None and self._unseen.between is not None:
            self._stand = stand_of(self._unseen.between.pictures(), self._limits)
        self._unseen = None
        return self._stand

    def _forget(self, unseen: Look | None = None) -> None:
        self._stand, self._unseen = None, unseen


def _most(look: Look) -> float:
    return max(look.differences or (REPACKED,))


def _least(look: Look) -> float:
    return min(look.differences or (0.0,))


def _refines(look: Look) -> bool:
    """Say whether pictures go from one to the next in one direction, as refinement does; grain goes here and there."""
    if look.differences is None:
        return False
    first, across, second = look.differences
    return across >= ONE_WAY * (first + second)


def _as_json(stand: Stand | None) -> dict[str, Any] | None:
    if stand is None:
        return None
    squares = stand.squares.astype("<f4")
    return {
        "since_us": stand.since_us, "at_us": stand.at_us, "shape": list(squares.shape),
        "squares": b64encode(squares.tobytes()).decode(),
    }  # fmt: skip


def _from_json(said: Mapping[str, Any] | None) -> Stand | None:
    if said is None:
        return None
    squares = np.frombuffer(b64decode(said["squares"]), "<f4").reshape(said["shape"])
    return Stand(said["since_us"], said["at_us"], squares)

"""What one viewer is sent for the footage that comes, as docs/design/0006 says.

An init before a run with other parameters, fragments on one timeline, the wall time that belongs to it, and words
where footage is missing. One object a viewer, on one thread at a time.

Not here: which fragments (footage, following), sending them (api.stream), converting them (tiers).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.core.errors import BadInput, NotFound
from holdfast.core.gap import Gap
from holdfast.core.timing import SECOND_US
from holdfast.library import footage
from holdfast.library.footage import Chunk
from holdfast.media.playing import Init, Presentation, init_of

DRIFT_US = 100_000  # chosen: a clock on the screen may be this wrong before it is put right
HOLE_US = 500_000  # chosen: less than this between two connections is told as a jump of the clock alone

Message = dict[str, Any] | bytes
Inits = dict[str, Init]
"""What is known of files, by name."""


class NeedsTier(Exception):
    """The viewer cannot play what comes at `wall_us`: it must be converted. Never leaves the session."""

    def __init__(self, wall_us: int, codec: str) -> None:
        super().__init__(codec)
        self.wall_us = wall_us
        self.codec = codec


@dataclass(frozen=True, slots=True)
class Part:
    """A fragment with its bytes, read once for however many viewers. `init` is that of its file."""

    chunk: Chunk
    raw: bytes
    init: Init


def load(volumes: Mapping[str, Path], chunk: Chunk, inits: Inits) -> Part | None:
    """Read a fragment's bytes.

    Args:
        volumes: Roots by name.
        chunk: The fragment.
        inits: What is known of files, by name; added to, and kept short.

    Returns:
        None where its file was removed meanwhile, or is damaged there.
    """
    piece = chunk.piece
    try:
        with footage.opened(volumes, piece) as fd:
            init = inits.get(piece.file)
            if init is None:
                init = init_of(chunk.head, os.pread(fd, chunk.head.init_bytes, 0))
                while len(inits) >= 4:  # noqa: PLR2004 - a reader is in one file at a time, and goes on to the next
                    inits.pop(next(iter(inits)))
                inits[piece.file] = init
            raw = os.pread(fd, chunk.fragment.bytes, chunk.fragment.offset)
    except (NotFound, BadInput):
        return None
    return Part(chunk, raw, init) if len(raw) == chunk.fragment.bytes else None


class Show:
    """Turns what comes into what is sent.

    Args:
        can: Codecs of pictures that the viewer plays; empty for all.
        tier: What the viewer is told it gets.
        notice: A sentence for the viewer, with the first init.
    """

    def __init__(self, can: frozenset[str] = frozenset(), tier: str = "source", notice: str = "") -> None:
        self._can = can
        self.tier = tier
        self.notice = notice
        self._timeline = Presentation()
        self._init = b""
        self._wall_us: int | None = None  # where the last fragment ended
        self._mapped: tuple[float, int] | None = None
        self._told_us = 0  # gaps up to here were told
        self._starting = True

    @property
    def end_s(self) -> float:
        """Media time up to which fragments were made."""
        return self._timeline.end_s

    @property
    def wall_us(self) -> int | None:
        """Wall time at which the last fragment ended; None before the first."""
        return self._wall_us

    def convert(self, tier: str, notice: str) -> None:
        """From now on another tier comes."""
        self.tier, self.notice = tier, notice
        self.jump()
        self._init = b""

    def jump(self) -> None:
        """What comes next does not follow what was before: somebody seeks, or was too slow."""
        self._timeline.jump()
        self._wall_us = None
        self._told_us = 0
        self._starting = True

    def gap(self, gap: Gap, *, asked_us: int = 0) -> list[Message]:
        """Say that footage is missing; `asked_us` is where the viewer began, of what lies before nothing is said."""
        begin_us = max(gap.start_us, self._told_us, asked_us)
        if gap.end_us - begin_us < 1:
            return []
        self._told_us = gap.end_us
        told = {"start_us": gap.start_us, "end_us": gap.end_us, "reason": gap.reason.value, "detail": gap.detail}
        return [{"gap": told}]

    def hole(self, part: Part) -> tuple[int, int] | None:
        """Return the span that is missing before a fragment, where there is one that nobody has told of."""
        start_us = part.chunk.fragment.wall_us
        if self._wall_us is None or start_us - max(self._wall_us, self._told_us) < HOLE_US:
            return None
        return self._wall_us, start_us

    def take(self, part: Part) -> list[Message]:
        """Make messages of a fragment; nothing of one that cannot begin a stretch.

        Raises:
            NeedsTier: The viewer cannot play it.
        """
        head, fragment = part.chunk.head, part.chunk.fragment
        if self._can and part.init.video and part.init.video not in self._can:
            raise NeedsTier(fragment.wall_us, part.init.video)
        if self._starting and not fragment.keyframe:
            return []
        messages: list[Message] = []
        new = self._timeline.place(head, fragment)
        if new and not fragment.keyframe:
            self._timeline.jump()
            self._starting = True
            return []
        self._starting = False
        if part.init.data != self._init:
            self._init = part.init.data
            messages += [self._described(part.init), part.init.data]
        try:
            data = self._timeline.rewrite(head, fragment, part.raw)
        except BadInput:
            return []
        messages += self._map(part.chunk, anew=new)
        messages.append(data)
        self._wall_us = part.chunk.end_us
        return messages

    def _described(self, init: Init) -> Message:
        told = {
            "mime": init.mime, "codecs": list(init.codecs), "width": init.width, "height": init.height,
            "tracks": len(init.codecs), "tier": self.tier, "notice": self.notice,
        }  # fmt: skip
        return {"init": told}

    def _map(self, chunk: Chunk, *, anew: bool) -> list[Message]:
        media_s, wall_us = self._timeline.start_s(chunk.head, chunk.fragment), chunk.fragment.wall_us
        if self._mapped is not None and not anew:
            expected_us = self._mapped[1] + round((media_s - self._mapped[0]) * SECOND_US)
            if abs(expected_us - wall_us) < DRIFT_US:
                return []
        self._mapped = (media_s, wall_us)
        return [{"map": {"media_s": round(media_s, 6), "wall_us": wall_us}}]

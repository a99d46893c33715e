"""Whether a stream's next file goes to memory first, and why not where it does not.

Asked once a file and every two seconds while one grows there: what all of the node's files take in memory is counted
by looking, so processes need not speak to each other, and whoever is killed leaves no count behind. One line in the log
when files begin to go to the volume instead, one when there is room again.

Not here: moving (storage.memory), dropping what nobody holds (work.unload). The writer's thread alone.
"""

from pathlib import Path

import structlog

from holdfast.core.plan import StreamPlan
from holdfast.storage.memory import Memory

FIRST_BYTES = 4 << 20  # chosen: what a stream's first file is expected to take: eight seconds at 4 Mb/s

log = structlog.get_logger()


class Ram:
    """A stream's use of memory.

    Attributes:
        why: Why files go to the volume now; empty while they go to memory, or never should.
        spilled: Files that went there for such a reason.
    """

    def __init__(self, plan: StreamPlan) -> None:
        self._plan = plan
        self._memory: Memory | None = None
        if plan.memory:
            self._memory = Memory.of(Path(plan.memory), Path(plan.volume), plan.volume_id, plan.memory_bytes)
        self._bytes = FIRST_BYTES
        self.why = ""
        self.spilled = 0

    def place(self) -> Memory | None:
        """Return where the next file goes: memory, where that has room for one like the last; None for the volume."""
        if self._memory is None:
            return None
        why = self._memory.short(self._bytes)
        if why:
            self.refused(why)
            return None
        if self.why:
            log.info("memory.back", camera=self._plan.camera, stream=self._plan.stream)
            self.why = ""
        return self._memory

    def over(self) -> str:
        """Say why what grows in memory must leave it now; empty where it may stay."""
        return "" if self._memory is None else self._memory.short(0)

    def refused(self, why: str) -> None:
        """Note that a file goes to the volume."""
        if not self.why:
            log.warning("memory.full", camera=self._plan.camera, stream=self._plan.stream, reason=why,
                        hint="raise memory.cap, shorten memory.segment_s, or hold less")  # fmt: skip
        self.why = why
        self.spilled += 1

    def wrote(self, size: int) -> None:
        """Learn how large a file became: the next one may become a quarter larger."""
        self._bytes = max(FIRST_BYTES // 4, size * 5 // 4)

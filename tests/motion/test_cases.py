"""Whether what moves is an event and nothing else is (E1), on labelled films; ffmpeg's scene filter beside it.

All of them: `pytest -m soak tests/motion --timeout 0 -s`. In every run: a small one of each content.
"""

import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from holdfast.core.event import Rule
from holdfast.media.analysis.motion import Memory
from holdfast.media.analysis.scenery import View
from motion.cases import BEFORE_S, EACH, LIST, MOVES, SHOWN_S, Case, all_cases, written
from support.stirs import events_of, parts_of, stirs_of

CASES = tuple(all_cases())
RECALL_FLOOR, PRECISION_FLOOR = 0.95, 0.90
SLACK_S = 1.0  # a filter's word about the end of something is not wrong
FIRST_S = 1.0  # ffmpeg's filter tells of every film's first picture
SCENE = re.compile(r"pts_time:([0-9.]+)[^p]*?lavfi\.scene_score=([0-9.]+)", re.DOTALL)


def small(content: str) -> Case:
    """One that is decoded quickly."""
    return min((case for case in CASES if case.content == content), key=lambda case: (case.size, case.fps))


def true_of(case: Case, begin_s: float, end_s: float) -> bool:
    """Whether something moves in a case at some time of a span."""
    return case.moves and begin_s <= BEFORE_S + SHOWN_S + SLACK_S and end_s >= BEFORE_S


def test_the_list_is_the_one_that_was_committed() -> None:
    """The cases are those that stand in the list, eight of each content."""
    assert [case.line() for case in CASES] == LIST.read_text(encoding="utf-8").splitlines()
    assert len(CASES) == EACH * len(MOVES) == 160


@pytest.mark.parametrize("content", MOVES)
def test_one_of_each(tmp_path: Path, content: str) -> None:
    """What moves is an event while it moves; light, rain, leaves, trembling and another view are none (C047)."""
    case = small(content)
    coding, parts = parts_of(written(case, tmp_path))
    found = events_of(stirs_of(coding, parts, Memory.of(View())), Rule())
    assert bool(found) == case.moves
    assert all(true_of(case, begin_s, end_s) for begin_s, end_s, _ in found)


@dataclass
class Score:
    """How often it was right, and what that cost."""

    hits: int = 0
    missed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    cpu_s: float = 0.0

    def add(self, case: Case, spans: Sequence[tuple[float, float]]) -> None:
        """Count one case."""
        true = [span for span in spans if true_of(case, *span)]
        self.hits += bool(case.moves and true)
        self.missed += [case.name] if case.moves and not true else []
        self.false += [case.name] * (len(spans) > len(true))

    @property
    def recall(self) -> float:
        """Of what moved, how much was told."""
        return self.hits / max(1, self.hits + len(self.missed))

    @property
    def precision(self) -> float:
        """Of what was told, how much moved."""
        return self.hits / max(1, self.hits + len(self.false))

    @property
    def f1(self) -> float:
        """Of both."""
        return 2 * self.hits / max(1, 2 * self.hits + len(self.missed) + len(self.false))

    def line(self, name: str, seconds: float) -> str:
        """Say it."""
        cost = self.cpu_s / seconds * 100
        figures = f"recall {self.recall:.3f}  precision {self.precision:.3f}  F1 {self.f1:.3f}  {cost:5.2f} % of a core"
        return f"{name:32} {figures}  missed {self.missed}  false {self.false}"


def scenes_of(path: Path) -> tuple[list[tuple[float, float]], float]:
    """Instants and scores of ffmpeg's scene filter, and the CPU that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["ffmpeg", "-hide_banner", "-threads", "1", "-i", str(path), "-vf",
         "select='gte(scene,0)',metadata=print:file=-", "-f", "null", "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = [(float(at), float(score)) for at, score in SCENE.findall(done.stdout)]
    return [(at, score) for at, score in found if at >= FIRST_S], used_s


def best(scenes: Sequence[tuple[Case, list[tuple[float, float]]]], cpu_s: float) -> tuple[float, Score]:
    """The threshold at which ffmpeg's filter has the best F1 over all cases, chosen afterwards, and that score."""
    found: list[tuple[float, Score]] = []
    for step in range(60):
        limit = 0.0005 * 1.15**step
        score = Score(cpu_s=cpu_s)
        for case, instants in scenes:
            score.add(case, [(at, at) for at, much in instants if much > limit])
        found.append((limit, score))
    return max(found, key=lambda one: one[1].f1)


def judged(case: Case, path: Path, *, always: bool) -> tuple[list[tuple[float, float]], float]:
    """Events of a film, and the CPU that they took."""
    coding, parts = parts_of(path)
    began_s = time.process_time()
    found = events_of(stirs_of(coding, parts, Memory.of(View()), always=always), Rule())
    return [(begin_s, end_s) for begin_s, end_s, _ in found], time.process_time() - began_s


def films(folder: Path) -> Iterator[tuple[Case, Path]]:
    """Every film, one after the other."""
    for case in CASES:
        path = written(case, folder)
        yield case, path
        path.unlink()


@pytest.mark.soak
@pytest.mark.needs("ffmpeg")
def test_all_of_them(tmp_path: Path) -> None:
    """Recall and precision are at their floors, and the gate misses nothing that full decoding finds (E1)."""
    gated, full, scenes, their_s = Score(), Score(), [], 0.0
    differ: list[str] = []
    for case, path in films(tmp_path):
        ours, used_s = judged(case, path, always=False)
        gated.add(case, ours)
        gated.cpu_s += used_s
        whole, used_s = judged(case, path, always=True)
        full.add(case, whole)
        full.cpu_s += used_s
        differ += [case.name] if bool(ours) != bool(whole) else []
        found, used_s = scenes_of(path)
        scenes.append((case, found))
        their_s += used_s
    seconds = len(CASES) * (2 * 6 + 12.0)
    limit, theirs = best(scenes, their_s)
    lines = (
        gated.line("Holdfast", seconds),
        full.line("Holdfast, everything decoded", seconds),
        theirs.line(f"ffmpeg, scene > {limit:.4f}", seconds),
    )
    sys.stdout.write("\n" + "\n".join(lines) + f"\nthe gate makes a difference in {differ}\n")
    assert differ == []
    assert gated.recall >= RECALL_FLOOR
    assert gated.precision >= PRECISION_FLOOR

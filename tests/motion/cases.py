"""Labelled films of what moves before a camera and of what only changes its picture.

160 cases: 20 contents, 8 of each, over codecs, sizes, rates, groups and seeds. `cases.tsv` is the list as it was
committed before anything was tuned; a test says whether it is so. Each film is ordinary for 12 s, shows its content
for 6 s, and is ordinary for 6 s again; its grain is there all the time.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from support.films import Picture, film

LIST = Path(__file__).with_name("cases.tsv")
BEFORE_S, SHOWN_S, AFTER_S = 12.0, 6.0, 6.0
END_S = BEFORE_S + SHOWN_S + AFTER_S
EACH = 8

MOVES: dict[str, bool] = {
    "person": True, "car": True, "cat": True, "slow": True, "faint": True, "brief": True, "two": True,
    "night": True, "in-rain": True, "by-leaves": True,
    "still": False, "dark": False, "switch": False, "fade": False, "shadow": False, "lamp": False, "shake": False,
    "rain": False, "leaves": False, "jump": False,
}  # fmt: skip
"""By content, whether something moves."""

THINGS: dict[str, tuple[float, float, float, float]] = {
    "person": (0.045, 0.2, 60, 0.14), "car": (0.2, 0.18, 70, 0.4), "cat": (0.06, 0.055, 55, 0.2),
    "slow": (0.06, 0.25, 60, 0.03), "faint": (0.08, 0.25, 24, 0.14), "brief": (0.1, 0.2, 70, 0.8),
    "two": (0.045, 0.2, 50, 0.12), "night": (0.07, 0.25, 45, 0.14), "in-rain": (0.07, 0.25, 60, 0.14),
    "by-leaves": (0.06, 0.25, 60, 0.14),
}  # fmt: skip
"""What moves: width and height as shares of the picture's, grey apart from what is behind it, widths a second."""

GRAIN = {"night": 8.0, "dark": 8.0}
DAY_GRAIN = 2.0
SIZES = ((320, 180), (640, 360))
RATES = ("crf", "crf", "cbr")
FRAMES = (10, 15, 25)
GROUPS_S = (1, 2, 4)
KBPS = {(320, 180): 200, (640, 360): 500}


@dataclass(frozen=True, slots=True)
class Case:
    """One of them."""

    content: str
    number: int
    codec: str
    size: tuple[int, int]
    rate: str
    fps: int
    group_s: int

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.content}-{self.number}"

    @property
    def moves(self) -> bool:
        """Whether something moves in it."""
        return MOVES[self.content]

    def line(self) -> str:
        """Its line in the list."""
        size = f"{self.size[0]}x{self.size[1]}"
        facts = (self.content, self.number, self.codec, size, self.rate, self.fps, self.group_s)
        return "\t".join(map(str, (*facts, "moves" if self.moves else "-")))


def all_cases() -> Iterator[Case]:
    """Every case, always the same ones."""
    for content in MOVES:
        for number in range(EACH):
            dice = random.Random(f"{content}/{number}")
            yield Case(
                content, number, dice.choice(("h264", "h264", "hevc")), dice.choice(SIZES), dice.choice(RATES),
                dice.choice(FRAMES), dice.choice(GROUPS_S),
            )  # fmt: skip


def written(case: Case, folder: Path) -> Path:
    """Write a case's film."""
    encoder = {"h264": "libx264", "hevc": "libx265"}[case.codec]
    options = {"preset": "ultrafast"}
    kbps = f"{KBPS[case.size]}k"
    if case.rate == "cbr":
        options |= {"b": kbps, "minrate": kbps, "maxrate": kbps, "bufsize": kbps}
    else:
        options["crf"] = "27"
    if case.codec == "h264":
        options |= {"sc_threshold": "0"} | ({"nal-hrd": "cbr"} if case.rate == "cbr" else {})
    else:
        options["x265-params"] = "log-level=none:scenecut=0"
    return film(
        folder / f"{case.name}.mp4", END_S, Scene(case).picture, fps=case.fps, group=case.fps * case.group_s,
        codec=encoder, options=options,
    )  # fmt: skip


class Scene:
    """The pictures of a case."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.dice = np.random.default_rng([case.number, *case.content.encode()])
        width, height = case.size
        self.width, self.height = width, height
        self.wide = self._texture(width + 64, height + 64)
        self.ground = self.wide[32 : 32 + height, 32 : 32 + width]
        if case.content in {"night", "dark"}:
            self.ground = self.ground * 0.3 + 18
        self.tile = self.dice.normal(0, GRAIN.get(case.content, DAY_GRAIN), (height + 97, width + 89))
        self.tree = self._tree()
        self.left_to_right = bool(case.number % 2)
        self.line = self.dice.uniform(0.35, 0.7)
        self.begin = self.dice.uniform(0, 0.5)

    def picture(self, at_s: float) -> Picture:
        """What is to be seen."""
        into_s = at_s - BEFORE_S
        shown = 0 <= into_s < SHOWN_S
        content = self.case.content
        behind = self.ground
        if content in {"by-leaves", "leaves"}:
            behind = self._swaying(at_s, 1.6 if content == "leaves" and shown else 1.0)
        if content in THINGS and shown:
            behind = self._with_things(behind, into_s)
        if content == "in-rain" or (content == "rain" and shown):
            behind = self._rained(behind)
        changes: dict[str, Callable[[float, float], Any]] = {
            "switch": lambda _, into: self.ground * (0.45 if self.case.number % 2 else 1.25) if into >= 0 else None,
            "fade": lambda _, into: self.ground * (1 - 0.6 * min(1, max(0, into / SHOWN_S))),
            "shadow": partial(self._shadowed),
            "lamp": lambda _, into: self._lit() if into >= 0 else None,
            "shake": lambda at, _: self._shaken(at) if shown else None,
            "jump": lambda _, into: self.wide[: self.height, 60 : 60 + self.width][::-1] if into >= 0 else None,
        }
        changed = changes[content](at_s, into_s) if content in changes else None
        top, left = self.dice.integers(0, 97), self.dice.integers(0, 89)
        grain = self.tile[top : top + self.height, left : left + self.width]
        return np.asarray(((behind if changed is None else changed) + grain).clip(0, 255), np.uint8)

    def _texture(self, width: int, height: int) -> Any:
        rows, columns = np.mgrid[0:height, 0:width]
        seed = self.case.number + 1
        waves = np.sin(columns / (9 + seed)) * 20 + np.sin(rows / (7 + seed)) * 16 + np.sin((rows + columns) / 31) * 20
        blocks = ((columns // 48 + rows // 36 + seed) % 3) * 18
        return 95 + waves + blocks

    def _with_things(self, behind: Any, into_s: float) -> Any:
        wide, high, apart, speed = THINGS[self.case.content]
        picture = behind.copy()
        lines = (self.line, self.line + 0.2) if self.case.content == "two" else (self.line,)
        for number, line in enumerate(lines):
            way = (self.begin + speed * into_s - number * 0.1) if speed < 0.3 else speed * into_s - wide
            across = way if self.left_to_right else 1 - wide - way
            left, top = round(across * self.width), round(line * self.height)
            area = picture[
                top : top + round(high * self.height), max(0, left) : max(0, left + round(wide * self.width))
            ]
            area += apart if self.case.number % 3 else -apart
        return picture

    def _tree(self) -> Any:
        rows, columns = np.mgrid[0 : self.height, 0 : self.width]
        inside = ((columns / self.width - 0.2) ** 2 * 3 + (rows / self.height - 0.25) ** 2) < 0.03
        return inside, rows, columns

    def _swaying(self, at_s: float, strength: float) -> Any:
        inside, rows, columns = self.tree
        swing = strength * (self.width / 160) * np.sin(2 * np.pi * at_s * 0.7 + rows / 19)
        leaves = 80 + 45 * np.sin((columns + swing) / 3.1) * np.sin((rows + swing * 0.5) / 2.7)
        return np.where(inside, leaves, self.ground)

    def _rained(self, behind: Any) -> Any:
        picture = behind.copy()
        for _ in range(60):
            top, left = self.dice.integers(0, self.height - 12), self.dice.integers(0, self.width - 2)
            picture[top : top + 6 + self.height // 60, left : left + 1] += 45
        return picture

    def _shadowed(self, _: float, into_s: float) -> Any:
        columns = np.arange(self.width) / self.width
        edge = into_s / SHOWN_S * 1.6 - 0.3
        return self.ground * (1 - 0.3 / (1 + np.exp((columns - edge) * 12)))

    def _lit(self) -> Any:
        rows, columns = np.mgrid[0 : self.height, 0 : self.width]
        near = ((columns / self.width - 0.6) ** 2 + (rows / self.height - 0.5) ** 2) / 0.06
        return self.ground + 60 * np.exp(-near)

    def _shaken(self, at_s: float) -> Any:
        by = self.width / 320
        x, y = round(2 * by * np.sin(at_s * 21)), round(1.5 * by * np.cos(at_s * 17))
        return self.wide[32 + y : 32 + y + self.height, 32 + x : 32 + x + self.width]

"""Labelled films and outages: what is to be told of each, and what must not be.

560 cases: 28 pairs of a condition and a content that is hard to tell, 20 of each, over codecs, sizes, bit rates and
seeds. `cases.tsv` is the list as it was committed before any threshold was looked at; a test says whether it is so.
Each film is ordinary for 6 s, then shows its content for 14 s, then is ordinary for 6 s.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from support.films import Picture, film, plain

LIST = Path(__file__).with_name("cases.tsv")
BEFORE_S, SHOWN_S, AFTER_S = 6.0, 14.0, 6.0
END_S = BEFORE_S + SHOWN_S + AFTER_S
EACH = 20
FPS = 25

BLACK, FREEZE, SILENT, LOST = "blackscreen", "freeze", "audio_loss", "signal_lost"

CONTENTS: dict[str, dict[str, str]] = {
    BLACK: {
        "plain": BLACK, "grain": BLACK, "fade": BLACK, "logo": BLACK, "subtitles": BLACK,
        "dark": "", "letterbox": "", "flashing": "",
    },
    FREEZE: {
        "plain": FREEZE, "grain": FREEZE, "clock": FREEZE, "one-pixel": FREEZE,
        "pan": "", "clouds": "", "live-grain": "", "stutter": "",
    },
    SILENT: {"plain": SILENT, "floor": SILENT, "hum": SILENT, "fade": SILENT, "quiet": "", "pauses": "", "clicks": ""},
    LOST: {"unreachable": LOST, "auth": LOST, "disk-full": "disk", "short": "", "off-schedule": ""},
}  # fmt: skip
"""By condition and content, which incident is to be told; empty for none."""

CODECS = ("h264", "h264", "h264", "hevc", "mjpeg")
SIZES = ((320, 180), (480, 270), (640, 360))
KBPS = (200, 500, 1500)


@dataclass(frozen=True, slots=True)
class Case:
    """One of them. `told` is the incident's type, empty for none."""

    condition: str
    content: str
    number: int
    codec: str
    size: tuple[int, int]
    kbps: int
    group: int
    told: str

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.condition}-{self.content}-{self.number:02}"

    def line(self) -> str:
        """Its line in the list."""
        size = f"{self.size[0]}x{self.size[1]}"
        facts = (self.condition, self.content, self.number, self.codec, size, self.kbps, self.group, self.told or "-")
        return "\t".join(map(str, facts))


def all_cases() -> Iterator[Case]:
    """Every case, always the same ones."""
    for condition, contents in CONTENTS.items():
        for content, told in contents.items():
            for number in range(EACH):
                dice = random.Random(f"{condition}/{content}/{number}")
                yield Case(
                    condition, content, number, dice.choice(CODECS), dice.choice(SIZES), dice.choice(KBPS),
                    dice.choice((25, 50, 100)), told,
                )  # fmt: skip


def written(case: Case, path: Path) -> Path:
    """Write a case's film; `path` without its suffix. Not for outages."""
    encoder = {"h264": "libx264", "hevc": "libx265", "mjpeg": "mjpeg"}[case.codec]
    options = {"preset": "ultrafast", "b": f"{case.kbps}k", "maxrate": f"{case.kbps}k", "bufsize": f"{case.kbps}k"}
    if case.codec == "h264":
        options["threads"] = "1"  # on each machine the same film, and each time
    if case.codec == "hevc":
        options["x265-params"] = "log-level=none:pools=none:frame-threads=1"
    if case.codec == "mjpeg":
        options = {"q": "4", "qmin": "3", "qmax": "6"}
    scene = _Scene(case)
    return film(
        path.with_suffix(".mkv"), END_S, scene.picture, scene.loudness, fps=FPS, group=case.group, codec=encoder,
        pixels="yuvj420p" if case.codec == "mjpeg" else "yuv420p", options=options,
    )  # fmt: skip


class _Scene:
    """The pictures and sound of a case."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.noise = np.random.default_rng(abs(hash_of(case.name)))
        width, height = case.size
        self.ground = self._texture(width * 2, height)
        self.still = self._ordinary(BEFORE_S)
        self.grainy = self._grained(self.still, 6.0)

    def picture(self, at_s: float) -> Picture:
        """What is to be seen."""
        if self.case.condition == SILENT or not BEFORE_S <= at_s < BEFORE_S + SHOWN_S:
            return self._ordinary(at_s)
        shown: dict[tuple[str, str], Callable[[float], Picture]] = {
            (BLACK, "plain"): lambda _: plain(self.case.number % 8, self.case.size),
            (BLACK, "grain"): lambda _: self._grained(plain(3, self.case.size), 2.0),
            (BLACK, "fade"): self._faded,
            (BLACK, "logo"): lambda _: self._marked(plain(2, self.case.size), 0.03),
            (BLACK, "subtitles"): self._subtitled,
            (BLACK, "dark"): lambda at: (self._ordinary(at) // 6 + 14).astype(np.uint8),
            (BLACK, "letterbox"): self._boxed,
            (BLACK, "flashing"): lambda at: plain(0, self.case.size) if int(at) % 2 else self._ordinary(at),
            (FREEZE, "plain"): lambda _: self.still,
            (FREEZE, "grain"): lambda _: self.grainy,
            (FREEZE, "clock"): self._clocked,
            (FREEZE, "one-pixel"): self._blinking,
            (FREEZE, "pan"): lambda at: self._panned(int(at * FPS)),
            (FREEZE, "clouds"): self._clouded,
            (FREEZE, "live-grain"): lambda _: self._grained(self.still, 5.0),
            (FREEZE, "stutter"): lambda at: self._ordinary(math.floor(at) if int(at) % 2 else at),
        }
        return shown[self.case.condition, self.case.content](at_s)

    def loudness(self, at_s: float) -> float:
        """How loud a tone is: 0 to 1."""
        into_s = at_s - BEFORE_S
        if self.case.condition != SILENT or not 0 <= into_s < SHOWN_S:
            return 0.2
        return {
            "plain": 0.0,
            "floor": 10 ** (-70 / 20),
            "hum": 10 ** (-62 / 20),
            "fade": max(0.0, 0.2 * (1 - into_s)),
            "quiet": 10 ** (-42 / 20),
            "pauses": 0.2 if int(at_s) % 2 else 0.0,
            "clicks": 0.7 if at_s % 1 < 0.03 else 0.0,
        }[self.case.content]

    def _texture(self, width: int, height: int) -> Picture:
        """Something with large and small shapes, as pictures have."""
        rows, columns = np.mgrid[0:height, 0:width]
        seed = self.case.number + 1
        waves = np.sin(columns / (9 + seed)) * 35 + np.sin(rows / (7 + seed)) * 30 + np.sin((rows + columns) / 31) * 25
        blocks = ((columns // 24 + rows // 18 + seed) % 3) * 22
        return np.asarray((100 + waves + blocks).clip(20, 235), np.uint8)

    def _panned(self, pixels: int) -> Picture:
        width = self.case.size[0]
        return np.roll(self.ground, -pixels, axis=1)[:, :width].copy()

    def _ordinary(self, at_s: float) -> Picture:
        return self._panned(int(at_s * 60))

    def _grained(self, picture: Picture, spread: float) -> Picture:
        return np.asarray((picture + self.noise.normal(0, spread, picture.shape)).clip(0, 255), np.uint8)

    def _faded(self, at_s: float) -> Picture:
        into_s = at_s - BEFORE_S
        share = max(0.0, 1 - into_s, into_s - SHOWN_S + 1)
        return np.asarray(self._ordinary(at_s) * share, np.uint8)

    def _marked(self, picture: Picture, share: float) -> Picture:
        height, width = picture.shape
        side = int(math.sqrt(share * height * width))
        picture[8 : 8 + side, width - side - 8 : width - 8] = 220
        return picture

    def _subtitled(self, at_s: float) -> Picture:
        picture = plain(0, self.case.size)
        height, width = picture.shape
        for line in range(2):
            top = int(height * (0.82 + 0.08 * line))
            for letter in range(24):
                if (letter * 7 + int(at_s / 2) + line) % 3:
                    left = int(width * (0.25 + letter * 0.02))
                    picture[top : top + height // 24, left : left + width // 110] = 230
        return picture

    def _boxed(self, at_s: float) -> Picture:
        picture = plain(0, self.case.size)
        height = picture.shape[0]
        inner = slice(int(height * 0.36), int(height * 0.64))
        picture[inner] = self._ordinary(at_s)[inner]
        return picture

    def _clocked(self, at_s: float) -> Picture:
        picture = self.still.copy()
        height, width = picture.shape
        for digit in range(2):
            left = int(width * 0.9) + digit * width // 60
            picture[6 : 6 + height // 40, left : left + width // 80] = 255 if (int(at_s) >> digit) & 1 else 0
        return picture

    def _blinking(self, at_s: float) -> Picture:
        picture = self.still.copy()
        picture[20, 20] = 255 if int(at_s * FPS) % 2 else 0
        return picture

    def _clouded(self, at_s: float) -> Picture:
        rows, columns = np.mgrid[0 : self.case.size[1], 0 : self.case.size[0]]
        sky = 150 + 60 * np.sin((columns + at_s * 9) / 40) * np.cos((rows + at_s * 2) / 33)
        return np.asarray(sky.clip(0, 255), np.uint8)


def hash_of(text: str) -> int:
    """A number of a text that is the same in each process."""
    return int.from_bytes(text.encode()[-7:].rjust(7, b"x"), "big") + sum(text.encode())

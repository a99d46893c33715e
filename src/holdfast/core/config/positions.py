"""On which line of a TOML text each key stands; `tomllib` does not say.

A scanner over text that `tomllib` has already accepted, so it only has to find its way, not to judge. Paths are tuples
of keys and, inside arrays, indexes: `("cameras", "gate", "capture", "windows", 0, "start")`. Pure.
"""

import re
import tomllib
from typing import Any

Key = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")


def scan(text: str) -> dict[Key, int]:
    """Find every key.

    Args:
        text: TOML that `tomllib.loads` accepts.

    Returns:
        Line (from 1) of each table, key and array element, by path.
    """
    return _Scanner(text.replace("\r\n", "\n")).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Key, int] = {}
        self.counts: dict[Key, int] = {}

    def run(self) -> dict[Key, int]:
        table: Key = ()
        while self._skip(_BLANK) < len(self.text):
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)
        return self.lines

    def _header(self) -> Key:
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        line = self._line()
        self._skip(_SPACE)
        names = self._dotted()
        self.at += 2 if array else 1
        path: Key = ()
        for number, name in enumerate(names, start=1):
            path = (*path, name)
            self._note(path, line)
            last = number == len(names)
            if array and last:
                self.counts[path] = self.counts.get(path, -1) + 1
            # A header below an array of tables means the newest element of it.
            if path in self.counts:
                path = (*path, self.counts[path])
                self._note(path, line)
        return path

    def _pair(self, table: Key) -> None:
        line = self._line()
        path = table
        for name in self._dotted():
            path = (*path, name)
            self._note(path, line)
        self.at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Key) -> None:
        start = self.text[self.at]
        if start in "\"'":
            self._string()
        elif start == "[":
            self._array(path)
        elif start == "{":
            self._inline(path)
        else:
            match = _SCALAR.match(self.text, self.at)
            self.at = match.end() if match else self.at + 1

    def _array(self, path: Key) -> None:
        self.at += 1
        index = 0
        while self.text[self._skip(_BLANK)] != "]":
            self._note((*path, index), self._line())
            self._value((*path, index))
            index += 1
            if self.text[self._skip(_BLANK)] == ",":
                self.at += 1
        self.at += 1

    def _inline(self, path: Key) -> None:
        self.at += 1
        while self.text[self._skip(_BLANK)] != "}":
            self._pair(path)
            if self.text[self._skip(_BLANK)] == ",":
                self.at += 1
        self.at += 1

    def _dotted(self) -> list[str]:
        names = [self._name()]
        while self.text[self._skip(_SPACE)] == ".":
            self.at += 1
            self._skip(_SPACE)
            names.append(self._name())
        return names

    def _name(self) -> str:
        if self.text[self.at] in "\"'":
            raw = self._string()
            parsed: dict[str, Any] = tomllib.loads(f"key = {raw}")
            return str(parsed["key"])
        match = _BARE.match(self.text, self.at)
        self.at = match.end() if match else self.at + 1
        return match.group() if match else ""

    def _string(self) -> str:
        begin = self.at
        quote = self.text[begin]
        mark = quote * 3 if self.text.startswith(quote * 3, begin) else quote
        self.at += len(mark)
        while not self.text.startswith(mark, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(mark)
        # Up to two more quotes may belong to the end of a multi-line string.
        while len(mark) > 1 and self.text.startswith(quote, self.at):
            self.at += 1
        return self.text[begin : self.at]

    def _skip(self, what: re.Pattern[str]) -> int:
        match = what.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def _note(self, path: Key, line: int) -> None:
        self.lines.setdefault(path, line)

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

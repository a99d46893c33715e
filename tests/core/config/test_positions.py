import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.config.positions import Key, scan

TEXT = '''\
# a comment with [brackets] and "quotes"
state_dir = "x"   # line 2
"quoted.key" = 1
[site]
name = """
not = "a key"
[nor.a.table]
"""
time_zone = 'UTC'
log.level = "info"

[cameras.gate]
capture.windows = [
  { days = ["mon", "tue"], start = "11:00" },  # line 14

  { start = "12:00", end = "13:00" },
]
url = "rtsp://h/#not-a-comment"
[ cameras . "door 1" ]
password = { env = "X" }
expected.video.width = 1_920
expected.video.height = 1080
[[list]]
a = 1
[[list]]
a = 2
[list.inner]
b = 1979-05-27T07:32:00Z
[cameras.text]
name = \'\'\'it''s\'\'\'
after = true
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("state_dir",), 2),
        (("quoted.key",), 3),
        (("site",), 4),
        (("site", "name"), 5),
        (("site", "time_zone"), 9),
        (("site", "log", "level"), 10),
        (("cameras", "gate"), 12),
        (("cameras", "gate", "capture", "windows"), 13),
        (("cameras", "gate", "capture", "windows", 0), 14),
        (("cameras", "gate", "capture", "windows", 0, "days", 1), 14),
        (("cameras", "gate", "capture", "windows", 1, "end"), 16),
        (("cameras", "gate", "url"), 18),
        (("cameras", "door 1"), 19),
        (("cameras", "door 1", "password", "env"), 20),
        (("cameras", "door 1", "expected", "video", "width"), 21),
        (("cameras", "door 1", "expected", "video", "height"), 22),
        (("list", 0, "a"), 24),
        (("list", 1, "a"), 26),
        (("list", 1, "inner", "b"), 28),
        (("cameras", "text", "after"), 31),
    ],
)
def test_each_way_to_write_a_key_has_its_line(key: Key, line: int) -> None:
    """Dotted and quoted keys, inline tables, arrays of tables and what follows multi-line strings are found."""
    assert scan(TEXT)[key] == line


def test_strings_hold_no_keys() -> None:
    """What looks like a key or table inside a multi-line string is text."""
    found = scan(TEXT)
    assert ("site", "not") not in found
    assert ("nor",) not in found


def test_line_ends_of_other_systems() -> None:
    """A file with carriage returns has the same lines."""
    assert scan(TEXT.replace("\n", "\r\n")) == scan(TEXT)


_KEYS = st.one_of(
    st.text("abcXYZ019_-", min_size=1, max_size=6),
    st.text("ab .#[]={}\",'\\é", max_size=5),
)
_SCALARS = st.one_of(
    st.integers(-(2**40), 2**40), st.booleans(), st.floats(allow_nan=False, allow_infinity=False),
    st.text("ab #[]={}\"'\\\n,é\t", max_size=12),
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=8
)


def _quoted(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(escapes.get(char, char) for char in text) + '"'


def _inline(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return "[\n" + "".join(f" {_inline(item)}, # ] comment\n" for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_quoted(key)} = {_inline(item)}" for key, item in value.items()) + " }"
    return repr(value)


def _paths(value: Any, at: Key = ()) -> set[Key]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {at} | {path for name, inner in children for path in _paths(inner, (*at, name))}


@given(document=st.dictionaries(_KEYS, st.dictionaries(_KEYS, _VALUES, max_size=3), max_size=3))
@settings(max_examples=80, deadline=None)
def test_the_scanner_finds_exactly_what_the_parser_finds(document: dict[str, dict[str, Any]]) -> None:
    """Whatever is written, every path that the parser knows has a line, and no other path does."""
    text = "".join(
        f"[{_quoted(table)}]\n" + "".join(f"{_quoted(key)} = {_inline(value)}\n" for key, value in body.items())
        for table, body in document.items()
    )
    parsed = tomllib.loads(text)
    assert set(scan(text)) == _paths(parsed) - {()}

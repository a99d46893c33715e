"""The rules of the house: those that a linter does not know. Each test names every place that breaks its rule."""

import ast
import functools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from holdfast.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
_SELF = "tests/test_house.py"
MOST_LINES = 400
MOST_IN_FUNCTION = 60
_SUPERVISORS = (
    "roles/",
    "sim/thread.py",
    "recording/stream.py",
    "recording/writer.py",
    "recording/upkeep.py",
    "library/recognising",
    "work/runner.py",
    "work/station.py",
    "work/sweep.py",
)  # where a broad `except` has its place: they stand between a failure and others
_SUITES = {"conformance"}  # one suite for all that keep a contract, not for one module
# Hosts of registries and mirrors, written so that this file does not name them either.
_REGISTRIES = [
    f"{name}.{end}"
    for name, end in (
        ("pypi", "org"),
        ("files.pythonhosted", "org"),
        ("registry.npmjs", "org"),
        ("deb.debian", "org"),
        ("proxy.golang", "org"),
        ("index.crates", "io"),
    )
]
_MACHINE = re.compile(r"(?<![\w.])/(?:work|farm|home/\w+|Users/\w+)/\w")
_INDEX_URL = re.compile(r"--(?:extra-)?index-url|index-url\s*=|\bresolved\b.*https?://")
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


@functools.cache
def _committed() -> tuple[Path, ...]:
    """Every file that git knows or would take; the whole tree where there is no git."""
    argv = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        names = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        found = [p for p in ROOT.rglob("*") if p.is_file()]
        return tuple(p for p in found if not {".venv", "__pycache__"} & set(p.relative_to(ROOT).parts))
    return tuple(ROOT / name for name in names if name and (ROOT / name).is_file())


def _python(*folders: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of every Python file in these folders."""
    for path in _committed():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix == ".py" and name.startswith(folders):
            yield name, path.read_text(encoding="utf-8")


def _functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def test_files_are_short() -> None:
    """No source file has more than 400 lines: more than that is two subjects."""
    long = [f"{name}: {text.count(chr(10))}" for name, text in _python("src/") if text.count("\n") > MOST_LINES]
    assert not long


def test_functions_are_short() -> None:
    """No function of the source has more than 60 lines."""
    long = [
        f"{name}:{f.lineno} {f.name}"
        for name, text in _python("src/")
        for f in _functions(text)
        if (f.end_lineno or f.lineno) - f.lineno >= MOST_IN_FUNCTION
    ]
    assert not long


def test_tests_mirror_the_source() -> None:
    """Each test of a floor is named for a module that exists on it, so that a module's tests are found by its name."""
    modules = {name.removeprefix("src/holdfast/") for name, _ in _python("src/")}
    floors = {path.name for path in (ROOT / "src/holdfast").iterdir() if path.is_dir()}
    strays = []
    for name, _ in _python("tests/"):
        folder, _, file = name.removeprefix("tests/").rpartition("/")
        if not file.startswith("test_") or folder.split("/")[0] not in floors:
            continue
        stem = file.removeprefix("test_").removesuffix(".py")
        # `test_fragmenter_timing.py` is a second file about `fragmenter.py`; a package is tested under its own name.
        bases = [stem.rsplit("_", cut)[0] for cut in range(stem.count("_") + 1)]
        wanted = {f"{folder}/{base}{end}" for base in bases for end in (".py", "/__init__.py")}
        if stem not in _SUITES and not wanted & modules:
            strays.append(f"{name}: no module {folder}/{stem}.py")
    assert not strays


def test_every_test_says_what_it_shows() -> None:
    """Each test opens with one sentence that states the behaviour, and looks at something."""
    silent = []
    for name, text in _python("tests/"):
        helpers = {function.name for function in _functions(text) if _looks(function)}
        for function in _functions(text):
            if not function.name.startswith("test_"):
                continue
            if not ast.get_docstring(function):
                silent.append(f"{name}:{function.lineno} {function.name} says nothing")
            calls = {ast.unparse(n.func) for n in ast.walk(function) if isinstance(n, ast.Call)}
            fixtures = {argument.arg for argument in function.args.args}
            # A helper of the same file may look, and so does the fixture that looks for leaks.
            if not (_looks(function) or calls & helpers or "no_leaks" in fixtures):
                silent.append(f"{name}:{function.lineno} {function.name} asserts nothing")
    assert not silent


def _looks(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Say whether a function asserts something, expects an error, or works within something that looks."""
    return any(isinstance(n, ast.Assert | ast.With | ast.AsyncWith) for n in ast.walk(function))


def test_broad_except_only_in_supervisors() -> None:
    """Nothing but a supervisor catches everything."""
    broad = []
    for name, text in _python("src/"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ExceptHandler) and _catches_all(node) and not _raises_again(node):
                place = name.removeprefix("src/holdfast/")
                if not place.startswith(_SUPERVISORS):
                    broad.append(f"{name}:{node.lineno}")
    assert not broad


def _catches_all(node: ast.ExceptHandler) -> bool:
    return node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})


def _raises_again(node: ast.ExceptHandler) -> bool:
    return isinstance(node.body[-1], ast.Raise)


def test_nothing_is_left_for_later() -> None:
    """No source file holds a note that something is still to be done."""
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|NotImplemented" r"Error)\b")
    assert not [name for name, text in _python("src/", "tests/", "tools/", "benchmarks/") if marks.search(text)]


def test_every_exemption_has_its_reason() -> None:
    """Each noqa, and each `type: ignore` of the source, names its rule and says why."""
    bare = []
    for name, text in _python("src/", "tests/", "tools/", "benchmarks/"):
        for number, line in enumerate(text.splitlines(), 1):
            found = re.search(r"# noqa(.*)" if name.startswith("tests/") else r"# (?:noqa|type: ignore)(.*)", line)
            if found and name != _SELF and not re.match(r"(: |\[)[\w, -]+?\]?\s+(- |# ?)\S", found[1]):
                bare.append(f"{name}:{number}")
    assert not bare


def test_no_machine_and_no_registry_is_named() -> None:
    """No committed file names a path of somebody's machine, a package registry's host, or another index."""
    hosts = re.compile("|".join(map(re.escape, _REGISTRIES)))
    found = []
    for path in _committed():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if path == Path(__file__).resolve():
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if hosts.search(line) or _MACHINE.search(line) or _INDEX_URL.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert not found


def test_no_lock_files() -> None:
    """No lock file is committed that holds the addresses of whatever mirror made it; npm's can do without."""
    locks = {"uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "yarn.lock", "pnpm-lock.yaml"}
    assert not [path for path in _committed() if path.name in locks]
    for path in (path for path in _committed() if path.name == "package-lock.json"):
        assert "://" not in path.read_text(encoding="utf-8"), path


def test_links_resolve() -> None:
    """Each link between pages leads to a page that is there, and to a heading that is on it."""
    broken = []
    for page in (path for path in _committed() if path.suffix == ".md"):
        for target in _LINK.findall(re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)):
            if "://" in target:
                continue
            name, _, heading = unquote(target).partition("#")
            place = (page.parent / name).resolve() if name else page
            if not place.exists() or (heading and heading not in _headings(place)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken


def _headings(page: Path) -> set[str]:
    lines = [
        line.lstrip("#").strip().lower() for line in page.read_text(encoding="utf-8").splitlines() if line[:1] == "#"
    ]
    return {re.sub(r"[^\w\- ]", "", line).replace(" ", "-") for line in lines}


def test_generated_pages_are_current() -> None:
    """The pages of commands and of faults say what the code says, every command included."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools/docs.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    assert all(f"## holdfast {name}\n" in text for name in COMMANDS)


@pytest.mark.parametrize("name", ["0001", "0002", "0003", "0004"])
def test_design_notes_are_whole(name: str) -> None:
    """Each design note has a status, an objective, non-goals, invariants and alternatives."""
    (page,) = (ROOT / "docs/design").glob(f"{name}-*.md")
    text = page.read_text(encoding="utf-8")
    assert re.search(r"^Status: ", text, re.MULTILINE)
    for part in ("Objective", "Non-goals", "Invariants", "Alternatives"):
        assert re.search(rf"^## .*{part}", text, re.MULTILINE | re.IGNORECASE), part


def test_types_cover_everything() -> None:
    """The strict type check covers source, tests, benchmarks and tools, without an exemption for any module."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert settings["strict"] is True
    assert {"src", "tests", "benchmarks", "tools"} <= set(settings["files"])
    assert "overrides" not in settings


def test_licence_is_apache() -> None:
    """The licence is the full text of Apache 2.0, and the package says so."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert len(text.splitlines()) > 200
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"] == "Apache-2.0"


def test_ci_runs_make_test_with_nothing_left_out() -> None:
    """CI does what a person does, `make test`, and lets nothing be skipped."""
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert "export HOLDFAST_REQUIRE_ALL=1" in lines
    assert lines[-1] == "exec make test"

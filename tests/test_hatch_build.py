"""The part of the build that fetches from npm, against an npm of our own: a script that does what it is told."""

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(name="hook")
def _hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    """A tree with what the build asks for."""
    shutil.copytree(ROOT / "web-build", tmp_path / "tree/web-build")
    return tmp_path / "tree"


def npm(tmp_path: Path, body: str) -> list[str]:
    """An npm that does this in the folder that it is called in."""
    script = tmp_path / "npm.py"
    script.write_text(f"import sys, json, os, pathlib\n{body}\n", encoding="utf-8")
    return [sys.executable, str(script)]


INSTALLS = """
assert sys.argv[1] == "ci" and "--ignore-scripts" in sys.argv, sys.argv
for name in json.load(open("package.json"))["holdfast"]["copy"]:
    path = pathlib.Path("node_modules", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("content of " + name)
"""


def test_files_are_fetched_once(hook: ModuleType, tree: Path, tmp_path: Path) -> None:
    """What package.json names is taken over, and counts as there until something of it changes."""
    assert not hook.is_current(tree)
    hook.fetch(tree, npm(tmp_path, INSTALLS))
    assert hook.is_current(tree)
    vendor = tree / hook.VENDOR
    wanted = json.loads((tree / "web-build/package.json").read_bytes())["holdfast"]["copy"]
    assert {p.name for p in vendor.iterdir()} == {*wanted.values(), hook.MARK}
    (vendor / "htmx.js").write_text("something else")
    assert not hook.is_current(tree)
    hook.fetch(tree, npm(tmp_path, INSTALLS))
    assert hook.is_current(tree)
    with (tree / "web-build/package-lock.json").open("a", encoding="utf-8") as lock:
        lock.write("\n")
    assert not hook.is_current(tree)


def test_nothing_is_asked_for_what_is_there(hook: ModuleType, tree: Path, tmp_path: Path) -> None:
    """Building again needs neither node nor network."""
    made = hook.Hook()
    made.root = str(tree)
    assert made.dependencies() == [hook.NODE]
    hook.fetch(tree, npm(tmp_path, INSTALLS))
    assert made.dependencies() == []
    made.initialize("standard", {})


def test_no_registry_is_said_in_words(hook: ModuleType, tree: Path, tmp_path: Path) -> None:
    """An npm that reaches no registry fails the build with its own words and what to do, and leaves nothing behind."""
    failing = npm(tmp_path, 'print("npm error connect ECONNREFUSED", file=sys.stderr); sys.exit(1)')
    with pytest.raises(hook.NpmFailed, match=r"(?s)ECONNREFUSED.*Without a network, copy"):
        hook.fetch(tree, failing)
    assert not (tree / hook.VENDOR).exists()
    with pytest.raises(hook.NpmFailed, match="could not be run"):
        hook.fetch(tree, [str(tmp_path / "no-such-npm")])


def test_a_package_without_its_file(hook: ModuleType, tree: Path, tmp_path: Path) -> None:
    """A file that a package no longer has is named, and the folder does not count as whole."""
    with pytest.raises(hook.NpmFailed, match="is not in what npm installed"):
        hook.fetch(tree, npm(tmp_path, INSTALLS + '\nos.remove("node_modules/htmx.org/LICENSE")'))
    assert not hook.is_current(tree)


def test_without_any_npm(hook: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without node's wheel the npm on PATH does; without either the error says what brings one."""
    (tmp_path / "npm").write_text("#!/bin/sh\n")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    assert hook.npm_command() == [str(tmp_path / "npm")]
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path / "nothing"))
    with pytest.raises(hook.NpmFailed, match="Build with pip"):
        hook.npm_command()


def test_the_lock_pins_everything() -> None:
    """Each package has one exact version and a hash, and no address."""
    lock = json.loads((ROOT / "web-build/package-lock.json").read_bytes())["packages"]
    wanted = json.loads((ROOT / "web-build/package.json").read_bytes())["dependencies"]
    own = {name.removeprefix("node_modules/"): facts for name, facts in lock.items() if name}
    assert {name: facts["version"] for name, facts in own.items()} == wanted
    assert all(facts["integrity"].startswith("sha512-") and "resolved" not in facts for facts in own.values())


def test_everything_that_is_fetched_is_used() -> None:
    """A page names each script and style that the build brings; licences come with them."""
    wanted = json.loads((ROOT / "web-build/package.json").read_bytes())["holdfast"]["copy"].values()
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/holdfast/web/templates").glob("*.html"))
    unused = [file for file in wanted if not file.endswith(".LICENSE.txt") and f"vendor/{file}" not in pages]
    assert wanted
    assert not unused

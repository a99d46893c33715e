"""Where the configuration, the state and the runtime files are when nobody says otherwise. Creates nothing."""

import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from holdfast.core.config.secret import anchored

_STATE_LINE = re.compile(r"""(?m)^[ \t]*state_dir[ \t]*=[ \t]*(?:"([^"\\\n]+)"|'([^'\n]+)')""")


def default_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the file to use where none is named: the first that exists, else the one for a first start."""
    if environ.get("HOLDFAST_CONFIG"):
        return Path(environ["HOLDFAST_CONFIG"]).expanduser()
    home = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or "~").expanduser() / ".config")
    places = [Path("holdfast.toml"), home / "holdfast" / "holdfast.toml", Path("/etc/holdfast/holdfast.toml")]
    return next((place for place in places if place.is_file()), places[0])


def default_state_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of what must outlive a restart: catalog, plan, logs."""
    if environ.get("STATE_DIRECTORY"):
        return Path(environ["STATE_DIRECTORY"].split(":")[0])  # systemd may give several, with colons
    home = Path(environ.get("HOME") or "~").expanduser()
    return Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "holdfast"


def default_runtime_dir(state_dir: Path, environ: Mapping[str, str]) -> Path:
    """Return the folder, in memory, of status files: one for each state folder, so that installations do not clash."""
    own = sha256(str(state_dir.resolve()).encode()).hexdigest()[:8]
    if environ.get("RUNTIME_DIRECTORY"):
        return Path(environ["RUNTIME_DIRECTORY"].split(":")[0]) / own
    user = os.getuid()
    session = Path(f"/run/user/{user}")
    if os.access(session, os.W_OK):
        return session / "holdfast" / own
    memory = Path("/dev/shm")  # noqa: S108 - a folder of this user is made in it, with mode 700, by whoever writes first
    shared = memory if memory.is_dir() else Path(tempfile.gettempdir())
    return shared / f"holdfast-{user}" / own


def guess_state_dir(path: Path, environ: Mapping[str, str]) -> Path:
    """Return where the state most likely is although the configuration at `path` is broken."""
    said = environ.get("HOLDFAST_STATE_DIR", "")
    if not said:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        try:
            said = str(tomllib.loads(text).get("state_dir", ""))
        except tomllib.TOMLDecodeError:
            # One wrong character anywhere must not cost us the way to the last good settings.
            match = _STATE_LINE.search(text)
            said = (match[1] or match[2]) if match else ""
    try:
        return anchored(path.absolute().parent, said) if said else default_state_dir(environ)
    except ValueError:
        return default_state_dir(environ)

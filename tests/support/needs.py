"""What tests need from the system besides Python: how to tell whether it is there, and what would install it.

A test says `@pytest.mark.needs("ffprobe", "postgres")`; `conftest.py` skips it by name where one is missing. The same
table tells `make test` which Debian packages to install (`python tests/support/needs.py --missing`), so that a name
cannot be required without a way to get it. Checks are run at most once a process and only for names that a test uses.
"""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_CHECK_TIMEOUT_S = 60.0  # chosen: the first run of GStreamer builds its registry, which takes long where disks are slow


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a test cannot run without. `packages` are Debian's names; `how` says it where no package helps."""

    present: Callable[[], bool]
    packages: tuple[str, ...] = ()
    how: str = ""

    @property
    def install(self) -> str:
        """The command that would bring it."""
        return self.how or "apt-get install --no-install-recommends " + " ".join(self.packages)


def _tool(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def _runs(*argv: str) -> bool:
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_CHECK_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def system_python() -> str:
    """Return the Python that Debian's `python3-gi` belongs to; a virtual environment does not see that package."""
    return next((p for p in ("/usr/bin/python3", "/usr/local/bin/python3") if Path(p).exists()), "python3")


_GST_PROBE = """
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
names = "videotestsrc x264enc x265enc h264parse rtph264pay rtph265pay avenc_aac rtpmp4gpay alawenc rtppcmapay".split()
raise SystemExit(any(Gst.ElementFactory.find(name) is None for name in names))
"""


def _gst_rtsp() -> bool:
    return _runs(system_python(), "-c", _GST_PROBE)


def postgres_bin() -> Path | None:
    """Return the folder that holds `initdb` and `postgres` (Debian keeps them off PATH), or None."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name.split(".")[0]))
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


def sshd() -> str | None:
    """Return the SSH server (Debian keeps it off PATH), or None."""
    return shutil.which("sshd") or next((path for path in ("/usr/sbin/sshd",) if Path(path).exists()), None)


def _root() -> bool:
    return os.geteuid() == 0


def _mount() -> bool:
    if not (_root() and shutil.which("mount")):
        return False
    with tempfile.TemporaryDirectory() as folder:
        return _runs("mount", "-t", "tmpfs", "-o", "size=64k", "none", folder) and _runs("umount", folder)


def _loop_mount() -> bool:
    """Whether an ext4 image can be made and mounted: the tools are there, and this container may."""
    if not (_root() and all(shutil.which(tool) for tool in ("mkfs.ext4", "debugfs", "mount", "umount"))):
        return False
    with tempfile.TemporaryDirectory() as folder:
        image, target = Path(folder, "image"), Path(folder, "mounted")
        target.mkdir()
        with image.open("wb") as file:
            file.truncate(4 << 20)
        made = _runs("mkfs.ext4", "-q", "-F", str(image))
        return made and _runs("mount", "-o", "loop", str(image), str(target)) and _runs("umount", str(target))


def _gst_packages() -> tuple[str, ...]:
    plugins = tuple(f"gstreamer1.0-plugins-{quality}" for quality in ("base", "good", "bad", "ugly"))
    return ("python3-gi", "gir1.2-gst-rtsp-server-1.0", "gir1.2-gstreamer-1.0", *plugins, "gstreamer1.0-libav")


_AS_ROOT = "run the tests as root in a throw-away container or machine"

NEEDS: dict[str, Need] = {
    "ffprobe": Need(_tool("ffprobe"), ("ffmpeg",)),
    "ffmpeg": Need(_tool("ffmpeg"), ("ffmpeg",)),
    "postgres": Need(lambda: postgres_bin() is not None, ("postgresql",)),
    "gst-rtsp": Need(_gst_rtsp, _gst_packages()),
    "chromium": Need(_tool("chromium", "chromium-browser", "google-chrome"), ("chromium",)),
    "chromedriver": Need(_tool("chromedriver"), ("chromium-driver",)),
    "xvfb": Need(_tool("Xvfb"), ("xvfb",)),
    "rsync": Need(_tool("rsync"), ("rsync",)),
    "sshd": Need(lambda: sshd() is not None and _tool("ssh", "ssh-keygen")(), ("openssh-server", "openssh-client")),
    "git": Need(_tool("git"), ("git",)),
    "openssl": Need(_tool("openssl"), ("openssl",)),
    "linux": Need(lambda: sys.platform == "linux", how="run the tests on Linux"),
    "root": Need(_root, how=_AS_ROOT),
    "loop-mount": Need(
        _loop_mount, ("e2fsprogs", "mount"), _AS_ROOT + " that has loop devices and may mount (CAP_SYS_ADMIN)"
    ),
    "mount": Need(_mount, how=_AS_ROOT + " that may mount (CAP_SYS_ADMIN)"),
}
"""Every name that `@pytest.mark.needs` takes."""


@functools.cache
def present(name: str) -> bool:
    """Say whether a need is met here; asked once a process.

    Raises:
        KeyError: No such name.
    """
    return NEEDS[name].present()


def missing_packages() -> list[str]:
    """Return the Debian packages of every unmet need, each once."""
    wanted = {
        package: None
        for name, need in NEEDS.items()
        if need.packages and not present(name)
        for package in need.packages
    }
    return list(wanted)


if __name__ == "__main__":
    sys.stdout.write(" ".join(missing_packages()) + "\n")

"""Which mount a path is on, read from the kernel's own table. Linux; elsewhere nothing is known."""

import re
from pathlib import Path

TABLE = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


def mount_of(path: Path, table: Path = TABLE) -> tuple[str, str]:
    """Return mount point and type of the file system that holds a path; both empty where the system does not tell."""
    best = ("", "")
    if not table.exists():
        return best
    place = path.resolve()
    for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        # proc(5): blanks and backslashes of a mount point are written as octal escapes.
        point = _OCTAL.sub(lambda m: chr(int(m[1], 8)), before.split(" ")[4])
        # A later line covers an earlier one of the same place.
        if place.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, after.split(" ")[0])
    return best

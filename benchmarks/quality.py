"""What judging pictures and sound costs: Holdfast on the sub stream against ffmpeg's filters on the main one (P5).

    python benchmarks/quality.py                 60 s of 1080p25 at 4 Mb/s and of 640x360
    python benchmarks/quality.py --seconds 20

Both get the same scene, with a black, a frozen and a silent part. CPU is user and system time of a process of its own
for each, its start subtracted by a run on one second. Needs ffmpeg. Prints a table.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

EVERY_S = 2.0  # as by default
JUDGE = """
import json, sys
from pathlib import Path
from holdfast.core.incident import outcomes
from holdfast.core.quality import Thresholds
from holdfast.library.analyze import judged
found = judged(Path(sys.argv[1]), 1, Thresholds(), every_us=int(float(sys.argv[2]) * 1e6)).found
told = outcomes(step.change for step in found.steps)
print(json.dumps({"looks": len(found.measures), "incidents": [case.type for case in told]}))
"""
FILTERS = ["-vf", "blackdetect=d=3:pix_th=0.04,freezedetect=n=0.002:d=3", "-af", "silencedetect=n=-57dB:d=3"]

MARKS = {"black_start": "blackscreen", "freeze_start": "freeze", "silence_start": "audio_loss"}


def cpu_s(argv: list[str]) -> tuple[float, str]:
    """Run a program to its end; seconds of CPU, and what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return used, done.stdout + done.stderr


def scene(path: Path, size: str, rate: str, seconds: float) -> Path:
    """Make a film: noise over a moving pattern; a quarter is black, a quarter frozen, a quarter silent."""
    part = seconds / 4
    video = (
        f"testsrc2=s={size}:r=25:d={seconds},noise=alls=6:allf=t,"
        f"drawbox=c=black:t=fill:enable='between(t,{part},{2 * part})',"
        f"loop=loop={round(part * 25)}:size=1:start={round(3 * part * 25)},trim=duration={seconds}"
    )
    audio = f"sine=f=440:r=48000:d={seconds},volume=0:enable='between(t,{2 * part},{3 * part})'"
    subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", video, "-f", "lavfi", "-i", audio,
         "-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-sc_threshold", "0", "-b:v", rate,
         "-maxrate", rate, "-bufsize", rate,
         "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest", str(path)],
        check=True,
    )  # fmt: skip
    return path


def main() -> int:
    """Measure, and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=60.0)
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        main_ = scene(root / "main.mp4", "1920x1080", "4M", wanted.seconds)
        sub = scene(root / "sub.mp4", "640x360", "500k", wanted.seconds)
        short_main, short_sub = scene(root / "m.mp4", "1920x1080", "4M", 1), scene(root / "s.mp4", "640x360", "500k", 1)
        ours = [sys.executable, "-c", JUDGE]
        theirs = ["ffmpeg", "-hide_banner", "-nostats", "-i"]
        start, _ = cpu_s([*ours, str(short_sub), str(EVERY_S)])
        judged, said = cpu_s([*ours, str(sub), str(EVERY_S)])
        judged_main, said_main = cpu_s([*ours, str(main_), str(EVERY_S)])
        peer_start, _ = cpu_s([*theirs, str(short_main), *FILTERS, "-f", "null", "-"])
        peer, peer_said = cpu_s([*theirs, str(main_), *FILTERS, "-f", "null", "-"])
    long_s = wanted.seconds - 1
    rows = (
        ("Holdfast, sub", judged - start, json.loads(said)["incidents"]),
        ("Holdfast, main", judged_main - start, json.loads(said_main)["incidents"]),
        ("ffmpeg's filters, main", peer - peer_start, [name for mark, name in MARKS.items() if mark in peer_said]),
    )  # fmt: skip
    for name, used_s, found in rows:
        share = used_s / long_s * 100
        print(
            f"{name:24} {share:6.2f} % of a core   {used_s / (peer - peer_start):5.2f} of ffmpeg   {', '.join(found)}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What a camera costs that is recorded and watched for everything: motion, black, freeze and silence (P4).

    python benchmarks/motion.py                 4 cameras, 640x360 at 25 a second, 60 s each
    python benchmarks/motion.py --cameras 8 --seconds 120

One recorder process and one watcher, as `holdfast run` starts them, on films that are played as cameras: a scene at
rest, one in which something moves for six seconds of each minute, and the same from an encoder that always sends as
many bytes. CPU is user and system time of each, in percent of a core for each camera. Needs ffmpeg. Prints a table.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from meter import Group
from scene import await_recording, clear, holdfast_commands

SETTLE_S = 15.0  # a scene is learned in the first seconds, while everything is decoded
MOVING = "overlay=x='100+60*(t-20)':y=150:enable='between(t,20,26)'"
RATES = {
    "vbr": ("-crf", "27", "-maxrate", "800k", "-bufsize", "800k"),
    "cbr": ("-b:v", "500k", "-minrate", "500k", "-maxrate", "500k", "-bufsize", "500k", "-x264-params", "nal-hrd=cbr"),
}
SCENES = (("at rest", "vbr", False), ("six seconds a minute", "vbr", True), ("the same, constant rate", "cbr", True))


def film(path: Path, rate: str, *, moving: bool) -> Path:
    """Make a minute of a street with a little grain and a tone, a keyframe every two seconds."""
    street = "color=c=0x6a7a80:s=640x360:r=25:d=60,drawgrid=w=64:h=48:t=3:c=0x405060,noise=alls=2:allf=t"
    thing = "color=c=0xd8d0c0:s=40x90:r=25:d=60"
    graph = f"{street}[a];{thing}[b];[a][b]{MOVING if moving else 'overlay=x=-100:y=0'}[v]"
    subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "sine=f=440:r=48000:d=60", "-filter_complex",
         graph, "-map", "[v]", "-map", "0:a", "-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-bf", "0",
         "-sc_threshold", "0", "-pix_fmt", "yuv420p", *RATES[rate], "-c:a", "aac", "-b:a", "64k", str(path)],
        check=True,
    )  # fmt: skip
    return path


def commands(folder: Path, path: Path, count: int) -> list[list[str]]:
    """Plan the film as so many cameras; the command lines of their recorders."""
    found = holdfast_commands(folder, [str(path)] * count)
    plan = folder / "state" / "streams.json"
    body = json.loads(plan.read_text(encoding="utf-8"))
    for stream in body["streams"]:
        stream["source"] = "file"
    plan.write_text(json.dumps(body), encoding="utf-8")
    return found


def configure(folder: Path, path: Path, count: int, *, motion: bool) -> Path:
    """Write settings of the same cameras for the watcher."""
    config = folder / "holdfast.toml"
    text = f'state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "{folder}/footage-disk"\n'
    text += f"[defaults.motion]\nenabled = {str(motion).lower()}\n"
    text += "".join(f'[cameras.cam{number}]\nurl = "{path}"\n' for number in range(count))
    config.write_text(text, encoding="utf-8")
    return config


def measured(path: Path, count: int, seconds: float, *, motion: bool) -> tuple[float, float]:
    """Percent of a core that a camera costs: recorded, and watched."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-motion-"))
    try:
        recorder = Group(commands(folder / "out", path, count), folder / "log")
        try:
            await_recording(folder / "out", count)
            config = configure(folder / "out", path, count, motion=motion)
            argv = [sys.executable, "-m", "holdfast", "watch", "-c", str(config)]
            watcher = Group([argv], folder / "log")
            try:
                time.sleep(SETTLE_S)
                with ThreadPoolExecutor() as pool:
                    used = list(pool.map(lambda group: group.measure(seconds).cores, (recorder, watcher)))
                if not (recorder.alive() and watcher.alive()):
                    raise SystemExit((folder / "log").read_text(errors="replace")[-2000:])
            finally:
                watcher.stop()
        finally:
            recorder.stop()
        return used[0] / count * 100, used[1] / count * 100
    finally:
        clear(folder)


def main() -> int:
    """Measure, and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cameras", type=int, default=4)
    options.add_argument("--seconds", type=float, default=60.0)
    wanted = options.parse_args()
    print(
        f"{'scene':26} {'recorded':>9} {'watched':>9} {'without motion':>15} {'together':>9}   % of a core, each camera"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, rate, moving in SCENES:
            path = film(Path(folder) / f"{rate}-{moving}.mp4", rate, moving=moving)
            recorded, watched = measured(path, wanted.cameras, wanted.seconds, motion=True)
            _, bare = measured(path, wanted.cameras, wanted.seconds, motion=False)
            print(f"{name:26} {recorded:9.2f} {watched:9.2f} {bare:15.2f} {recorded + watched:9.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

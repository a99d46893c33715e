"""What a camera costs that is recorded and watched for everything: motion, black, freeze and silence (P4).

    python benchmarks/motion.py                 16 cameras over RTSP, 640x360 at 25 a second, 60 s each
    python benchmarks/motion.py --cameras 8 --seconds 120

One recorder process for 16 cameras and one watcher, as `holdfast run` starts them, on cameras that show a film: a scene
at rest, one in which something moves for six seconds of each minute, and the same from an encoder that always sends as
many bytes. CPU is user and system time of each, in percent of a core for each camera. Needs ffmpeg. Prints a table.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
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
    street = "color=c=0x6a7a80:s=640x360:r=25:d=60,drawgrid=w=64:h=48:t=3:c=0x405060,noise=alls=8:allf=t"
    thing = "color=c=0xd8d0c0:s=40x90:r=25:d=60"
    graph = f"{street}[a];{thing}[b];[a][b]{MOVING if moving else 'overlay=x=-100:y=0'}[v]"
    subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "sine=f=440:r=48000:d=60", "-filter_complex",
         graph, "-map", "[v]", "-map", "0:a", "-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-bf", "0",
         "-sc_threshold", "0", "-pix_fmt", "yuv420p", *RATES[rate], "-c:a", "aac", "-b:a", "64k", str(path)],
        check=True,
    )  # fmt: skip
    return path


@contextmanager
def cameras(path: Path, count: int) -> Iterator[list[str]]:
    """Serve a film as so many cameras; hand out their addresses."""
    argv = [sys.executable, str(Path(__file__).with_name("film_cameras.py")), str(path), str(count)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line, "the cameras did not start"
            yield json.loads(line)
        finally:
            server.terminate()
            server.wait(30)


def configure(folder: Path, urls: list[str], *, motion: bool) -> Path:
    """Write settings of the same cameras for the watcher."""
    config = folder / "holdfast.toml"
    text = f'state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "{folder}/footage-disk"\n'
    text += f"[defaults.motion]\nenabled = {str(motion).lower()}\n"
    text += "".join(f'[cameras.cam{number}]\nurl = "{url}"\n' for number, url in enumerate(urls))
    config.write_text(text, encoding="utf-8")
    return config


def measured(path: Path, count: int, seconds: float, *, motion: bool) -> tuple[float, float]:
    """Percent of a core that a camera costs: recorded, and watched."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-motion-"))
    try:
        with cameras(path, count) as urls, ExitStack() as running:
            recorder = Group(holdfast_commands(folder / "out", urls), folder / "log")
            running.callback(recorder.stop)
            await_recording(folder / "out", count)
            config = configure(folder / "out", urls, motion=motion)
            watcher = Group([[sys.executable, "-m", "holdfast", "watch", "-c", str(config)]], folder / "log")
            running.callback(watcher.stop)
            time.sleep(SETTLE_S)
            with ThreadPoolExecutor() as pool:
                used = list(pool.map(lambda group: group.measure(seconds).cores, (recorder, watcher)))
            if not (recorder.alive() and watcher.alive()):
                raise SystemExit((folder / "log").read_text(errors="replace")[-2000:])
        return used[0] / count * 100, used[1] / count * 100
    finally:
        clear(folder)


def main() -> int:
    """Measure, and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cameras", type=int, default=16)
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

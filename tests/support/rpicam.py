"""A program that speaks rpicam-vid's options, for tests: its sensor is made up, its H.264 and JPEGs are real.

Run as a program itself: `python rpicam.py --list-cameras`, or with the options that the recorder gives.
"""

import argparse
import os
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

LISTED = """Available cameras
-----------------
0 : imx219 [3280x2464 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx219@10)
    Modes: 'SRGGB10_CSI2P' : 640x480 [206.65 fps - (1000, 752)/1280x960 crop]
1 : imx708_wide [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@0/imx708@1a)
"""


def install(folder: Path, *, cameras: bool = True) -> Path:
    """Make an executable of it; without `cameras` it finds none."""
    path = folder / "rpicam-vid"
    listed = LISTED if cameras else "No cameras available!\n"
    path.write_text(
        f"#!/bin/sh\nLISTED='{listed.replace(chr(39), '')}' exec {sys.executable} {__file__} \"$@\"\n", encoding="ascii"
    )
    path.chmod(0o755)
    return path


def main() -> None:
    """Do what the options say, until a signal comes."""
    reader = argparse.ArgumentParser()
    reader.add_argument("--list-cameras", action="store_true")
    for name in ("camera", "timeout", "width", "height", "bitrate", "intra", "rotation"):
        reader.add_argument(f"--{name}", type=int, default=0)
    for name in ("output", "codec", "profile"):
        reader.add_argument(f"--{name}", default="")
    for name in ("nopreview", "flush", "inline"):
        reader.add_argument(f"--{name}", action="store_true")
    reader.add_argument("--framerate", type=float, default=30.0)
    options = reader.parse_args()
    if options.list_cameras:
        sys.stdout.write(os.environ["LISTED"])
        return
    assert (options.output, options.timeout) == ("-", 0)
    _film(options)


def _film(options: argparse.Namespace) -> None:
    import av  # noqa: PLC0415 - listing must be quick

    from support.encoding import quarters  # noqa: PLC0415 - found beside this file, see below

    h264 = options.codec == "h264"
    encoder: Any = av.CodecContext.create("libx264" if h264 else "mjpeg", "w")
    encoder.width, encoder.height = options.width, options.height
    encoder.pix_fmt = "yuv420p" if h264 else "yuvj420p"
    encoder.time_base = Fraction(1, 1000)
    encoder.max_b_frames = 0
    if h264:
        encoder.gop_size = options.intra
        encoder.options = {"preset": "ultrafast", "tune": "zerolatency"}
    frame = quarters(options.width, options.height, encoder.pix_fmt)
    began = time.monotonic()
    for number in range(100_000):
        frame.pts = round(number * 1000 / options.framerate)
        for packet in encoder.encode(frame):
            sys.stdout.buffer.write(bytes(packet))
        sys.stdout.buffer.flush()
        time.sleep(max(0.0, began + (number + 1) / options.framerate - time.monotonic()))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()

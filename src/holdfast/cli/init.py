"""`holdfast init`: a commented configuration to start from."""

import os
from pathlib import Path
from typing import Annotated

import typer

from holdfast.core.errors import BadInput, NotFound
from holdfast.storage.files import replace_atomically

app = typer.Typer()

# What to edit is marked; everything else is shown with its default and commented out.
TEMPLATE = """\
# Holdfast: what to record. Lines marked with <- are yours to edit; everything else works as it is.
# Check it with:  holdfast config check       See what holds:  holdfast config show --origins
# Every key is described in docs/configuration.md.

[site]
name = "My site"                        # <-
time_zone = "{time_zone}"

[volumes.main]
path = "{footage}"                      # <- folder on the disk that takes the footage
# reserve = "256MiB"                    # stays free on it
# storage = "sd-card"                   # spares a memory card

# Every key of a camera may stand here, and be overridden at a camera.
[defaults]
username = "viewer"                     # <- an account at the cameras that may only watch
password = "change-me"                  # <- or {{ file = "camera.password" }}, or {{ env = "CAMERA_PASSWORD" }}
# audio = "optional"                    # "required" flags its absence, "off" leaves it out
# segment_s = 600                       # length of the files
# capture.windows = [ {{ days = ["mon", "tue", "wed", "thu", "fri"], start = "11:00", end = "22:00" }} ]

[cameras.gate]
name = "Gate"
url = "rtsp://192.0.2.10/Streaming/Channels/101"   # <-

# A camera of a known make needs only its address; "sub" records its small stream, too.
# [cameras.yard]
# address = "192.0.2.11"
# path = "hikvision"
# sub = true
"""


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("holdfast.toml"),
    *,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Write a commented configuration to start from. Asks nothing."""
    if path.is_dir():
        path /= "holdfast.toml"
    if path.exists() and not force:
        raise BadInput(f"{path} is there already", hint="edit it, name another file, or add --force to replace it")
    if not path.absolute().parent.is_dir():
        raise NotFound(f"there is no folder {path.absolute().parent}", hint="make it first")
    text = TEMPLATE.format(time_zone=local_zone(), footage="recordings")
    # Mode 600 from the start: sooner or later somebody writes a password into it.
    replace_atomically(path, text.encode(), durable=True, mode=0o600)
    typer.echo(f"wrote {path}; edit the lines marked with <-, then: holdfast config check -c {path}")


def local_zone() -> str:
    """Return the IANA name of this machine's time zone, UTC where it does not say."""
    name = os.environ.get("TZ", "").removeprefix(":")
    target = str(Path("/etc/localtime").resolve())
    found = name if "/" in name else target.partition("zoneinfo/")[2]
    return found or "UTC"

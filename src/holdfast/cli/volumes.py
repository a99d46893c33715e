"""`holdfast volumes`: which disks there are, and taking a new or replaced one."""

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.cli.common import ConfigOption, JsonOption, echo_json, size
from holdfast.core.clock import SystemClock
from holdfast.core.config import load
from holdfast.library import volumes
from holdfast.library.volumes import VolumeState

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_volumes(config: ConfigOption = None, *, as_json: JsonOption = False) -> int:
    """List the volumes, their room and what is wrong with them; exit code 74 if footage cannot go to one."""
    states = volumes.survey(load(config).config)
    if as_json:
        echo_json([_facts(state) for state in states])
    else:
        _print(states)
    return next((state.problem.exit_code for state in states if state.problem), 0)


@app.command()
def adopt(
    name: Annotated[str, typer.Argument(help="Name of the volume in the configuration.")],
    config: ConfigOption = None,
) -> None:
    """Take the disk that is mounted now as this volume: for a new or replaced disk."""
    loaded = load(config)
    volume_id = volumes.adopt(loaded.config, name, SystemClock())
    typer.echo(f"volume {name} is {loaded.config.volumes[name].path}, id {volume_id}")


def _facts(state: VolumeState) -> dict[str, object]:
    return {
        "name": state.name, "path": str(state.root), "id": state.volume_id, "ready": state.problem is None,
        "problem": str(state.problem) if state.problem else None, "hint": state.problem.hint if state.problem else None,
        "free_bytes": state.free_bytes, "total_bytes": state.total_bytes, "reserve_bytes": state.reserve_bytes,
    }  # fmt: skip


def _print(states: list[VolumeState]) -> None:
    table = Table("VOLUME", "PATH", "ID", "FREE", "OF", "RESERVE", "STATE", box=None, pad_edge=False)
    for state in states:
        free, total = (size(count) if count is not None else "-" for count in (state.free_bytes, state.total_bytes))
        words = "ready" if state.problem is None else f"{state.problem}\ntry: {state.problem.hint}"
        table.add_row(
            state.name, escape(str(state.root)), state.volume_id or "-", free, total, size(state.reserve_bytes),
            escape(words), style=None if state.problem is None else "red",
        )  # fmt: skip
    Console(highlight=False).print(table)

"""`holdfast config`: check the configuration, and show what holds and why."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from holdfast.cli.common import ConfigOption, JsonOption, echo_json
from holdfast.core.config import ConfigInvalid, Loaded, Problem, default_path, load
from holdfast.core.config.layers import leaves
from holdfast.core.config.problems import did_you_mean, dotted
from holdfast.core.errors import NotFound
from holdfast.library import cameras as roster
from holdfast.library import ram, settings

app = typer.Typer(no_args_is_help=True)

MEMORY_HINT = "set memory.dir to a folder on a tmpfs, and memory.cap to what that holds"
_WIDEST = 60  # chosen: one long address must not push every origin off the screen


@app.command()
def check(config: ConfigOption = None, *, as_json: JsonOption = False) -> int:
    """Check the configuration: every problem with file and line. Exit code 0 if it can be used, else 78."""
    path = (config or default_path()).absolute()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    cameras = 0
    try:
        loaded = load(path)
    except ConfigInvalid as error:
        problems = error.problems
    else:
        warnings, cameras = loaded.warnings, len(loaded.config.cameras)
        # The only thing that the file alone cannot tell, and that would otherwise be found out by a worn-out SD card.
        if ram.users(loaded.config) and (why := ram.trouble(loaded.config)):
            words = f"{why}; footage goes to the disk at once"
            warnings = (*warnings, Problem(place=path.name, key="memory", message=words, hint=MEMORY_HINT))
    if as_json:
        echo_json({"file": str(path), "ok": not problems, "problems": _listed(problems), "warnings": _listed(warnings)})
    else:
        console = Console(highlight=False, soft_wrap=True)
        for kind, colour, found in (("problem", "red", problems), ("warning", "yellow", warnings)):
            for problem in found:
                console.print(Text(f"{kind}: ", style=colour) + Text(str(problem), style=""))
        words = (
            f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
            if problems
            else f"{cameras} camera{'s' if cameras != 1 else ''}, can be used"
        )
        console.print(Text(f"{path}: {words}"))
    return ConfigInvalid.exit_code if problems else 0


@app.command()
def show(
    config: ConfigOption = None,
    *,
    camera: Annotated[str, typer.Option(help="Only this camera, complete with its defaults.", show_default=False)] = "",
    origins: Annotated[bool, typer.Option("--origins", help="Say where each value comes from.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the settings that hold: file, defaults, environment and what was changed at run time; secrets are masked."""
    file = load(config)
    state_dir = file.config.state_dir
    loaded = roster.merged(settings.laid_over(file, settings.recall(state_dir))[0], roster.recall(state_dir))
    rows = _rows(loaded, camera)
    if as_json:
        values = {key: {"value": value, "origin": origin} if origins else value for key, value, origin in rows}
        echo_json(values)
        return
    # Padded by hand: a table would cut addresses to the width of the terminal, and a pipe has none.
    shown = [(key, _written(value), origin) for key, value, origin in rows]
    widths = [max((len(row[column]) for row in shown), default=0) for column in (0, 1)]
    for key, value, origin in shown:
        end = f"{value:{min(widths[1], _WIDEST)}}  {origin}" if origins else value
        typer.echo(f"{key:{widths[0]}}  {end}")


def _rows(loaded: Loaded, camera: str) -> list[tuple[str, Any, str]]:
    cameras = loaded.config.cameras
    if camera and camera not in cameras:
        raise NotFound(f"there is no camera {camera!r}", hint=did_you_mean(camera, cameras))
    at = ("cameras", camera)
    return [
        (dotted(key), value, loaded.origins.get(dotted(key), "default"))
        for key, value in leaves(loaded.config.masked())
        if not camera or key[:2] == at
    ]


def _written(value: Any) -> str:
    if value is None or value == "":
        return "-"
    return (
        ", ".join(map(str, value))
        if isinstance(value, list)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )


def _listed(problems: tuple[Problem, ...]) -> list[dict[str, str]]:
    return [{"place": p.place, "key": p.key, "message": p.message, "hint": p.hint} for p in problems]

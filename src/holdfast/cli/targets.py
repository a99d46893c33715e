"""`holdfast targets`: where finished files are sent, whether it works, and taking a folder as one.

Exit codes: 0 all is well, 66 no such target, 69 a target does not take files, 78 the configuration is wrong.
"""

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.cli.common import ConfigOption, JsonOption, duration, echo_json, size
from holdfast.core.clock import SystemClock
from holdfast.core.config import Config
from holdfast.core.config.problems import did_you_mean
from holdfast.core.config.targets import AnyTarget, FolderTarget, RsyncTarget
from holdfast.core.errors import NotFound, UsageError
from holdfast.library.settings import load_in_force
from holdfast.storage.targets import marker
from holdfast.storage.targets.trial import Trial, place_of, try_target

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_targets(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """List the targets; connects to none."""
    targets = load_in_force(config).config.targets
    if as_json:
        echo_json([_entry(name, target) for name, target in targets.items()])
        return
    if not targets:
        typer.echo("no targets: add [targets.NAME] to the configuration")
        return
    table = Table("TARGET", "TYPE", "WHERE", "LIMIT", "AT ONCE", "ENCRYPTED", box=None, pad_edge=False)
    for name, target in targets.items():
        limit = f"{size(target.bandwidth)}/s" if target.bandwidth else "-"
        encrypted = "yes" if target.encrypt else "-"
        table.add_row(name, target.type, escape(place_of(target)), limit, str(target.parallel), encrypted)
    Console(highlight=False).print(table)


@app.command("test")
def try_them(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all without a name.", show_default=False)] = None,
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> int:
    """Write, verify and remove a small file at a target, and say what it can; exit code 69 where that fails."""
    known = load_in_force(config).config
    trials = [try_target(name, _chosen(known, name)) for name in names or known.targets]
    if as_json:
        echo_json([_facts(trial) for trial in trials])
    else:
        for trial in trials:
            _print(trial)
    return next((trial.problem.exit_code for trial in trials if trial.problem), 0)


@app.command()
def adopt(
    name: Annotated[str, typer.Argument(help="Name of the target in the configuration.")],
    config: ConfigOption = None,
) -> None:
    """Take the folder that is there now as this target: puts a marker into it, without which nothing is sent."""
    target = _chosen(load_in_force(config).config, name)
    if isinstance(target, FolderTarget):
        path, wanted = target.path, target.marker
    elif isinstance(target, RsyncTarget) and (here := target.folder) is not None:
        path, wanted = here, ""
    else:
        raise UsageError(f"{name} is no folder of this machine", hint="only folders carry a marker")
    typer.echo(f"target {name} is {path}, marker {marker.adopt(name, path, SystemClock().wall_us(), wanted)}")


def _chosen(config: Config, name: str) -> AnyTarget:
    if name not in config.targets:
        names = list(config.targets)
        hint = did_you_mean(name, names) or "add [targets.NAME] to the configuration"
        raise NotFound(f"there is no target {name!r}", hint=hint)
    return config.targets[name]


def _entry(name: str, target: AnyTarget) -> dict[str, object]:
    return {
        "name": name, "type": target.type, "where": place_of(target), "bandwidth": target.bandwidth,
        "parallel": target.parallel, "quiet_s": target.quiet_s, "encrypted": bool(target.encrypt),
        "hours": [window.model_dump(mode="json") for window in target.hours],
    }  # fmt: skip


def _facts(trial: Trial) -> dict[str, object]:
    return {
        "name": trial.name, "where": trial.where, "ready": trial.problem is None, "took_s": round(trial.took_s, 3),
        "problem": str(trial.problem) if trial.problem else None, "code": trial.problem.code if trial.problem else None,
        "hint": trial.problem.hint if trial.problem else None,
        "verifies": trial.facts.verifies if trial.facts else None,
        "free_bytes": trial.facts.free_bytes if trial.facts else None,
    }  # fmt: skip


def _print(trial: Trial) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if trial.problem is not None:
        said = str(trial.problem).removeprefix(f"{trial.name}: ")
        console.print(f"[red]{trial.name}[/]: {escape(said)}")
        if trial.problem.hint:
            console.print(f"  try: {escape(trial.problem.hint)}")
        return
    console.print(f"{trial.name}: takes files, {escape(trial.where)}, answered in {duration(trial.took_s)}")
    if trial.facts is not None:
        free = f", {size(trial.facts.free_bytes)} free" if trial.facts.free_bytes is not None else ""
        console.print(f"  verified by {escape(trial.facts.verifies)}{free}")

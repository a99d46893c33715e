"""The program `holdfast`: finds the command, runs it, and turns our errors into two lines and an exit code.

Commands live one module each in this folder and are imported only when asked for: a recorder process must not carry the
catalog's libraries in memory, and `holdfast --version` must not wait for libav. A module holds `app`, a Typer with one
command (`holdfast status`) or several (`holdfast config check`).
"""

import difflib
import importlib
import sys
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from holdfast import __version__
from holdfast.core.errors import HoldfastError, UsageError

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "Record every configured camera: starts and supervises all roles."),
    "demo": ("demo", "Record three simulated cameras, to look around."),
    "init": ("init", "Write a commented configuration to start from."),
    "status": ("status", "Show what every camera is doing now."),
    "coverage": ("coverage", "Show how complete the footage is, and why it is not."),
    "report": ("report", "Say what was expected of each camera, and what came of it."),
    "cameras": ("cameras", "List, test, add and change cameras."),
    "doctor": ("doctor", "Find out what is wrong, and how to mend it."),
    "clip": ("clip", "Write any span of a camera as one MP4."),
    "export": ("export", "Hand footage on as one signed file that anybody can check."),
    "stills": ("stills", "List stills, take those of an old span, make films of them."),
    "queue": ("queue", "See and steer what is on its way to targets."),
    "analyze": ("analyze", "Say whether pictures are black or frozen, and sound is missing."),
    "events": ("events", "List what moved before cameras."),
    "incidents": ("incidents", "List what was wrong with cameras, disks and deliveries."),
    "notes": ("notes", "Write and read notes on the timeline."),
    "jobs": ("jobs", "See and steer work that goes on beside recording: deliveries, exports."),
    "logs": ("logs", "Read the log files."),
    "config": ("config", "Check and show the configuration."),
    "record": ("record", "Record one source by hand, or run one recorder process."),
    "work": ("work", "Run the worker: index journals, publish what to record."),
    "watch": ("watch", "Look at pictures and sound, and tell what is wrong with them."),
    "serve": ("serve", "Serve pages and API."),
    "users": ("users", "Say who may sign in to pages and API."),
    "tokens": ("tokens", "Make and revoke what programs show instead of a password."),
    "sim": ("sim", "Serve simulated cameras over RTSP, with faults on request."),
    "targets": ("targets", "List and test the places that finished files are sent to."),
    "decrypt": ("decrypt", "Open files that were encrypted for delivery, and encrypted stills."),
    "clean": ("clean", "Delete what is over now, or tell what that is."),
    "hold": ("hold", "Keep spans of footage, whatever policy and disk say."),
    "forecast": ("forecast", "Say when which camera would lose what, at today's rates."),
    "volumes": ("volumes", "List volumes; adopt a new or replaced disk."),
    "reindex": ("reindex", "Rebuild the catalog from journals and files."),
    "check": ("check", "Compare catalog, journals and files."),
    "verify": ("verify", "Recompute the hashes and the chain of footage, or of an export."),
    "node": ("node", "Show the key that signs what leaves this node."),
}
"""Name of a command: module that holds it, and what it is for."""

SPELLINGS = {"analyse": "analyze"}
"""Other spellings of commands, which scripts of predecessors may have (C056)."""


# What every complaint about a command line is derived from. Newer Typers carry a click of their own and name this
# class nowhere; a click that happens to be installed beside it has another one, which would catch nothing.
_Mistyped: Any = next(cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException")


class _Lazy(TyperGroup):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        args = [SPELLINGS.get(word, word) for word in args[:1]] + args[1:]
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean holdfast {near[0]}?" if near else "holdfast --help lists all"
            raise UsageError(f"there is no command {args[0]!r}", hint=hint)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module, summary = COMMANDS[cmd_name]
        command = typer.main.get_command(importlib.import_module(f"holdfast.cli.{module}").app)
        # Completion belongs to the program, not to each command of it.
        command.params = [p for p in command.params if p.name not in {"install_completion", "show_completion"}]
        command.name = cmd_name
        command.short_help = summary
        return command


app = typer.Typer(
    cls=_Lazy, no_args_is_help=False, add_completion=False, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),  # noqa: FBT001, FBT003 - Typer's way to declare a flag
) -> None:
    """One recorder for every camera: it never loses footage silently."""
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        importlib.import_module("holdfast.cli.overview").show()


def complain(error: HoldfastError) -> None:
    """Print an error as a person wants it: what and why, then what to try. To standard error."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    # Escaped: a message that names [volumes.main] must not lose it to Rich's markup.
    console.print(f"[bold red]{error.code}[/]: ", escape(str(error)), sep="", markup=True)
    if error.hint:
        console.print("[dim]try:[/] ", escape(error.hint), sep="", markup=True)


def main(argv: list[str] | None = None) -> NoReturn:
    """Run the program; never returns. Exit codes: those of `core.errors`, 130 after Ctrl-C, 0 when all is well."""
    try:
        result: Any = app(args=argv, standalone_mode=False)
    except HoldfastError as error:
        complain(error)
        sys.exit(error.exit_code)
    except _Mistyped as error:
        error.show()
        sys.exit(64)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # `holdfast logs | head` is finished, not broken; the interpreter must not complain about it at exit either.
        sys.stdout = None
        sys.exit(0)
    sys.exit(result if isinstance(result, int) else 0)

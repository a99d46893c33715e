"""`holdfast` alone: the state sentence, the cameras, and what to type next."""

import os

from rich.console import Group
from rich.text import Text

from holdfast.cli.status import look, render, wide_console
from holdfast.core.config import default_path
from holdfast.library.settings import load_in_force

FIRST = (
    ("holdfast demo", "record three simulated cameras, to look around"),
    ("holdfast init", "write a configuration to start from"),
    ("holdfast --help", "all commands"),
)
NEXT = (
    ("holdfast status --watch", "what every camera is doing, as it changes"),
    ("holdfast coverage", "how complete the footage is, and why it is not"),
    ("holdfast doctor", "what is wrong, and how to mend it"),
)


def show() -> None:
    """Print it. Where there is no configuration yet, say how to get one.

    Raises:
        ConfigError: There is one, and it is wrong.
    """
    console = wide_console()
    if not default_path(os.environ).exists():
        console.print(Group(Text("No configuration here yet.", style="bold"), _commands(FIRST)))
        return
    now = look(load_in_force(None))
    console.print(Group(render(now, narrow=True), Text(), _commands(NEXT)))


def _commands(lines: tuple[tuple[str, str], ...]) -> Text:
    width = max(len(command) for command, _ in lines)
    return Text("\n").join(Text.assemble(f"  {command:<{width}}   ", (what, "dim")) for command, what in lines)

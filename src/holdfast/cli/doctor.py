"""`holdfast doctor`: what is wrong, what shows it, and how to mend it. Exit code 0 for well, 1 warnings, 2 errors."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.cli.common import ConfigOption, JsonOption, echo_json
from holdfast.core.clock import SystemClock
from holdfast.core.errors import NotFound
from holdfast.core.plan import StreamPlan
from holdfast.library.doctor.examine import CHECKS, examine, exit_code, worst_first
from holdfast.library.doctor.finding import Finding, Severity
from holdfast.library.doctor.settings import examine_settings, patient_of
from holdfast.media.source.contract import Source
from holdfast.media.source.make import make_source

app = typer.Typer()

_LOOK = {
    Severity.ERROR: ("error", "bold red"),
    Severity.WARNING: ("warning", "yellow"),
    Severity.NOTE: ("note", "cyan"),
}


@app.command()
def doctor(
    config: ConfigOption = None,
    camera: Annotated[str, typer.Option("--camera", help="Look at this camera only, even while it records.")] = "",
    *,
    as_json: JsonOption = False,
) -> int:
    """Find out what is wrong, and how to mend it.

    Cameras that are recording are not connected to again, unless one is named with --camera.
    """
    console = Console(highlight=False)
    clock = SystemClock()

    def connect(plan: StreamPlan) -> Source:
        return make_source(plan, clock)

    loaded, findings = examine_settings(config)
    if loaded is not None:
        if camera and camera not in loaded.config.cameras:
            known = ", ".join(loaded.config.cameras) or "none"
            raise NotFound(f"there is no camera {camera!r}", hint=f"cameras: {known}")
        patient = patient_of(loaded, clock, connect, camera=camera, deep=bool(camera))
        if console.is_terminal and not as_json:
            with console.status("looking …") as line:
                findings += examine(patient, lambda name: line.update(f"looking at {name} …"))
        else:
            findings += examine(patient)
    findings = worst_first(findings)
    if as_json:
        body = {"well": exit_code(findings) == 0, "findings": [_plain(finding) for finding in findings]}
        echo_json(body)
    else:
        _show(console, findings, checks=len(CHECKS) if loaded else 0)
    return exit_code(findings)


def _plain(finding: Finding) -> dict[str, str]:
    return {**asdict(finding), "severity": _LOOK[finding.severity][0]}


def _show(console: Console, findings: list[Finding], *, checks: int) -> None:
    if findings:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), header_style="bold")
        for title, least in (("", 7), ("what", 16), ("evidence", 20), ("fix", 20)):
            table.add_column(title, overflow="fold", min_width=least)
        for finding in findings:
            word, style = _LOOK[finding.severity]
            what = f"[bold]{escape(finding.subject)}[/]\n{escape(finding.what)} [dim]({finding.fault})[/]"
            table.add_row(f"[{style}]{word}[/]", what, escape(finding.evidence), escape(finding.fix))
        console.print(table)
    counts = {severity: sum(f.severity is severity for f in findings) for severity in Severity}
    if not checks:
        console.print("Without a configuration nothing else can be looked at.")
    elif exit_code(findings) == 0:
        notes = f"; {_count(counts[Severity.NOTE], 'note')}" if counts[Severity.NOTE] else ""
        console.print(f"All is well: {checks} checks{notes}.")
    else:
        errors, warnings = _count(counts[Severity.ERROR], "error"), _count(counts[Severity.WARNING], "warning")
        console.print(f"{errors}, {warnings} in {checks} checks. docs/troubleshooting.md explains each.")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

"""`holdfast doctor`: what is wrong, what shows it, and how to mend it. Exit code 0 for well, 1 warnings, 2 errors."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

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
    console = Console(highlight=False, soft_wrap=True)
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
    for alike in _alike(findings):
        mark, style = _LOOK[alike[0].severity]
        subjects = ", ".join(finding.subject for finding in alike)
        console.print(
            f"[{style}]{mark}[/]  [bold]{escape(subjects)}[/]  {escape(alike[0].what)} [dim]({alike[0].fault})[/]"
        )
        for finding in alike:
            of = f"{finding.subject}: " if len(alike) > 1 else ""
            console.print(f"   {escape(of + finding.evidence)}")
        console.print(f"   [dim]try:[/] {escape(alike[0].fix)}\n")
    counts = {severity: sum(f.severity is severity for f in findings) for severity in Severity}
    if not checks:
        console.print("Without a configuration nothing else can be looked at.")
    elif exit_code(findings) == 0:
        notes = f"; {_count(counts[Severity.NOTE], 'note')}" if counts[Severity.NOTE] else ""
        console.print(f"All is well: {checks} checks{notes}.")
    else:
        errors, warnings = _count(counts[Severity.ERROR], "error"), _count(counts[Severity.WARNING], "warning")
        console.print(f"{errors}, {warnings} in {checks} checks. docs/troubleshooting.md explains each.")


def _alike(findings: list[Finding]) -> list[list[Finding]]:
    """Put findings of one fault with one cure together, in the order of the first of each."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.fault, finding.fix), []).append(finding)
    return list(groups.values())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

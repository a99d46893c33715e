"""`holdfast analyze`: says of a picture or a media file whether it is black, frozen or silent. JSON on standard output.

Exit codes: 0 the answer is there, 1 a file is missing, or no picture, video or sound.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from holdfast.cli.common import echo_json
from holdfast.core.errors import BadInput, HoldfastError, UsageError
from holdfast.core.quality import Thresholds
from holdfast.library import analyze as library

app = typer.Typer()


@app.command("analyze")
def run(
    files: Annotated[
        list[str],
        typer.Argument(
            help="A picture or a media file; several are answered as a list. After them, where wanted: host, device,"
            " and the state that an earlier call answered ({} to begin)",
            metavar="FILE… [HOST] [DEVICE] [STATE-JSON]",
        ),
    ],
    black_level: Annotated[int, typer.Option(min=0, max=255, help="Grey at or below which a pixel is black.")] = 10,
    black_percent: Annotated[
        float, typer.Option(min=0, max=100, help="More black pixels make a black picture.")
    ] = 95.0,
    freeze_difference: Annotated[
        float, typer.Option(min=0, max=255, help="Pictures that differ by less in grey are the same.")
    ] = 0.5,
    sound_percent: Annotated[float, typer.Option(min=0, max=100, help="A level above it is sound.")] = 5.0,
) -> int:
    """Say whether pictures are black or frozen, and sound is missing."""
    paths, host, device, state = _told_apart(files)
    limits = Thresholds(
        black_level=black_level, black_percent=black_percent, freeze_difference=freeze_difference,
        sound_percent=sound_percent,
    )  # fmt: skip
    bodies, wrong = [], False
    for path in paths:
        try:
            bodies.append(_body(path, limits, host, device, state))
        except HoldfastError as error:
            wrong = True
            _complain(error)
    if len(paths) > 1:
        echo_json(bodies)
    elif bodies:
        echo_json(bodies[0])
    return int(wrong)


def _body(
    path: Path, limits: Thresholds, host: str, device: str, state: dict[str, Any] | None
) -> dict[str, Any]:  # fmt: skip
    found = library.analyze(path, limits)
    told, after = library.incidents(found, limits, state)
    body = library.record(found, limits, host, device) | {"incidents": told}
    return body if state is None else body | {"incident_state": after}


def _complain(error: HoldfastError) -> None:
    from holdfast.cli.main import complain  # noqa: PLC0415 - main imports the commands, lazily

    complain(error)


def _told_apart(words: list[str]) -> tuple[list[Path], str, str, dict[str, Any] | None]:
    """Tell files from host, device and state: the first word is a file, and so is what exists or looks like one."""
    count = 1
    while count < len(words) and _is_file(words[count]):
        count += 1
    rest = words[count:]
    state = None
    if rest and rest[-1].lstrip().startswith("{"):
        state = _state(rest.pop())
    if len(rest) > 2:  # noqa: PLR2004 - host and device
        raise UsageError(f"{rest[2]!r} is one word too many", hint="holdfast analyze FILE [HOST] [DEVICE] [STATE-JSON]")
    host, device = [*rest, "", ""][:2]
    return [Path(word) for word in words[:count]], host, device, state


def _is_file(word: str) -> bool:
    # Hosts have dots in their names, too: rpi1.local.
    path = Path(word)
    return not word.lstrip().startswith("{") and (
        "/" in word or path.exists() or path.suffix.lower() in library.SUFFIXES
    )


def _state(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise BadInput("the state is no JSON", hint="hand in what an earlier call answered, or {}") from error
    return dict(body)

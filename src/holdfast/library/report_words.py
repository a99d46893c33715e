"""Reports in words: as text for a terminal or a letter, as a page of its own for a letter that takes one, and as JSON.

Pure. Not here: the numbers (reports, trends), the page in the browser (web.reports).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from holdfast.core.timing import SECOND_US, iso, to_datetime
from holdfast.library.reports import Line, Report, ReportKind, seconds
from holdfast.library.trends import Trends

_NOTHING = "Nothing was recorded, and nothing was expected."
_STYLE = "font-family:system-ui,sans-serif;font-size:14px"
_CELL = "padding:4px 12px 4px 0;border-bottom:1px solid #d5dae2;text-align:left"
_HEADS = (
    "Camera",
    "Footage",
    "Expected",
    "Lost",
    "Gaps",
    "Files",
    "Size",
    "Stills",
    "Incidents",
    "Events",
    "Delivered",
)


def title(report: Report) -> str:
    """Return what it is about, in a line: `Daily report, 2026-05-01`."""
    begin, end = (to_datetime(us, report.zone).date() for us in (report.from_us, report.to_us - 1))
    span = f"{begin}" if begin == end else f"{begin} to {end}"
    return f"{report.kind.capitalize()} report, {span}"


def subject(report: Report, site: str) -> str:
    """Return the subject of a letter: what it is about, and how it was."""
    where = f"{site}: " if site else ""
    return f"{where}{title(report)}: {percent_words(report.total.percent)}"


def text(report: Report, names: Mapping[str, str], trends: Trends | None = None) -> str:
    """Write a report as text, some 100 columns wide.

    Args:
        report: The report.
        names: Names of cameras by id.
        trends: Those of a week or month.
    """
    lines = [title(report), "=" * len(title(report)), ""]
    if not report.cameras:
        return "\n".join([*lines, _NOTHING, ""])
    lines += _table(_HEADS, [_cells(line, names) for line in report.cameras])
    if report.kind is not ReportKind.DAILY:
        sums = [report.of_period(period.label) for period in report.periods]
        rows = [(one.period, *_cells(one, names)[1:]) for one in sums if one.expected_us or one.files]
        lines += ["", *_table(("Hour" if report.kind is ReportKind.HOURLY else "Day", *_HEADS[1:]), rows)]
    lines += ["", *_reasons(report, names)]
    if trends is not None:
        lines += list(_trend_lines(trends, names))
    return "\n".join([*lines, ""])


def html(report: Report, names: Mapping[str, str], trends: Trends | None = None) -> str:
    """Write a report as a page for a letter: no script, nothing from elsewhere, styles in place."""
    parts = [
        f'<!doctype html><html lang="en"><body style="{_STYLE}"><h1 style="font-size:18px">{escape(title(report))}</h1>'
    ]
    if not report.cameras:
        return "\n".join([*parts, f"<p>{_NOTHING}</p>", "</body></html>", ""])
    parts.append(_html_table(_HEADS, [_cells(line, names) for line in report.cameras]))
    if report.kind is not ReportKind.DAILY:
        sums = [report.of_period(period.label) for period in report.periods]
        rows = [(one.period, *_cells(one, names)[1:]) for one in sums if one.expected_us or one.files]
        parts.append(_html_table(("Hour" if report.kind is ReportKind.HOURLY else "Day", *_HEADS[1:]), rows))
    parts += [f"<p>{escape(line.strip())}</p>" for line in _reasons(report, names)]
    if trends is not None:
        parts += [f"<p>{escape(line.strip())}</p>" for line in _trend_lines(trends, names) if line]
    return "\n".join([*parts, "</body></html>", ""])


def plain(report: Report, trends: Trends | None = None) -> dict[str, Any]:
    """Return a report as JSON holds it: lengths in seconds, instants in ISO 8601."""
    return {
        "kind": str(report.kind), "day": report.day.isoformat(), "zone": report.zone.key,
        "from": iso(report.from_us), "to": iso(report.to_us), "made": iso(report.made_us),
        "total": _plain(report.total), "cameras": [_plain(line) for line in report.cameras],
        "periods": [
            {
                "label": period.label, "from": iso(period.from_us), "to": iso(period.to_us),
                "total": _plain(report.of_period(period.label)),
                "cameras": [_plain(line) for line in report.lines if line.period == period.label],
            }
            for period in report.periods
        ],
        "trends": None if trends is None else _plain_trends(trends),
    }  # fmt: skip


def percent_words(percent: float | None) -> str:
    """Say a percentage to two places, but a whole 100 as such."""
    if percent is None:
        return "nothing expected"
    return "100 %" if percent == 100 else f"{percent:.2f} %"  # noqa: PLR2004 - all of it


def length_words(us: int) -> str:
    """Say a length in its two largest units: `2h07m`, `1m05s`, `4s`; a dash for none."""
    if us <= 0:
        return "-"
    whole = max(1, round(us / SECOND_US))
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{whole % 60:02}s" if minutes else f"{whole}s"


def size_words(count: float) -> str:
    """Say bytes: `1.4 GB`; a dash for none."""
    if count <= 0:
        return "-"
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:  # noqa: PLR2004 - what rounds to a thousand belongs to the next unit
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _cells(line: Line, names: Mapping[str, str]) -> tuple[str, ...]:
    planned = line.stills_taken + line.stills_missed
    sent = sum(line.deliveries.values())
    name = names.get(line.camera, line.camera)
    return (
        name if line.stream in {"", "main"} else f"{name} {line.stream}", percent_words(line.percent),
        length_words(line.expected_us), length_words(line.lost_us), str(line.failures or "-"), str(line.files or "-"),
        size_words(line.bytes), f"{line.stills_taken}/{planned}" if planned else "-",
        str(sum(line.incidents.values()) or "-"), str(line.events or "-"),
        f"{line.deliveries['delivered']}/{sent}" if sent else "-",
    )  # fmt: skip


def _reasons(report: Report, names: Mapping[str, str]) -> Iterator[str]:
    """Yield a line a stream that lost something: what for, and what was counted as an incident."""
    whole = True
    for line in report.cameras:
        if said := said_of(line):
            whole = False
            yield f"{_cells(line, names)[0]}: {', '.join(said)}"
    if whole:
        yield "Nothing was lost."


def said_of(line: Line) -> list[str]:
    """Return what was lost or went wrong of a line, each in some words, losses first; empty where nothing did."""
    said = [f"{length_words(us)} {reason}" for reason, us in line.reasons.most_common() if us]
    said += [f"{count} {kind}" for kind, count in line.incidents.most_common()]
    missed, failed = line.stills_missed, line.deliveries["failed"]
    said += [f"{missed} still{'' if missed == 1 else 's'} missed"] if missed else []
    said += [f"{failed} {'delivery' if failed == 1 else 'deliveries'} failed"] if failed else []
    said += [f"{length_words(line.missing_us)} of footage gone without a word"] if line.missing_us else []
    return said


def _trend_lines(trends: Trends, names: Mapping[str, str]) -> Iterator[str]:
    yield ""
    yield "Outages, the longest first" if trends.outages else "No outages."
    for outage in trends.outages:
        name = names.get(outage.camera, outage.camera)
        where = name if outage.stream == "main" else f"{name} {outage.stream}"
        yield f"  {where}: {outage.count}, {length_words(outage.lost_us)} in all, mostly {outage.reason}"
    yield ""
    yield "Failed deliveries, by target and error" if trends.failures else "No delivery failed."
    for failed in trends.failures:
        worst = max(range(len(failed.hours)), key=lambda hour: failed.hours[hour])
        yield f"  {failed.target}: {failed.count} times {failed.error} (most from {worst:02}:00 on)"
    yield ""
    yield "Storage by class and day: taken in, still here"
    for growth in trends.storage:
        for day, added, kept in zip(trends.days, growth.added, growth.kept, strict=True):
            if added:
                yield f"  {growth.name} {day}: {size_words(added)}, {size_words(kept)}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    table = [tuple(heads), *map(tuple, rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _html_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th style="{_CELL}">{escape(cell)}</th>' for cell in heads)
    body = "".join(
        f"<tr>{''.join(f'<td style={chr(34)}{_CELL}{chr(34)}>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in rows
    )
    return (
        f'<table style="border-collapse:collapse;{_STYLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def _plain(line: Line) -> dict[str, Any]:
    return {
        "camera": line.camera, "stream": line.stream, "percent": line.percent,
        "expected_s": seconds(line.expected_us), "got_s": seconds(line.got_us), "lost_s": seconds(line.lost_us),
        "planned_s": seconds(line.planned_us), "removed_s": seconds(line.removed_us),
        "missing_s": seconds(line.missing_us), "failures": line.failures,
        "reasons": {reason: seconds(us) for reason, us in line.reasons.most_common() if us},
        "files": line.files, "bytes": line.bytes, "kept_bytes": line.kept_bytes, "stills_taken": line.stills_taken,
        "stills_missed": line.stills_missed, "stills_percent": line.stills_percent, "stills_bytes": line.stills_bytes,
        "incidents": dict(line.incidents), "events": line.events, "deliveries": dict(line.deliveries),
    }  # fmt: skip


def _plain_trends(trends: Trends) -> dict[str, Any]:
    return {
        "failures": [
            {"target": one.target, "error": one.error, "count": one.count, "hours": list(one.hours)}
            for one in trends.failures
        ],
        "outages": [
            {
                "camera": one.camera, "stream": one.stream, "count": one.count, "lost_s": seconds(one.lost_us),
                "reason": one.reason,
            }
            for one in trends.outages
        ],
        "days": list(trends.days),
        "storage": [
            {"class": one.name, "added_bytes": list(one.added), "kept_bytes": list(one.kept)} for one in trends.storage
        ],
    }  # fmt: skip

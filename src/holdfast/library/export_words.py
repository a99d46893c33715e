"""What an export tells the person who receives it: a text to read first, and a page that plays the clips.

Both work from a folder or a stick, without network: nothing is fetched from anywhere. Pure.
Not here: the manifest (core.manifest), writing (export_write).
"""

from collections.abc import Iterator
from html import escape
from urllib.parse import quote
from zoneinfo import ZoneInfo

from holdfast.core.manifest import (
    INDEX,
    KEY,
    MANIFEST,
    SIGNATURE,
    SUMS,
    FilePart,
    GapPart,
    Manifest,
    PiecePart,
    StreamPart,
)
from holdfast.core.timing import to_datetime

_POLICY = "default-src 'none'; media-src 'self' file:; style-src 'unsafe-inline'"
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}video{width:100%;max-height:70vh;background:#000}
figure{margin:1rem 0}figcaption{font-variant-numeric:tabular-nums}table{border-collapse:collapse;margin:1rem 0}
td,th{text-align:left;padding:.25rem 1rem .25rem 0;border-bottom:1px solid #d5dae2}.bad{color:#a32020}
@media(prefers-color-scheme:dark){body{color:#e6eaf0;background:#12161c}td,th{border-color:#333c48}.bad{color:#ff9d94}}
"""


def readme(manifest: Manifest) -> str:
    """Write README.txt: what this is, what is missing, how to play it, how to check it with and without Holdfast."""
    zone = _zone(manifest)
    lines = [
        "FOOTAGE EXPORT",
        "==============",
        "",
        f"From        {_time(manifest.from_us, zone)}",
        f"To          {_time(manifest.to_us, zone)}",
        f"Times are   {zone.key}; in names of files and in {MANIFEST} they are UTC",
        f"Site        {manifest.site.get('name') or '-'}",
        f"Made        {_time(manifest.made_us, zone)} by Holdfast {manifest.program} on {manifest.node}",
        f"Asked by    {manifest.asked_by or '-'}",
    ]
    lines += [f"Purpose     {manifest.purpose}"] if manifest.purpose else []
    lines += ["", "WHAT IS IN IT", ""]
    for stream in manifest.streams:
        lines += [_name(stream), *(f"  {line}" for line in _contents(stream, zone)), ""]
    lines += [
        "All of the span is here."
        if manifest.complete
        else "NOT ALL OF THE SPAN IS HERE: what is missing stands above.",
        "",
        "HOW TO PLAY IT",
        "",
        f"Open {INDEX} in a browser, or each .mp4 in any player. H.265 needs a browser or player that knows it.",
        "",
        "HOW TO CHECK IT",
        "",
        "With Holdfast, on any machine, without network:",
        f"    holdfast verify THIS_FILE --key {manifest.key}",
        "Without it, after unpacking, in this folder:",
        f"    sha256sum -c {SUMS}",
        f"    openssl pkeyutl -verify -pubin -inkey {KEY} -rawin -in {MANIFEST} -sigfile {SIGNATURE}",
        f"{MANIFEST} names size and SHA-256 of every file, {SUMS} among them.",
        "",
        "The fingerprint of the key that signed it is",
        f"    {manifest.key}",
        "A signature proves who signed only to those who know the key from elsewhere: ask whoever runs the recorder",
        "for its fingerprint (holdfast node key), by another way than the one on which this came.",
        "",
    ]
    return "\n".join(lines)


def index(manifest: Manifest) -> str:
    """Write index.html: every clip with its times, and what is missing; no script, nothing from elsewhere."""
    zone = _zone(manifest)
    title = f"Footage, {_time(manifest.from_us, zone)} to {_time(manifest.to_us, zone)}"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>",
        f"<p>Times are {escape(zone.key)}. {escape(manifest.site.get('name', ''))}</p>",
    ]
    if not manifest.complete:
        parts.append(
            '<p class="bad"><strong>Not all of the span is here.</strong> What is missing is listed below.</p>'
        )
    for stream in manifest.streams:
        parts.append(f"<h2>{escape(_name(stream))}</h2>")
        parts += [_figure(file, pieces, zone) for file, pieces in _clips(stream)]
        missing = [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in _missing(stream, zone)]
        if missing:
            parts.append(
                f"<table><caption>Missing of {escape(_name(stream))}</caption><thead><tr><th>From</th><th>To</th>"
                f"<th>Why</th></tr></thead><tbody>{''.join(missing)}</tbody></table>"
            )
    return "\n".join([*parts, "</body></html>", ""])


def sums(files: tuple[FilePart, ...]) -> str:
    """Write the list that `sha256sum -c` reads."""
    return "".join(f"{file.sha256}  {file.name}\n" for file in files)


def _figure(file: str, pieces: list[PiecePart], zone: ZoneInfo) -> str:
    begin, end = min(p.start_us for p in pieces), max(p.end_us for p in pieces)
    words = escape(f"{_time(begin, zone)} to {_time(end, zone)}")
    address = escape(quote(file))
    return (
        f'<figure><video controls preload="none" src="{address}" aria-label="{words}"></video>'
        f'<figcaption>{words} · <a href="{address}">{escape(file.rpartition("/")[2])}</a></figcaption></figure>'
    )


def _clips(stream: StreamPart) -> Iterator[tuple[str, list[PiecePart]]]:
    for file in dict.fromkeys(piece.file for piece in stream.pieces if piece.file):
        yield file, [piece for piece in stream.pieces if piece.file == file]


def _contents(stream: StreamPart, zone: ZoneInfo) -> Iterator[str]:
    files = list(_clips(stream))
    yield f"{len(files)} {'file' if len(files) == 1 else 'files'} in {stream.name}/"
    for begin, end, why in _missing(stream, zone):
        yield f"missing: {begin} to {end}: {why}"


def _missing(stream: StreamPart, zone: ZoneInfo) -> Iterator[tuple[str, str, str]]:
    """Yield what is not there: gaps, and pieces that are gone or are not what was recorded."""
    gone: list[GapPart | PiecePart] = [*stream.gaps, *(piece for piece in stream.pieces if piece.why)]
    for one in sorted(gone, key=lambda one: one.start_us):
        why = one.why if isinstance(one, PiecePart) else f"{one.reason}{f' ({one.detail})' if one.detail else ''}"
        begin, end = max(one.start_us, stream.from_us), min(one.end_us, stream.to_us)
        yield _time(begin, zone), _time(end, zone), why


def _name(stream: StreamPart) -> str:
    name = str(stream.facts.get("name") or stream.camera)
    return f"{name} ({stream.name})" if name != stream.camera else stream.name


def _zone(manifest: Manifest) -> ZoneInfo:
    return ZoneInfo(manifest.site.get("time_zone") or "UTC")


def _time(us: int, zone: ZoneInfo) -> str:
    # With its distance to UTC: once a year an hour comes twice.
    return to_datetime(us, zone).isoformat(" ", "seconds")

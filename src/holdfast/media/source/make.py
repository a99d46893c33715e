"""The right source for a plan: the one place that knows which kinds there are."""

from urllib.parse import urlsplit

from holdfast.core.clock import Clock
from holdfast.core.errors import UsageError
from holdfast.core.plan import StreamPlan
from holdfast.media.source.address import address_of, tcp_connects
from holdfast.media.source.contract import Source
from holdfast.media.source.direct.reader import DirectSource, speaks

KINDS = ("rtsp", "file")


def make_source(plan: StreamPlan, clock: Clock) -> Source:
    """Make a source that is not open yet: for RTSP our own reader, or libav's where ours does not speak what is asked.

    libav is loaded only where it is used: a recorder of cameras alone starts faster and is smaller without it.

    Raises:
        UsageError: The plan names a kind of source, or a URL, that there is none for.
    """
    if plan.source == "file":
        from holdfast.media.source.file import FileSource  # noqa: PLC0415 - loads libav, see above

        return FileSource(plan, clock)
    if plan.source == "rtsp":
        scheme = urlsplit(plan.url).scheme
        if scheme not in {"rtsp", "rtsps"}:
            raise UsageError(f"{plan.key}: the URL begins with {scheme!r}", hint="rtsp:// and rtsps:// are understood")
        if speaks(plan):
            return DirectSource(plan, clock)
        from holdfast.media.source.rtsp import RtspSource  # noqa: PLC0415 - loads libav, see above

        return RtspSource(plan, clock)
    raise UsageError(f"{plan.key}: {plan.source!r} is not a kind of source", hint=f"there are {', '.join(KINDS)}")


def tcp_answers(url: str, timeout_s: float) -> bool:
    """Say whether the host of a URL accepts a TCP connection on its port; how an unreachable camera is looked for.

    Args:
        url: As in the plan; credentials in it are not used.
        timeout_s: How long to wait.
    """
    host, port = address_of(url)
    return bool(host) and tcp_connects(host, port, timeout_s)

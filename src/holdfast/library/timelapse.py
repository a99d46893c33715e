"""A timelapse: the stills of a camera and span as a film.

Any thread but an event loop; it takes a core for as long as it lasts. Not here: the film itself (media.timelapse), who
asks for one over HTTP.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from holdfast.catalog.db import Catalog
from holdfast.catalog.stills import TAKEN, Wanted
from holdfast.core.errors import BadInput, NotFound, UsageError
from holdfast.core.timing import to_datetime
from holdfast.library import kept_stills
from holdfast.media.timelapse import MOST_RATE, Film, write_film

_PAGE = 500


def name_of(camera: str, span: tuple[int, int], zone: ZoneInfo) -> str:
    """Return the name of the file, in the site's time."""
    begin, end = (to_datetime(us, zone).strftime("%Y%m%d_%H%M%S") for us in span)
    return f"{camera}_{begin}_{end}_timelapse.mp4"


def make(
    catalog: Catalog, volumes: Mapping[str, Path], target: Path, camera: str, span: tuple[int, int], *,
    rate: float = 25.0, width: int | None = None, seen: Callable[[int, int], None] = lambda _done, _total: None,
) -> Film:  # fmt: skip
    """Write the stills of a span as a film.

    Args:
        catalog: The catalog.
        volumes: Roots by name.
        target: The file; one that is there is replaced when the film is whole.
        camera: The camera's id.
        span: Begin, and end, which is not in it, wall time.
        rate: Pictures a second.
        width: Pixels across at most; None is the first picture's size.
        seen: Told how many are done, of how many.

    Raises:
        UsageError: The rate makes no sense.
        NotFound: There are no stills in the span.
        BadInput: None of them can be read, because they are encrypted or for another reason.
        StorageError: It cannot be written.
        CatalogUnavailable: It did not answer.
    """
    if not 0 < rate <= MOST_RATE:
        raise UsageError(f"{rate:g} pictures a second are none", hint=f"more than 0, and {MOST_RATE} at most")
    wanted = Wanted(camera=camera, state=TAKEN, from_us=span[0], to_us=span[1])
    count = kept_stills.count(catalog, wanted)
    if not count.taken:
        raise NotFound(f"{camera} has no stills in that span", hint="holdfast stills list shows what there is")
    total = count.taken - count.sealed
    if not total:
        raise BadInput(
            f"the stills of {camera} in that span are encrypted", hint="holdfast decrypt opens them, where the key is"
        )
    wanted = replace(wanted, sealed=False)
    film = write_film(
        target, _pictures(catalog, volumes, wanted), rate=rate, width=width, seen=lambda done: seen(done, total)
    )
    if not film.pictures:
        raise BadInput("none of the stills can be read")
    return replace(film, sealed=count.sealed)


def _pictures(catalog: Catalog, volumes: Mapping[str, Path], wanted: Wanted) -> Iterator[Path]:
    cursor: str | None = None
    while True:
        page = kept_stills.find(catalog, wanted, limit=_PAGE, cursor=cursor, oldest_first=True)
        for row in page.rows:
            with suppress(NotFound):  # deleted meanwhile, or on a disk that is away
                yield kept_stills.path_of(volumes, row)
        cursor = page.cursor
        if cursor is None:
            return

"""Parts of a picture as polygons, written in percent of its width and height. Pure.

`10,20 90,20 50,80` is a triangle; several polygons stand apart by semicolons. Sides may cross: a point is inside where
a line from it to the edge of the picture meets an odd number of sides.

Not here: what is left out of motion and what is looked at (core.config.motion).
"""

from dataclasses import dataclass

CORNERS = 3  # fewer enclose nothing
MOST_CORNERS = 64  # chosen: nobody draws more by hand; bounds what one camera's settings cost
MOST_POLYGONS = 32
FORM = (
    "write corners in percent from the top left, polygons apart by semicolons: 0,0 100,0 100,20 0,20; 40,40 60,40 50,60"
)


@dataclass(frozen=True, slots=True)
class Polygon:
    """Its corners, as shares of width and height from the top left, 0 to 1."""

    corners: tuple[tuple[float, float], ...]

    def holds(self, x: float, y: float) -> bool:
        """Say whether a point lies inside."""
        inside = False
        for (x1, y1), (x2, y2) in zip(self.corners, (*self.corners[1:], self.corners[0]), strict=True):
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                inside = not inside
        return inside


def read_polygons(text: str) -> tuple[Polygon, ...]:
    """Read polygons as people write them; none of an empty text.

    Raises:
        ValueError: They are none; its second argument says what to write.
    """
    polygons = tuple(_polygon(part) for part in text.split(";") if part.strip())
    if len(polygons) > MOST_POLYGONS:
        raise ValueError(f"{len(polygons)} polygons are too many", f"{MOST_POLYGONS} at most")
    return polygons


def _polygon(text: str) -> Polygon:
    corners = []
    for word in text.split():
        x, mark, y = word.partition(",")
        try:
            corner = float(x), float(y)
        except ValueError as error:
            raise ValueError(f"{word!r} is no corner", FORM) from error
        if not mark or not all(0 <= part <= 100 for part in corner):  # noqa: PLR2004 - percent
            raise ValueError(f"{word!r} is no corner", "both numbers are percent, 0 to 100")
        corners.append((corner[0] / 100, corner[1] / 100))
    if not CORNERS <= len(corners) <= MOST_CORNERS:
        raise ValueError(f"a polygon of {len(corners)} corners", f"{CORNERS} to {MOST_CORNERS}: {FORM}")
    return Polygon(tuple(corners))


def format_polygons(polygons: tuple[Polygon, ...]) -> str:
    """Write polygons as `read_polygons` reads them, to a tenth of a percent."""
    return "; ".join(" ".join(f"{x * 100:.4g},{y * 100:.4g}" for x, y in one.corners) for one in polygons)

"""What a camera's settings ask for where stills are concerned: when, how they look, what they are called, for whom.

Pure. Not here: taking them (still_taking), the settings themselves (core.config.stills).
"""

from dataclasses import dataclass

from holdfast.core.config import CameraConfig
from holdfast.core.config.windows import windows_of
from holdfast.core.delivery import SEALED
from holdfast.core.still_names import Naming
from holdfast.core.stills import Grid
from holdfast.core.timing import SECOND_US
from holdfast.media.keeping import Style
from holdfast.media.still import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which stills of a camera are wanted.

    Attributes:
        grid: When.
        style: How they look.
        naming: What they are called.
        sidecar: Whether JSON lies beside them.
        recipients: For whom they are encrypted; none for nobody.
        burst_s: Seconds between the rounds of a camera that is connected for each of them; 0 for any other camera. The
            picture of a round may come late (core.schedule.burst_late_us).
    """

    grid: Grid
    style: Style
    naming: Naming
    sidecar: bool = False
    recipients: tuple[str, ...] = ()
    burst_s: int = 0

    @property
    def ending(self) -> str:
        """End of the files' names."""
        return self.style.ending + (SEALED if self.recipients else "")


def order_of(camera_id: str, camera: CameraConfig, zone: str) -> Order:
    """Return what a camera's settings ask for."""
    wanted = camera.stills
    every_us = round(wanted.every_s * SECOND_US)
    naming = Naming(
        template=wanted.name, zone=zone, camera=camera_id, location=camera.location, parts=bool(every_us % SECOND_US)
    )
    style = Style(
        width=wanted.width, form=Form(wanted.form), quality=wanted.quality, thumbnail=wanted.thumbnail_size(), zone=zone
    )
    return Order(
        grid=Grid(every_us, windows_of(wanted.windows), zone), style=style, naming=naming, sidecar=wanted.sidecar,
        recipients=wanted.encrypt,
        burst_s=camera.capture.burst_s if camera.capture.mode == "burst" else 0,
    )  # fmt: skip

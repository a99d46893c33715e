"""A picture of somebody else's folder as one that can be made smaller and packed, as pictures out of footage can.

Apart from the recording of such pictures, which needs nothing of what packs them. Any thread.
"""

from holdfast.media.source.folder_files import NotTaken
from holdfast.media.source.folder_names import Form
from holdfast.media.source.folder_pictures import Decoders
from holdfast.media.still import Shot


def shot_of(body: bytes, form: Form, at_us: int) -> Shot:
    """Return a picture.

    Args:
        body: All of it.
        form: What it is.
        at_us: When it was captured, microseconds since the epoch, UTC.

    Raises:
        NotTaken: It cannot be decoded.
    """
    frames = Decoders().frames(body, form)
    if not frames:
        raise NotTaken("a picture that cannot be decoded")
    return Shot(frames[0], at_us, frames[0].width, frames[0].height)

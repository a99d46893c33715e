"""Checks of the media library: is everything there that recording needs (C136, F47)?"""

from collections.abc import Iterator

from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient
from holdfast.media import features


def check_codecs(patient: Patient) -> Iterator[Finding]:  # noqa: ARG001 - every check is called alike
    """Can the media library read, decode and encode what cameras send?"""
    lacking = features.missing()
    if lacking:
        yield FAULTS["codec-missing"].found("host", f"{', '.join(lacking)} not in {features.version()}")

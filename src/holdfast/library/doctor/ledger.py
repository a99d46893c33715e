"""Checks of the catalog: does it answer, does it take a write, is it ours?"""

import threading
from collections.abc import Iterator

from holdfast.catalog.db import open_catalog, sqlite_path
from holdfast.catalog.failures import CatalogDamaged
from holdfast.core.errors import CatalogError, CatalogUnavailable, HoldfastError
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient

ANSWER_S = 6.0  # a bit over the catalog's own 5 s for connecting; our own transactions last milliseconds
_REFUSALS = ("password authentication", "does not exist", "permission denied", "no pg_hba.conf entry", "no password")


def check_catalog(patient: Patient) -> Iterator[Finding]:
    """Does the catalog answer and take a write?

    Opening it brings an older schema up to date, as every start of the program does.
    """
    url = patient.catalog_url
    if not url:
        return
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return  # made at the first start; `worker-not-running` tells what is missing
    subject = str(path or "PostgreSQL")
    answer: list[HoldfastError | None] = []

    def ask() -> None:
        try:
            with open_catalog(url) as catalog, catalog.write():
                pass
        except HoldfastError as error:
            answer.append(error)
        else:
            answer.append(None)

    # A daemon: the catalog itself waits longer for a lock than a person waits for us.
    asking = threading.Thread(target=ask, name="doctor catalog", daemon=True)
    asking.start()
    asking.join(ANSWER_S)
    if not answer:
        code = "catalog-locked" if path else "catalog-unreachable"
        evidence = f"a write could not begin within {ANSWER_S:.0f} s"
        yield FAULTS[code].found(subject, evidence, path=path)
    elif isinstance(answer[0], CatalogError):
        yield FAULTS[_code(answer[0])].found(subject, str(answer[0]), path=path)


def _code(error: CatalogError) -> str:
    text = str(error)
    if isinstance(error, CatalogDamaged):
        return "catalog-damaged"
    if isinstance(error, CatalogUnavailable):
        if "locked" in text:
            return "catalog-locked"
        return "catalog-refuses" if any(mark in text for mark in _REFUSALS) else "catalog-unreachable"
    return "catalog-newer" if "does not know" in text else "catalog-refuses"

"""Checks of hand-over: does every service answer, can every folder of markers be written, and did any refuse a file?

Services are knocked at without telling them anything. Not here: targets, which have a test of their own.
"""

from collections.abc import Iterator

from holdfast.catalog import handovers, nodes
from holdfast.catalog.db import open_catalog, sqlite_path
from holdfast.catalog.nodes import LOCAL
from holdfast.core.config.handovers import WebhookConfig
from holdfast.core.errors import CatalogError, TargetError
from holdfast.core.handover import HandoverState
from holdfast.library.doctor import access
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient
from holdfast.storage.webhook import Webhook


def check_receivers(patient: Patient) -> Iterator[Finding]:
    """Can those be told that rules of hand-over name?"""
    for name, rule in patient.handovers.items():
        if isinstance(rule, WebhookConfig):
            yield from _service(name, rule)
            continue
        folders = (volume.path for volume in patient.volumes) if rule.folder is None else (rule.folder,)
        for folder in folders:
            # Volumes that are away are told of by checks of their own.
            if rule.folder is None and not folder.is_dir():
                continue
            trial = access.try_writing(folder)
            if trial.error:
                yield FAULTS["markers-unwritable"].found(name, trial.evidence, path=folder, owner=access.owner())
    yield from _refused(patient)


def _service(name: str, rule: WebhookConfig) -> Iterator[Finding]:
    webhook = Webhook(name, rule)
    try:
        webhook.knock()
    except TargetError as error:
        hint = error.hint or f"is it running, and is {rule.shown} its address? What waits goes on by itself"
        yield FAULTS["receiver-silent"].found(name, str(error), hint=hint)
    finally:
        webhook.close()


def _refused(patient: Patient) -> Iterator[Finding]:
    url = patient.catalog_url
    path = sqlite_path(url) if url else None
    if not url or (path is not None and not path.exists()):
        return
    try:
        with open_catalog(url) as catalog, catalog.read() as tx:
            number = nodes.find(tx, LOCAL) or 0
            found = {name: handovers.standing(tx, number, name) for name in patient.handovers}
    except CatalogError:
        return  # `catalog` says what is wrong with it
    for name, standing in found.items():
        if failed := standing.counts.get(HandoverState.FAILED, 0):
            yield FAULTS["handovers-failed"].found(name, f"{failed} failed, the last one: {standing.error}", name=name)

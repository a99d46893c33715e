"""Every page, for the server's composition: `ROUTERS` and `error_page`. Who writes a page names its router here.

A page imports `page` from `holdfast.web.render`; a page in the rail is also named in `holdfast.web.frame.PLACES`.
"""

from fastapi import APIRouter

from holdfast.web import (
    assets,
    camera,
    camera_add,
    camera_edit,
    cameras,
    checks,
    coverage,
    day,
    delivery,
    doors,
    events,
    exports,
    handover_edit,
    incidents,
    machine,
    overview,
    password,
    people,
    reports,
    rule_edit,
    sending,
    settings,
    stills,
    storage,
    target_edit,
)
from holdfast.web.failures import error_page
from holdfast.web.render import page

ROUTERS: tuple[APIRouter, ...] = (
    assets.router,
    doors.router,
    password.router,
    overview.router,
    events.router,
    incidents.router,
    coverage.router,
    reports.router,
    exports.router,
    day.router,
    delivery.router,
    stills.router,
    machine.router,
    storage.router,
    checks.router,
    people.router,
    sending.router,
    target_edit.router,
    rule_edit.router,
    handover_edit.router,
    settings.router,
    cameras.router,
    camera_add.router,
    camera_edit.router,
    camera.router,
)

__all__ = ["ROUTERS", "error_page", "page"]

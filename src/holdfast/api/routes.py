"""Every router of the API. A router is a module of this folder; whoever writes one names it here."""

from fastapi import APIRouter

from holdfast.api import (
    camera_trial,
    cameras,
    checks,
    clips,
    coverage,
    events,
    feeds,
    health,
    hls,
    incidents,
    kept_stills,
    logs,
    measures,
    metrics,
    mjpeg,
    node,
    notes,
    preview,
    session,
    settings,
    status,
    stills,
    stream,
    streams,
    tiers,
    timeline,
    tokens,
    users,
    volumes,
)
from holdfast.http import host, watching
from holdfast.http.app import Lifespan

ROUTERS: tuple[APIRouter, ...] = (
    session.router,
    users.router,
    tokens.router,
    settings.router,
    camera_trial.router,
    cameras.testing,
    cameras.router,
    checks.router,
    hls.router,
    clips.router,
    stills.router,
    kept_stills.router,
    mjpeg.router,
    stream.router,
    tiers.router,
    timeline.of_one,
    timeline.router,
    coverage.router,
    notes.router,
    incidents.router,
    events.router,
    measures.router,
    preview.router,
    streams.router,
    health.router,
    status.router,
    metrics.router,
    volumes.router,
    node.router,
    logs.router,
)

ALIVE: tuple[Lifespan, ...] = (host.lifespan, watching.lifespan, feeds.lifespan, streams.lifespan)
"""What must run while the server does: a module that needs something of that kind names it here, too."""

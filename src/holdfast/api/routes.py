"""Every router of the API. A router is a module of this folder; whoever writes one names it here."""

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()

"""Every router of the API. A router is a module of this folder; whoever writes one names it here."""

from fastapi import APIRouter

from holdfast.api import session, tokens, users

ROUTERS: tuple[APIRouter, ...] = (session.router, users.router, tokens.router)

"""`[work]`: who carries durable work, and how much of it goes on at once. Pure."""

from typing import Literal

from pydantic import Field

from holdfast.core.config.table import Table


class WorkConfig(Table):
    """`[work]`: deliveries, conversions and whatever else is done beside recording."""

    engine: Literal["auto", "threads", "procrastinate"] = Field(
        default="auto",
        description="What carries it: threads of this node's worker, or Procrastinate, for several hosts that share a "
        "PostgreSQL. `auto` is Procrastinate where the catalog is on PostgreSQL.",
    )
    conversions: int = Field(
        default=2, ge=1, le=64, description="Films and exports that are worked on at the same time, on each host."
    )

    def shared(self, catalog_url: str) -> bool:
        """Say whether Procrastinate carries the work, by the catalog's address."""
        return self.engine == "procrastinate" or (self.engine == "auto" and catalog_url.startswith("postgresql"))

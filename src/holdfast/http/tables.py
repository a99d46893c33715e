"""Saving and taking away targets, rules and hand-overs, over the API or by a form: done and logged alike.

Not here: what a table says, and whether it makes sense (library.saved_tables).
"""

from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import Request

from holdfast.http.context import Context
from holdfast.http.rights import identity_of
from holdfast.library.saved_tables import NOUNS, TableNow, Which, find_table, list_tables, put_table, remove_table
from holdfast.library.table_secrets import Section

_log = structlog.get_logger("holdfast.web")


def tables_of(context: Context, section: Section) -> list[TableNow]:
    """Return every table of a section, those of the file first.

    Raises:
        CatalogUnavailable: The catalog did not answer.
    """
    return list_tables(context.catalog(), context.node, context.toml, section)


def table_of(context: Context, which: Which) -> TableNow:
    """Return one table.

    Raises:
        NotFound: There is none of that name.
        CatalogUnavailable: The catalog did not answer.
    """
    return find_table(context.catalog(), context.node, context.toml, which)


def save_table(
    request: Request, context: Context, which: Which, table: Mapping[str, Any], *, new: bool = False
) -> None:  # fmt: skip
    """Save a table whole; arguments and errors as of `saved_tables.put_table`."""
    by = identity_of(request).name
    if put_table(context.catalog(), context.node, context.toml, which, table, context.clock, by=by, new=new):
        context.changed()
        _log.info(f"{_word(which)}.changed", **{_word(which): which.name}, keys=sorted(table), by=by)


def drop_table(request: Request, context: Context, which: Which) -> bool:
    """Take a table away, or set it back to the file; result and errors as of `saved_tables.remove_table`."""
    by = identity_of(request).name
    gone = remove_table(context.catalog(), context.node, context.toml, which, context.clock, by=by)
    context.changed()
    _log.info(f"{_word(which)}.removed", **{_word(which): which.name}, by=by)
    return gone


def _word(which: Which) -> str:
    return NOUNS[which.section].replace("-", "")

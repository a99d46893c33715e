"""Tests whose subject is real time: the best of three tries counts, and the end of a run names what took more than one.

A bound on the wall clock says something of the program only while the program has the processor. A busy machine takes
it away for a second now and then, in the worst moment, too: what fails for that is right when it is looked at again,
what fails for the program's sake fails three times.
`parse_patiently` is for all tests: what fails is shown, however many threads there are.
Not here: races, which no number of tries makes right, and bounds that can be counted or measured otherwise.
"""

import ast
import gc
import sys
import time
import warnings
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

MARK = "best_of_three"
AGAIN = "tried again"
_MOST = 3
_WITHIN_S = 80.0  # chosen: once more, and all tries together stay within the limit of one test


def parse_patiently() -> None:
    """Let a failure be shown where Python 3.11 trips over itself: else one failed test ends the whole run.

    A parser fails there when another one runs in its midst, in a finaliser of what is collected just then, say ("AST
    constructor recursion depth mismatch"), and what shows a traceback parses the source. Asked again, it answers.
    """
    plain = ast.parse

    def parse(*args: Any, **options: Any) -> Any:
        for _ in range(9):
            try:
                return plain(*args, **options)
            except SystemError:
                continue
        return plain(*args, **options)

    ast.parse = parse


def tried(item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
    """Run a test until it passes, three times at most; its reports of the last time."""
    began_s = time.monotonic()
    for number in range(1, _MOST + 1):
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        failed = [report for report in reports if report.failed]
        late = time.monotonic() - began_s > _WITHIN_S
        if not failed or late or number == _MOST or any(report.when == "setup" for report in failed):
            break
        item.user_properties.append((AGAIN, str(failed[0].longrepr).strip().splitlines()[-1]))
        _forget()
        item._initrequest()  # type: ignore[attr-defined] # fixtures are made anew; the one way that pytest has for it
    return reports


def _forget() -> None:
    """Let go of what a try that failed held, and broke off, while nobody is told: else a later test would be."""
    for name in ("last_type", "last_value", "last_traceback"):
        vars(sys).pop(name, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()

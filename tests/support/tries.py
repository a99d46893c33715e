"""Tests whose subject is real time: the best of three tries counts, and the end of a run names what took more than one.

A bound on the wall clock says something of the program only while the program has the processor. A busy machine takes
it away for a second now and then, in the worst moment, too: what fails for that is right when it is looked at again,
what fails for the program's sake fails three times.
Not here: races, which no number of tries makes right, and bounds that can be counted or measured otherwise.
"""

import time

import pytest
from _pytest.runner import runtestprotocol

MARK = "best_of_three"
AGAIN = "tried again"
_MOST = 3
_WITHIN_S = 80.0  # chosen: once more, and all tries together stay within the limit of one test


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
        item._initrequest()  # type: ignore[attr-defined] # fixtures are made anew; the one way that pytest has for it
    return reports

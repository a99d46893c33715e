"""Finding out what is wrong and how to mend it: faults, and the checks that find them.

`faults` names every fault that can be explained, `examine` runs all checks. Each other module holds the checks of one
part: `settings`, `host`, `folders`, `volumes`, `ledger` (the catalog), `labour` (durable work), `cameras`, `running`.
Checks look and never repair; they write only probe files, which they remove.
"""

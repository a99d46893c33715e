"""Durable work: rows that are claimed, worked on and finished, whatever dies meanwhile (docs/design/0013).

`kind` says what a kind of work is, `job` is one claimed row in the hands of a body, `runner` claims and supervises,
`sweep` finds what is due; `threads` and `many` carry rows to threads of this process, or to any host's.
"""

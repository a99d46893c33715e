"""Durable local files: volumes, locks, journals, the reserve; foreign errors become ours here."""

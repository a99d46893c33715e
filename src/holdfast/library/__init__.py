"""The verbs a person has: index, check, verify, coverage, notes, doctor."""

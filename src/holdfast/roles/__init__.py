"""The long-running processes: supervisor, recorder, worker. Each builds itself and stops in order."""

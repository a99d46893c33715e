"""What the watcher makes of looks: measures, incidents and their pictures. Knows nothing of files of footage."""

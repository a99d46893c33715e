"""Pictures and sound: sources, boxes, segments, wall time. Only this folder touches libav."""

"""What Holdfast is about, in Python alone: errors, time, cameras, footage, schedules, configuration."""

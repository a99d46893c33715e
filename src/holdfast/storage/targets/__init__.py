"""Places that assets are sent to: one contract, and one module for each kind of place."""

"""What people type. Maps errors to exit codes."""

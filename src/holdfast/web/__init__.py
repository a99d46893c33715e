"""The pages that people open, their templates and their static files."""

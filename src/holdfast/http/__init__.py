"""What machines' routes and people's pages share: sign-in, rights, the shape of errors, limits."""

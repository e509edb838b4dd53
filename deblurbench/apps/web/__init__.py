"""Local pages: they need the extra `web`, and are served on this machine alone."""

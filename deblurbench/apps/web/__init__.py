"""Local pages: they need the extra `web`, and listen on this machine alone."""

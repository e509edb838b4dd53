"""Applications: the command line and the pages."""

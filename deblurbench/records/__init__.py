"""Records: every file of a results folder, its path, and what it holds, checked where it is read."""

"""Videos: frames in, restored frames out, everything else as it was."""

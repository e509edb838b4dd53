"""Discriminators: image in, maps of scores out, one score per patch; a higher score means more like a sharp image."""

"""Discriminators: image in, maps of scores out, one score a patch; higher means more like a sharp photograph."""

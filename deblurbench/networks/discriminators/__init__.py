"""Discriminators: image in, a map of scores out, one score a patch; higher means more like a sharp photograph."""

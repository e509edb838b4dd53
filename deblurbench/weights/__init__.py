"""Weights that ship with deblurbench."""

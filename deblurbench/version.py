"""The version of deblurbench."""

__version__ = "0.1.0"

"""Verification of PNG files that were written before."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def whole_size(path: Path) -> tuple[int, int] | None:
    """(width, height) of the PNG in `path`; None where it is missing, or the checksums of its chunks reveal damage."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            size = image.size
            image.verify()  # compares the checksums without decoding
    except Exception:  # Pillow raises any kind of error for damaged files
        return None
    return size

"""Whether a picture that was written here is still there and whole."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def whole_size(path: Path) -> tuple[int, int] | None:
    """(width, height) of the PNG in `path`; None where there is none, or the checksums of its parts tell of damage."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            size = image.size
            image.verify()  # reads all of it and decodes nothing
    except Exception:  # Pillow raises what it likes for damaged files
        return None
    return size

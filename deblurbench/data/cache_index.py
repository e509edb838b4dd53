"""The index of the cache: metadata of its arrays, in small files with a checksum that reveals damage and exchange."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deblurbench.files import digest, read_json, write_json

CHECKSUM = "check"  # the key of the digest of a file's name and of all other values in it


class Index:
    """Metadata by name, one JSON file each, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> dict[str, Any] | None:
        """The metadata written under `name`; None where it is missing or damaged."""
        try:
            metadata: dict[str, Any] = read_json(self._file(name))
            checksum = metadata.pop(CHECKSUM)
            return metadata if checksum == digest([name, metadata]) else None
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None

    def write(self, name: str, metadata: dict[str, Any]) -> None:
        """Write `metadata` under `name`. Raises OSError."""
        write_json(self._file(name), {**metadata, CHECKSUM: digest([name, metadata])})

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"

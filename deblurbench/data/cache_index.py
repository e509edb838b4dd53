"""What the cache knows of its arrays, in small files that tell when they were damaged or exchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deblurbench.files import digest, read_json, write_json

CHECK = "check"  # the digest of a file's name and of all else in it


class Index:
    """Facts by name, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> dict[str, Any] | None:
        """What was written under `name`; None where that is not there, or not as it was written."""
        try:
            facts: dict[str, Any] = read_json(self._file(name))
            check = facts.pop(CHECK)
            return facts if check == digest([name, facts]) else None
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None

    def write(self, name: str, facts: dict[str, Any]) -> None:
        """Write `facts` down under `name`. Raises OSError."""
        write_json(self._file(name), {**facts, CHECK: digest([name, facts])})

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"

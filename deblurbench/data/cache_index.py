"""The index of the cache: facts about its arrays, in small files that reveal damage and exchange."""

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
        """The facts written under `name`; None where they are missing or damaged."""
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

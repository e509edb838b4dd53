"""Values that are slow to compute, kept on disk for as long as the code that computes them stays as it is."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

from deblurbench.files import digest, read_json, write_json
from deblurbench.registry import ENTRY_POINTS

NAME = "memo.json"
MOST_VALUES = 1000  # a file of more begins anew
PACKAGE = Path(__file__).parent


class Memo:
    """JSON values by key, in a file of `folder`; None as folder keeps nothing.

    They are forgotten when a file of this package or of a plugin changes, or another torch is installed. What cannot be
    read or written is forgotten, too: every value can be computed again.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / NAME if folder else None
        self._values: dict[str, Any] = {}
        if self._path is None:
            return
        self._code = _code_identity()
        with suppress(OSError, ValueError):
            stored = read_json(self._path)
            if isinstance(stored, dict) and stored.get("code") == self._code and isinstance(stored.get("values"), dict):
                self._values = stored["values"]

    def get(self, key: Any) -> Any:
        """The value of `key`, a JSON value; None where none is known."""
        return self._values.get(digest(key))

    def put(self, key: Any, value: Any) -> None:
        """Keep `value`, a JSON value, for `key`."""
        if self._path is None:
            return
        if len(self._values) >= MOST_VALUES:
            self._values = {}
        self._values[digest(key)] = value
        with suppress(OSError):
            write_json(self._path, {"code": self._code, "values": self._values})


def _code_identity() -> str:
    """A hash of what can change a value: Python, torch, and sizes and times of the sources of this package and of plugins."""
    plugins = importlib.metadata.entry_points(group=ENTRY_POINTS)
    sources = sorted(PACKAGE.rglob("*.py"))
    for plugin in plugins:
        with suppress(ImportError, ValueError):
            found = importlib.util.find_spec(plugin.module)
            sources += [Path(found.origin)] if found and found.origin else []
    states = [(str(path), (status := path.stat()).st_size, status.st_mtime_ns) for path in sources if path.is_file()]
    versions = [importlib.metadata.version("torch"), *(f"{plugin.dist}" for plugin in plugins)]
    return digest([platform.python_version(), versions, states])

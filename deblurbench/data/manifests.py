"""Manifests: the blur of each pair that `deblurbench data blur` has made."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from deblurbench.files import read_json

MANIFEST = "manifest.json"


class Manifest:
    """The manifest in a folder of made pairs, read once, on first use; empty where there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def blur_of(self, key: str) -> tuple[str, float] | None:
        """The kind and the spread, in pixels, of the blur of the pair `key`; None where the manifest does not record it."""
        try:
            pair = self._pairs[key]
            return str(pair["kind"]), float(pair["spread"])
        except (KeyError, TypeError, ValueError):
            return None

    @cached_property
    def _pairs(self) -> dict[str, Any]:
        try:
            pairs = read_json(self._folder / MANIFEST)["pairs"]
        except (OSError, ValueError, KeyError, TypeError):  # another file of this name
            return {}
        return pairs if isinstance(pairs, dict) else {}


class Manifests:
    """The manifests beside the files of a data set."""

    def __init__(self) -> None:
        self._known: dict[Path, Manifest] = {}

    def blur_of(self, blurred: Path) -> tuple[str, float] | None:
        """The kind and the spread of the blur in the file `blurred`, `[SPLIT/]blur/NAME.*` of a folder of made pairs."""
        split = blurred.parent.parent
        return self._of(split).blur_of(blurred.stem) or self._of(split.parent).blur_of(f"{split.name}/{blurred.stem}")

    def _of(self, folder: Path) -> Manifest:
        return self._known.setdefault(folder, Manifest(folder))

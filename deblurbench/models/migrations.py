"""Migrations of model checkpoints: from the format of a file to the current one, format by format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

Tensors = dict[str, Tensor]
Migration = Callable[[Tensors, Any], tuple[Tensors, Any]]  # (tensors, spec) of one format -> those of the next


def unchanged(tensors: Tensors, spec: Any) -> tuple[Tensors, Any]:
    """The migration between formats in which specs and tensors are the same."""
    return tensors, spec


def renamed_argument(name: str, old: str, new: str) -> Migration:
    """Return the migration that renames argument `old` of the class registered as `name` to `new`, anywhere in a spec."""

    def rename(value: Any) -> Any:
        if isinstance(value, list):
            return [rename(item) for item in value]
        if not isinstance(value, dict):
            return value
        has_argument = value.get("name") == name
        return {new if has_argument and key == old else key: rename(item) for key, item in value.items()}

    return lambda tensors, spec: (tensors, rename(spec))


# By the format that it starts from. An argument that is renamed is one entry: `1: renamed_argument("unet", "blocks", "depth")`.
MIGRATIONS: dict[int, Migration] = {
    0: unchanged,
}


def migrate(tensors: Tensors, spec: Any, found: int) -> tuple[Tensors, Any]:
    """Migrate `tensors` and `spec` of a checkpoint of format `found` to the current format."""
    while found in MIGRATIONS:
        tensors, spec = MIGRATIONS[found](tensors, spec)
        found += 1
    return tensors, spec

"""Migrations of model checkpoints: from the format of a file to the format of today, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

Tensors = dict[str, Tensor]
Migration = Callable[[Tensors, Any], tuple[Tensors, Any]]  # (tensors, spec) of one format -> those of the next


def unchanged(tensors: Tensors, spec: Any) -> tuple[Tensors, Any]:
    """The migration between formats that differ in nothing that a model is made of."""
    return tensors, spec


def renamed_argument(name: str, old: str, new: str) -> Migration:
    """Return the migration that renames the argument `old` of whatever is registered as `name`, wherever a spec has it."""

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
    """Bring `tensors` and `spec` of a checkpoint of format `found` to the format of today."""
    while found in MIGRATIONS:
        tensors, spec = MIGRATIONS[found](tensors, spec)
        found += 1
    return tensors, spec

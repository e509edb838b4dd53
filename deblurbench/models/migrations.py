"""Migrations of model checkpoints: from the format of a file to the current one, format by format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

Tensors = dict[str, Tensor]
Migration = Callable[[Tensors, Any], tuple[Tensors, Any]]  # (tensors, spec) of one format -> those of the next


def unchanged(tensors: Tensors, spec: Any) -> tuple[Tensors, Any]:
    """The migration between formats in which specs and tensors are the same."""
    return tensors, spec


def renamed_argument(name: str, old: str, new: str) -> Migration:
    """Return the migration that renames argument `old` of the class registered as `name` to `new`, anywhere in a spec."""
    return _changed_arguments(name, lambda arguments: {new if key == old else key: value for key, value in arguments.items()})


def added_argument(name: str, argument: str, value: Any) -> Migration:
    """Return the migration that gives the class registered as `name` the `argument` that it lacks, anywhere in a spec."""
    return _changed_arguments(name, lambda arguments: {argument: value, **arguments})


def in_turn(*migrations: Migration) -> Migration:
    """Return the migration that does `migrations` one after another."""

    def migrate_in_turn(tensors: Tensors, spec: Any) -> tuple[Tensors, Any]:
        for migration in migrations:
            tensors, spec = migration(tensors, spec)
        return tensors, spec

    return migrate_in_turn


def _changed_arguments(name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Migration:
    """The migration of the arguments of the class registered as `name`, anywhere in a spec."""

    def changed(value: Any) -> Any:
        if isinstance(value, list):
            return [changed(item) for item in value]
        if not isinstance(value, dict):
            return value
        arguments = {key: changed(item) for key, item in value.items()}
        return change(arguments) if value.get("name") == name else arguments

    return lambda tensors, spec: (tensors, changed(spec))


def _shuffled_upsampling(tensors: Tensors, spec: Any) -> tuple[Tensors, Any]:
    """U-Nets took the nearest pixel after a 1x1 convolution: a pixel shuffle whose four subpixels are the same."""
    layers = tuple(f"{prefix}ups." for prefix in _prefixes("unet", spec))
    moved = {}
    for name, tensor in tensors.items():
        layer, _, kind = name.rpartition(".")  # of a file without a format the layers may have been moved before
        if name.startswith(layers) and layer.rpartition(".")[0].endswith("ups"):
            moved[f"{layer}.0.{kind}"] = tensor.repeat_interleave(4, dim=0)
        else:
            moved[name] = tensor
    return moved, spec


def _prefixes(name: str, spec: Any, prefix: str = "") -> Iterator[str]:
    """How the tensors begin of what is registered as `name`, anywhere in a spec: modules are called as their arguments."""
    if isinstance(spec, dict) and spec.get("name") == name:
        yield prefix
    items = spec.items() if isinstance(spec, dict) else enumerate(spec) if isinstance(spec, list) else ()
    for key, value in items:
        yield from _prefixes(name, value, f"{prefix}{key}.")


# By the format that it starts from. An argument that is renamed is one entry: `2: renamed_argument("unet", "blocks", "depth")`.
MIGRATIONS: dict[int, Migration] = {
    0: unchanged,
    1: in_turn(
        added_argument("unet", "activation", "silu"), added_argument("resnet", "activation", "silu"), _shuffled_upsampling
    ),
}


def migrate(tensors: Tensors, spec: Any, found: int) -> tuple[Tensors, Any]:
    """Migrate `tensors` and `spec` of a checkpoint of format `found` to the current format."""
    while found in MIGRATIONS:
        tensors, spec = MIGRATIONS[found](tensors, spec)
        found += 1
    return tensors, spec

"""References of an experiment's models to trained weights: another model of it, shipped weights, or a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deblurbench.errors import UsageError
from deblurbench.yaml_files import MAX_DEPTH

TRAINED = (
    "trained"  # the key of a reference: {trained: NAME of a model of the experiment or of weights that ship, or a checkpoint}
)
CHECKPOINT = ".safetensors"
MOST_VALUES = 2_000  # of one model, those within it included, which references double as aliases would; all are checked


def is_checkpoint(source: str) -> bool:
    """Whether a source is the path of a checkpoint, not the name of a model."""
    return source.endswith(CHECKPOINT)


def with_strings(value: Any, change: Callable[[str], str]) -> Any:
    """A copy of the plain `value` with `change` applied to every string in it that is not a key."""
    if isinstance(value, dict):
        return {key: with_strings(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [with_strings(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


def require_bounded(value: Any, where: str) -> None:
    """Raise UsageError where models that refer to models make one of too many levels or values."""
    waiting, values = [(value, 1)], 0
    while waiting:
        one, level = waiting.pop()
        values += 1
        if level > MAX_DEPTH or values > MOST_VALUES:
            raise UsageError(f"{where}: has more than {MAX_DEPTH} levels or {MOST_VALUES:,} values, with all that it refers to")
        within = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        waiting += [(each, level + 1) for each in within]


def with_references(value: Any, sources: dict[str, str], place: str) -> Any:
    """`value`, the spec at `place`, with references in the places of `sources`."""
    if place in sources:
        return {TRAINED: sources[place]}
    if isinstance(value, dict):
        return {key: with_references(item, sources, f"{place}.{key}".removeprefix(".")) for key, item in value.items()}
    if isinstance(value, list):
        return [with_references(item, sources, f"{place}.{index}") for index, item in enumerate(value)]
    return value

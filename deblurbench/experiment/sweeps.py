"""A small hyper-parameter sweep: which settings of one model are tried."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired

from annotated_types import MinLen
from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from deblurbench.errors import UsageError
from deblurbench.experiment.building_blocks import MOST_MODELS, mapping
from deblurbench.randomness import Seed, generator
from deblurbench.registry import PositiveInt, check_arguments, check_value
from deblurbench.yaml_files import set_key

Choices = Annotated[list[Any], MinLen(1)]


@with_config(ConfigDict(extra="forbid"))
class Range(TypedDict):
    """From `low` to `high`, evenly or in the logarithm; whole numbers give whole numbers, both ends included."""

    low: int | float
    high: int | float
    log: NotRequired[bool]


@dataclass(frozen=True)
class Sweep:
    """The content of the key `sweep`, and the changes of each candidate: values by their key path within the model."""

    name: str
    given: dict[str, Any]
    changes: tuple[dict[str, Any], ...]

    @property
    def labels(self) -> list[str]:
        """The names of the candidates."""
        return [f"{self.name}-candidate-{number}" for number in range(1, len(self.changes) + 1)]

    def candidates(self, content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The name and the content of every candidate."""
        for label, change in zip(self.labels, self.changes, strict=True):
            changed = copy.deepcopy(content)
            for path, value in change.items():
                set_key(changed, path.split("."), value, f"models.{self.name}.sweep: {path}")
            yield label, changed


def read_sweep(given: Any, where: str, name: str) -> Sweep | None:
    """The sweep of model `name`, None where there is none. Raises UsageError, with `where`, where it makes no sense."""
    if given is None:
        return None
    try:
        checked = check_arguments(sweep_changes, mapping(given, where), where, "a sweep")
        for key, choice in (checked["random"] or {}).items():
            check_value(Choices if isinstance(choice, list) else Range, choice, f"{where}.random.{key}")
        changes = sweep_changes(**checked)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error
    return Sweep(name, given, tuple(changes))


def sweep_changes(
    *,
    grid: dict[str, Choices] | None = None,
    random: dict[str, Any] | None = None,
    draws: PositiveInt | None = None,
    seed: Seed = 0,
) -> list[dict[str, Any]]:
    """Every combination of a `grid`, or `draws` settings, drawn by `seed`, of what `random` holds."""
    if bool(grid) == bool(random) or (draws is None) == bool(random):
        raise ValueError("expected either 'grid', or 'random' with 'draws' and perhaps 'seed'")
    count = draws or math.prod(map(len, (grid or {}).values()))
    if count > MOST_MODELS:
        raise ValueError(f"{count:,} candidates are more than {MOST_MODELS}; try fewer values, or draw some with 'random'")
    if grid:
        return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    assert random is not None
    assert draws is not None
    return [
        {key: _drawn(key, choice, generator(seed, "sweep", number, key).uniform()) for key, choice in random.items()}
        for number in range(draws)
    ]


def _drawn(key: str, choice: Choices | Range, share: float) -> Any:
    """The value that lies `share` in [0, 1) of the way through what `choice` allows."""
    if isinstance(choice, list):
        return choice[int(share * len(choice))]
    low, high, is_log = choice["low"], choice["high"], choice.get("log", False)
    if low > high or (is_log and low <= 0):
        raise ValueError(f"{key}: 'low' must lie below 'high', and above 0 with 'log: true'")
    is_whole = isinstance(low, int) and isinstance(high, int)
    end = high + 1 if is_whole else high
    value = low * math.exp(share * math.log(end / low)) if is_log else low + share * (end - low)
    return int(value) if is_whole else float(f"{value:.4g}")

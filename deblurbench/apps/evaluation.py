"""What `deblurbench evaluate` is asked for, and what it prints."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from deblurbench.benchmark.folders import Evaluation, column_of
from deblurbench.metrics.recipe import Recipe, find_recipe, recipes
from deblurbench.registry import NO_REFERENCE
from deblurbench.statistics.means import finite_mean, identical_note
from deblurbench.yaml_files import parse_yaml

ALL = "all"


def chosen_recipes(names: Sequence[str], metrics: str) -> list[Recipe]:
    """The recipes called `names` (or "all"), each once, with the further metrics of a YAML text.

    With several, a recipe that takes no further metrics goes without, and weights are read once. Raises UsageError for
    names that are none, and where weights cannot be had.
    """
    wanted = list(dict.fromkeys(recipes() if ALL in names else names))
    further = parse_yaml(metrics, "--metrics")
    found = [find_recipe(name, where="--recipe") for name in wanted]
    chosen = [
        find_recipe(one.name, further, "--recipe", "--metrics") if one.takes_further or len(found) == 1 else one
        for one in found
    ]
    for one in chosen:
        for metric in one.metrics.values():
            metric.prepare()
    return chosen


def describe(found: Evaluation, used: Sequence[Recipe]) -> Iterator[str]:
    """Lines for people: the means under each recipe, side by side, and what each recipe is."""
    yield f"{len(found.rows)} images"
    width = max(len(recipe.title) for recipe in used)
    for recipe in used:
        cells = []
        for name, metric in recipe.metrics.items():
            mean = finite_mean([row[column_of(name, recipe, used)] for row in found.rows])
            cells.append(f"{metric.label} {shown(mean.value, metric.decimals)}")
        yield f"  {recipe.title:{width}}  {'   '.join(cells)}"
    identical = max((finite_mean([row[column] for row in found.rows]).left_out for column in found.columns), default=0)
    if identical:
        yield identical_note(identical)
    for recipe in used:
        yield f"{recipe.title}: {recipe.description}"


def means_of(found: Evaluation) -> Iterator[str]:
    """Lines for people: the means of what needs no sharp twin."""
    yield f"{len(found.rows)} images"
    for column in found.columns:
        metric = NO_REFERENCE.build(column)
        mean = finite_mean([row[column] for row in found.rows])
        yield f"  {metric.label} {shown(mean.value, metric.decimals)}; it rises with noise and ringing too"


def shown(value: float, decimals: int) -> str:
    """A number for people."""
    return "infinite" if math.isinf(value) else f"{value:.{decimals}f}"

"""`deblurbench evaluate`: its options, and the lines that it prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deblurbench.metrics.recipe import Recipe, find_recipe, recipes
from deblurbench.registry import NO_REFERENCE
from deblurbench.report.formatting import format_score, pluralize
from deblurbench.scoring.image_folders import Evaluation, column_of
from deblurbench.statistics.means import finite_mean, identical_note
from deblurbench.yaml_files import parse_yaml

ALL = "all"


def chosen_recipes(names: Sequence[str], metrics: str) -> list[Recipe]:
    """The recipes called `names` (or "all"), each once, with the further metrics of a YAML text or of names with commas.

    With several, a recipe that takes no further metrics goes without. Raises UsageError for names that are none, and where
    weights cannot be had.
    """
    wanted = [name.strip() for name in names]
    further = parse_yaml(metrics, "--metrics")
    if isinstance(further, str):
        further = [name.strip() for name in further.split(",")]
    found = {
        one.title: one for one in (find_recipe(name, where="--recipe") for name in (recipes() if ALL in wanted else wanted))
    }
    chosen = [
        find_recipe(one.title, further, "--recipe", "--metrics") if one.takes_further or len(found) == 1 else one
        for one in found.values()
    ]
    for one in chosen:
        for metric in one.metrics.values():
            metric.prepare()
    return chosen


def describe(found: Evaluation, used: Sequence[Recipe]) -> Iterator[str]:
    """Lines for people: the means under each recipe, side by side, and what each recipe is."""
    yield pluralize(len(found.rows), "image")
    yield from found.left_out
    if not found.rows:
        return
    others = any(recipe.further for recipe in used)
    width = max(len(recipe.title) for recipe in used)
    for recipe in used:
        cells, notes = [], set()
        for name, metric in recipe.metrics.items():
            column = column_of(name, recipe, used)
            mean = finite_mean([row[column] for row in found.rows if column in row])
            cells.append(f"{metric.label} {format_score(mean.value, metric.decimals)}")
            if mean.left_out:
                notes.add(f" ({identical_note(mean.left_out)})")
        yield f"  {recipe.title:{width}}  {'   '.join(cells)}{''.join(notes)}"
    for recipe in used:
        alone = "; further metrics were asked for, and it takes none" if others and not recipe.takes_further else ""
        yield f"{recipe.title}: {recipe.description}{alone}"


def describe_alone(found: Evaluation) -> Iterator[str]:
    """Lines for people: the means of the no-reference metrics."""
    yield pluralize(len(found.rows), "image")
    yield from found.left_out
    for column in found.columns:
        metric = NO_REFERENCE.build(column)
        mean = finite_mean([row[column] for row in found.rows])
        yield f"  {metric.label} {format_score(mean.value, metric.decimals)}; it rises with noise and ringing too"

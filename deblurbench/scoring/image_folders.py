"""Scoring folders of images that any program has written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from deblurbench.data.layouts.matching import Pairs, match_by_key
from deblurbench.data.parallel import in_threads
from deblurbench.devices import one_thread_each
from deblurbench.errors import UnreadableImage, UsageError
from deblurbench.images.photo import images_below, left_out_note
from deblurbench.images.reading import read_photo
from deblurbench.images.tensors import to_tensor
from deblurbench.metrics.recipe import Recipe
from deblurbench.scoring.test_set import no_reference_scores

SIDES = ("restored", "sharp")
BATCH_ON_GPU = 8
Row = dict[str, Any]


@dataclass
class Evaluation:
    """One row an image, {image, <columns>}, without those of a recipe that refuses it; what failed, one line each.

    `left_out` has a line for each folder with files that are no images.
    """

    columns: list[str]
    rows: list[Row] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


class Loaded(NamedTuple):
    """A decoded pair, each (1, 3, H, W); `path` is the restored side's."""

    name: str
    path: Path
    restored: Tensor
    sharp: Tensor


def column_of(metric: str, recipe: Recipe, recipes: Sequence[Recipe]) -> str:
    """The name of a metric's column, which holds that of its recipe where there are several."""
    return metric if len(recipes) == 1 else f"{metric} ({recipe.name})"


def evaluate_pairs(restored: Path, sharp: Path, recipes: Sequence[Recipe], device: torch.device) -> Evaluation:
    """Score every image below `restored` under all `recipes` by its counterpart below `sharp`, of the same relative path.

    Images that are unreadable, of another size or without counterpart are named in `failed`. Raises UsageError where no two
    names match.
    """
    first, twice = _by_name(restored)
    second, twice_sharp = _by_name(sharp)
    pairs, problems = match_by_key(first, second, SIDES)
    if not pairs:
        names = ", ".join(f"'{next(iter(side), '')}'" for side in (first, second))
        raise UsageError(f"{restored}: no image has a counterpart of the same name in {sharp} (the first names are {names})")
    columns = [column_of(metric, recipe, recipes) for recipe in recipes for metric in recipe.metrics]
    found = Evaluation(columns, failed=[*twice, *twice_sharp, *problems], left_out=_left_out(restored, sharp))
    batches = _in_batches(pairs, device)
    with one_thread_each(device):
        for rows, failed in in_threads(
            lambda batch: _scored(batch, recipes, device), batches, description="scoring", show_progress=True
        ):
            found.rows += rows
            found.failed += failed
    return found


def evaluate_alone(restored: Path) -> Evaluation:
    """Score every image below `restored` by the metrics that need no sharp counterpart."""
    images, problems = _by_name(restored)
    rows = []
    for name, path in images.items():
        try:
            rows.append({"image": name, **no_reference_scores(to_tensor(read_photo(path).pixels))})
        except (UnreadableImage, ValueError) as error:
            problems.append(str(error) if isinstance(error, UnreadableImage) else f"{path}: {error}")
    columns = [column for column in rows[0] if column != "image"] if rows else []
    return Evaluation(columns, rows, problems, _left_out(restored))


def _left_out(*folders: Path) -> list[str]:
    return [note for folder in folders if (note := left_out_note(folder, below=True))]


def _by_name(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The images below `folder` by their path in it without the suffix, and a problem for each that another one hides."""
    found: dict[str, Path] = {}
    problems = []
    for path in images_below(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            problems.append(f"{path}: has the same name as {found[name].name} but for the suffix")
        found.setdefault(name, path)
    if not found:
        raise UsageError(f"{folder}: holds no images; give the folder that does")
    return found, problems


def _in_batches(pairs: Pairs, device: torch.device, on_gpu: int = BATCH_ON_GPU) -> list[Pairs]:
    """Batches to score at once: several pairs on a GPU; on a CPU one, in several threads."""
    size = on_gpu if device.type == "cuda" else 1
    return [pairs[start : start + size] for start in range(0, len(pairs), size)]


def _scored(batch: Pairs, recipes: Sequence[Recipe], device: torch.device) -> tuple[list[Row], list[str]]:
    """Rows of the pairs of `batch` that could be scored, in their order, and a line for each other."""
    failed: list[str] = []
    by_size: dict[torch.Size, list[Loaded]] = {}
    for name, *paths in batch:
        try:
            restored, sharp = (to_tensor(read_photo(path).pixels) for path in paths)
        except UnreadableImage as error:
            failed.append(str(error))
            continue
        if restored.shape != sharp.shape:
            sizes = [f"{image.shape[-1]}x{image.shape[-2]}" for image in (restored, sharp)]
            failed.append(f"{paths[0]}: is {sizes[0]} pixels, and {paths[1]} is {sizes[1]}; nothing is resized")
            continue
        by_size.setdefault(restored.shape, []).append(Loaded(name, paths[0], restored, sharp))
    rows: dict[str, Row] = {}
    for group in by_size.values():
        for recipe in recipes:
            for name, scores in _by_recipe(group, recipe, device, failed):
                row = rows.setdefault(name, {"image": name})
                row.update({column_of(metric, recipe, recipes): value for metric, value in scores.items()})
    return [rows[name] for name, *_ in batch if name in rows], failed


def _by_recipe(group: list[Loaded], recipe: Recipe, device: torch.device, failed: list[str]) -> Iterator[tuple[str, Row]]:
    """(name, scores) of each image of `group`, all of one size; a line in `failed` for one that the recipe refuses."""
    restored, sharp = (
        torch.cat(side).to(device) for side in zip(*((item.restored, item.sharp) for item in group), strict=True)
    )
    try:
        scores = recipe.score(restored, sharp)
    except ValueError as error:
        if len(group) == 1:
            failed.append(f"{group[0].path}: {error} (recipe {recipe.name})")
        else:  # one of them is to blame: each by itself tells which
            for item in group:
                yield from _by_recipe([item], recipe, device, failed)
        return
    for place, item in enumerate(group):
        yield item.name, {metric: numbers[place] for metric, numbers in scores.items()}

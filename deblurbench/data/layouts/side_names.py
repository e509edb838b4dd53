"""The names of the folders of pairs: those of the two sides, of which the first is blurred, and those of the splits."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from deblurbench.data.layouts.directory_tree import subfolders
from deblurbench.data.table import TEST, TRAIN, VALIDATION
from deblurbench.errors import UsageError
from deblurbench.images.photo import holds_images

# Names that go together, in any case: each of the first, of blurred images, with each of the second, of sharp ones.
PAIRS = (
    (("blur", "blurry", "blurred"), ("sharp", "gt")),
    (("input",), ("target", "gt")),
    (("lq",), ("gt",)),
    (("degraded",), ("clean",)),
    (("lr",), ("hr",)),
)
SUPER_RESOLUTION = ("lr", "hr")  # pairs of equal sizes alone: in the others the blurred side is smaller
SPLIT_NAMES = {"train": TRAIN, "validation": VALIDATION, "val": VALIDATION, "test": TEST}
ANY_SPLIT = f"(?i:{'|'.join(SPLIT_NAMES)})"  # a pattern
ACCEPTED = "; ".join(f"{'/'.join(blurred)} with {'/'.join(sharp)}" for blurred, sharp in PAIRS)


class Sides(NamedTuple):
    """The folders of the blurred and of the sharp images of pairs."""

    blurred: Path
    sharp: Path

    @property
    def title(self) -> str:
        """Their names, blurred before sharp."""
        return f"{self.blurred.name}/ and {self.sharp.name}/"


def all_sides(folder: Path) -> list[Sides]:
    """Every two folders in `folder` whose names go together."""
    present = subfolders(folder)
    return [
        Sides(blurred, sharp)
        for names in PAIRS
        for blurred in present
        for sharp in present
        if blurred.name.lower() in names[0] and sharp.name.lower() in names[1]
    ]


def find_sides(folder: Path) -> Sides | None:
    """The two sides in `folder`; None where it has not both. Raises UsageError where more than one pair of names is there."""
    found = all_sides(folder)
    if len(found) > 1:
        titles = ", or ".join(each.title for each in found)
        raise UsageError(f"{folder}: the pairs may be {titles}; move what is not meant to another folder")
    return found[0] if found else None


def find_halves(folder: Path) -> list[Path]:
    """The folders in `folder` that are named like a side and hold images."""
    names = {name for both in PAIRS for side in both for name in side}
    return [child for child in subfolders(folder) if child.name.lower() in names and _holds_images_or_splits(child)]


def half_problem(folder: Path) -> str:
    """The problem with `folder`, in which no two sides go together: what is there, and what is missing."""
    halves = find_halves(folder)
    if len(halves) != 1:
        there = " and ".join(f"{half.name}/" for half in halves)
        found = f"has {there}, which do not go together" if halves else "has no folders of blurred and sharp images"
        return f"{folder}: {found}; accepted are {ACCEPTED}"
    name = halves[0].name.lower()
    missing = list(dict.fromkeys(other for blurred, sharp in PAIRS for other in _counterparts(name, blurred, sharp)))
    others = f" (or {', '.join(f'{each}/' for each in missing[1:])})" if len(missing) > 1 else ""
    is_sharp = any(name in sharp for _, sharp in PAIRS)
    alone = f"; to have sharp photographs blurred, give {halves[0]} itself" if is_sharp else "; a model needs both sides"
    return f"{folder}: has {halves[0].name}/ and no {missing[0]}/{others}{alone}"


def split_folders(folder: Path) -> dict[str, Path]:
    """The folders of splits in `folder`, in the order of training, validation and test. Raises UsageError for two of one."""
    found: dict[str, Path] = {}
    for child in subfolders(folder):
        split = SPLIT_NAMES.get(child.name.lower())
        if split in found:
            raise UsageError(f"{folder}: has {found[split].name}/ and {child.name}/, both for {split}; make them one")
        if split:
            found[split] = child
    return {split: found[split] for split in (TRAIN, VALIDATION, TEST) if split in found}


def _counterparts(name: str, blurred: tuple[str, ...], sharp: tuple[str, ...]) -> tuple[str, ...]:
    return sharp if name in blurred else blurred if name in sharp else ()


def _holds_images_or_splits(folder: Path) -> bool:
    return holds_images(folder) or any(holds_images(child) for child in subfolders(folder, ANY_SPLIT))

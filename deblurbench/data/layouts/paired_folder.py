"""A folder of own pairs, and the curated Kaggle list, which has the same shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.layouts.directory_tree import find_folder, require_folder, subfolders
from deblurbench.data.layouts.matching import Pairs, match_by_name
from deblurbench.data.layouts.side_names import (
    ANY_SPLIT,
    SUPER_RESOLUTION,
    Sides,
    all_sides,
    find_halves,
    find_sides,
    half_problem,
    split_folders,
)
from deblurbench.data.table import (
    TEST,
    TRAIN,
    VALIDATION,
    PairEntry,
    PairTable,
    carve_validation,
    evenly_spaced,
    split_in_blocks,
)
from deblurbench.errors import UnreadableImage, UsageError
from deblurbench.images.photo import list_images
from deblurbench.images.reading import read_photo
from deblurbench.registry import LAYOUTS

DBLUR = "DBlur"
PAIRS_COMPARED = 3  # by size, where one side is often the smaller


@LAYOUTS.register("paired-folder")
class PairedFolder(Layout):
    """`{train,validation,test}/{blur,sharp}/NAME.*`, or `{blur,sharp}/NAME.*` with no split; matched by name.

    The splits may stand below the sides, too (`blur/train`), `validation` may be `val`, and the sides may have any of the
    names in `side_names.PAIRS`, in any case: which of them is blurred follows from both. `lr` and `hr` must be of one size.
    Where `validation` is missing, the last tenth of the training pairs by name replaces it; where every split is, the last
    tenth is test and the tenth before it validation. Test pairs that are shipped stay the test pairs.
    """

    origin = Origin("own pairs")
    is_generic = True

    def __init__(self, *, path: str) -> None:
        self.path = Path(path).expanduser()

    def table(self) -> PairTable:
        require_folder(self.path)
        if (sides := find_sides(self.path)) and not (split_folders(sides.blurred) or split_folders(sides.sharp)):
            return self._unsplit(sides)
        by_split = self._below_sides(sides) if sides else self._above_sides()
        absent = next((split for split in (TRAIN, TEST) if split not in by_split), None)
        if absent:
            raise UsageError(
                f"{self.path}: has {' and '.join(by_split)} and no {absent}; move some pairs there, or all into one folder"
            )
        entries: list[PairEntry] = []
        problems: list[str] = []
        for split, each in by_split.items():
            pairs, found = _pairs(each)
            problems += found
            entries += [
                PairEntry(f"{split}-{stem}", split, f"{split}-{stem}", sharp, blurred) for stem, blurred, sharp in pairs
            ]
        return PairTable(tuple(entries) if VALIDATION in by_split else carve_validation(entries, problems), tuple(problems))

    def _unsplit(self, sides: Sides) -> PairTable:
        pairs, problems = _pairs(sides)
        splits = split_in_blocks((stem for stem, _, _ in pairs), str(self.path))
        return PairTable(
            tuple(PairEntry(stem, splits[stem], stem, sharp, blurred) for stem, blurred, sharp in pairs), tuple(problems)
        )

    def _above_sides(self) -> dict[str, Sides]:
        """The sides in the folder of each split. Raises UsageError where one is missing."""
        splits = split_folders(self.path)
        if not splits or find_halves(self.path):
            raise UsageError(half_problem(self.path))
        found = {}
        for split, folder in splits.items():
            sides = find_sides(folder)
            if sides is None:
                raise UsageError(half_problem(folder))
            found[split] = sides
        return found

    def _below_sides(self, sides: Sides) -> dict[str, Sides]:
        """The folders of each split in both sides. Raises UsageError where one has another split, or images in none."""
        blurred, sharp = (split_folders(side) for side in sides)
        for side, others, other in ((blurred, sharp, sides.sharp), (sharp, blurred, sides.blurred)):
            for split in sorted(side.keys() - others.keys()):
                raise UsageError(f"{self.path}: has {side[split].relative_to(self.path)}/ and no {other.name}/{split}/; add it")
        if loose := [path for side in sides for path in list_images(side)]:
            raise UsageError(f"{loose[0]}: lies beside the folders of splits; move it into one of them, or away")
        return {split: Sides(blurred[split], sharp[split]) for split in blurred}

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        folders = [path, *subfolders(path, ANY_SPLIT)]
        return [{"path": str(path)}] if any(all_sides(folder) or find_halves(folder) for folder in folders) else []


@LAYOUTS.register("dblur")
class DBlur(Layout):
    """One subset of Kaggle `jishnuparayilshibu/a-curated-list-of-image-deblurring-datasets`, read as downloaded.

    `path` is the download (any folder above `DBlur`, `DBlur` itself, or the subset); `subset` is `CelebA`, `Gopro`, `HIDE`,
    `Helen`, `RealBlur_J`, `RealBlur_R`, `TextOCR` or `Wider-Face`. Some have no `validation`, or no split at all. Gopro's
    names have lost their sequences: its validation is a contiguous block of train.
    """

    origin = Origin(
        "Kaggle curated list of deblurring sets, DBlur/*",
        "https://www.kaggle.com/datasets/jishnuparayilshibu/a-curated-list-of-image-deblurring-datasets",
        "those of the sets it holds", "the sets it holds", "a-curated-list-of-image-deblurring-datasets",
        "jishnuparayilshibu/a-curated-list-of-image-deblurring-datasets",
    )  # fmt: skip

    def __init__(self, *, path: str, subset: str = "CelebA") -> None:
        self.path, self.subset = Path(path).expanduser(), subset

    def table(self) -> PairTable:
        if require_folder(self.path).name == self.subset:
            return PairedFolder(path=str(self.path)).table()
        root = find_folder(self.path, lambda folder: _is_pairs(folder / self.subset), f"{DBLUR}/{self.subset}")
        return PairedFolder(path=str(root / self.subset)).table()

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        if path.name == DBLUR:
            return [{"path": str(path), "subset": child.name} for child in subfolders(path) if _is_pairs(child)]
        if path.parent.name == DBLUR and _is_pairs(path):
            return [{"path": str(path), "subset": path.name}]
        return []


def _is_pairs(folder: Path) -> bool:
    return bool(PairedFolder.recognise(folder))


def _pairs(sides: Sides) -> tuple[Pairs, list[str]]:
    pairs, problems = match_by_name(list_images(sides.blurred), list_images(sides.sharp))
    folder = sides.blurred.parent
    if not pairs:
        raise UsageError(
            f"{folder}: no file in {sides.blurred.name}/ has a counterpart of the same name in {sides.sharp.name}/; "
            "name both sides alike"
        )
    if tuple(side.name.lower() for side in sides) == SUPER_RESOLUTION:
        _require_one_size(folder, pairs)
    return pairs, problems


def _require_one_size(folder: Path, pairs: Pairs) -> None:
    """Raise UsageError where a few of `pairs`, decoded, show that one side is smaller."""
    for _, *paths in evenly_spaced(pairs, PAIRS_COMPARED):
        try:
            (height, width), (sharp_height, sharp_width) = (read_photo(path).pixels.shape[:2] for path in paths)
        except UnreadableImage:
            continue  # named where everything is decoded
        if (height, width) != (sharp_height, sharp_width):
            sizes = f"{width}x{height} and {sharp_width}x{sharp_height}"
            raise UsageError(
                f"{folder}: {paths[0].name} is {sizes} pixels in {paths[0].parent.name}/ and {paths[1].parent.name}/: "
                "that is super-resolution, which is not compared here; give pairs of one size"
            )

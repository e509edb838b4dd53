"""A folder of own pairs, and the curated Kaggle list, which has the same shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.layouts.directory_tree import find_folder, require_folder, side, subfolders
from deblurbench.data.layouts.matching import Pairs, match_by_name
from deblurbench.data.table import TEST, TRAIN, VALIDATION, PairEntry, PairTable, carve_validation, split_in_blocks
from deblurbench.errors import UsageError
from deblurbench.images.photo import list_images
from deblurbench.registry import LAYOUTS

SIDES = (("blur", "sharp"), ("input", "target"))  # the usual names of the blurred and the sharp side
FOLDERS = {TRAIN: ("train",), VALIDATION: ("validation", "val"), TEST: ("test",)}
DBLUR = "DBlur"


@LAYOUTS.register("paired-folder")
class PairedFolder(Layout):
    """`{train,validation,test}/{blur,sharp}/NAME.*`, or `{blur,sharp}/NAME.*` with no split; matched by name.

    `input` and `target`, `val` and other cases are accepted, too. Where `validation` is missing, the last tenth of the
    training pairs by name replaces it; where every split is, the last tenth is test and the tenth before it validation.
    Test pairs that are shipped stay the test pairs.
    """

    origin = Origin("own pairs")
    is_generic = True

    def __init__(self, *, path: str) -> None:
        self.path = Path(path).expanduser()

    def table(self) -> PairTable:
        require_folder(self.path)
        if _sides(self.path):
            return self._unsplit()
        present = _splits(self.path)
        if TRAIN not in present or TEST not in present:
            wanted = "{train,validation,test}/{blur,sharp}"
            raise UsageError(f"{self.path}: holds no {wanted} and no {{blur,sharp}}; choose the folder above them")
        entries: list[PairEntry] = []
        problems: list[str] = []
        for split, folder in present.items():
            pairs, found = _pairs(folder)
            problems += found
            entries += [
                PairEntry(f"{split}-{stem}", split, f"{split}-{stem}", sharp, blurred) for stem, blurred, sharp in pairs
            ]
        return PairTable(tuple(entries) if VALIDATION in present else carve_validation(entries, problems), tuple(problems))

    def _unsplit(self) -> PairTable:
        pairs, problems = _pairs(self.path)
        splits = split_in_blocks(stem for stem, _, _ in pairs)
        return PairTable(
            tuple(PairEntry(stem, splits[stem], stem, sharp, blurred) for stem, blurred, sharp in pairs), tuple(problems)
        )

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        if not path.is_dir():
            return []
        return [{"path": str(path)}] if _sides(path) or any(_sides(folder) for folder in _splits(path).values()) else []


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


def _sides(folder: Path) -> tuple[Path, Path] | None:
    """The blurred and the sharp side in `folder` where one of them at least is there."""
    both = [(side(folder, blurred), side(folder, sharp)) for blurred, sharp in SIDES]
    return next(((blurred, sharp) for blurred, sharp in both if blurred.is_dir() or sharp.is_dir()), None)


def _splits(folder: Path) -> dict[str, Path]:
    named = {split: [side(folder, name) for name in names] for split, names in FOLDERS.items()}
    return {
        split: next(path for path in paths if path.is_dir()) for split, paths in named.items() if any(p.is_dir() for p in paths)
    }


def _pairs(folder: Path) -> tuple[Pairs, list[str]]:
    blurred, sharp = _sides(folder) or (folder / "blur", folder / "sharp")
    pairs, problems = match_by_name(list_images(blurred), list_images(sharp))
    if not pairs:
        raise UsageError(
            f"{folder}: no file in {blurred.name}/ has a counterpart of the same name in {sharp.name}/; name both sides alike"
        )
    return pairs, problems

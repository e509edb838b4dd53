"""A folder of own pairs, and the curated Kaggle list, which has the same shape."""

from __future__ import annotations

from pathlib import Path

from deblurbench.data.table import (
    SPLITS,
    TEST,
    TRAIN,
    VALIDATION,
    Entry,
    Table,
    carve_validation,
    match_by_name,
    split_in_blocks,
)
from deblurbench.errors import UsageError
from deblurbench.images.photo import list_images
from deblurbench.registry import LAYOUTS


@LAYOUTS.register("paired-folder")
class PairedFolder:
    """`{train,validation,test}/{blur,sharp}/NAME.*`, or `{blur,sharp}/NAME.*` with no split; matched by name.

    Where `validation` is missing, the last tenth of the training pairs by name takes its place; where every split is, the
    last tenth is the test and the tenth before it validation. Test pairs that are shipped stay the test pairs.
    """

    def __init__(self, *, path: str) -> None:
        self.path = Path(path).expanduser()

    def table(self) -> Table:
        if not self.path.is_dir():
            raise UsageError(f"{self.path}: there is no such folder; give the one that holds train/, validation/ and test/")
        if (self.path / "blur").is_dir() or (self.path / "sharp").is_dir():
            return self._unsplit()
        present = [split for split in SPLITS if (self.path / split).is_dir()]
        if TRAIN not in present or TEST not in present:
            wanted = "{train,validation,test}/{blur,sharp}"
            raise UsageError(f"{self.path}: holds no {wanted} and no {{blur,sharp}}; choose the folder above them")
        entries: list[Entry] = []
        problems: list[str] = []
        for split in present:
            pairs, found = _pairs(self.path / split)
            problems += found
            entries += [Entry(f"{split}-{stem}", split, f"{split}-{stem}", sharp, blurred) for stem, blurred, sharp in pairs]
        return Table(tuple(entries) if VALIDATION in present else carve_validation(entries), tuple(problems))

    def _unsplit(self) -> Table:
        pairs, problems = _pairs(self.path)
        splits = split_in_blocks(stem for stem, _, _ in pairs)
        return Table(tuple(Entry(stem, splits[stem], stem, sharp, blurred) for stem, blurred, sharp in pairs), tuple(problems))


@LAYOUTS.register("dblur")
class DBlur:
    """One subset of Kaggle `jishnuparayilshibu/a-curated-list-of-image-deblurring-datasets`, read as downloaded.

    `path` is the download (the folder above `DBlur`, `DBlur` itself, or the subset); `subset` is `CelebA`, say.
    """

    def __init__(self, *, path: str, subset: str = "CelebA") -> None:
        self.path, self.subset = Path(path).expanduser(), subset

    def table(self) -> Table:
        if not self.path.is_dir():
            raise UsageError(f"{self.path}: there is no such folder; give the one that the Kaggle download was unpacked to")
        candidates = [self.path / "DBlur" / self.subset, self.path / self.subset]
        if self.path.name == self.subset:
            candidates.append(self.path)
        for folder in candidates:
            if folder.is_dir():
                return PairedFolder(path=str(folder)).table()
        raise UsageError(f"{self.path}: holds no DBlur/{self.subset}; give the folder that the Kaggle download was unpacked to")


def _pairs(folder: Path) -> tuple[list[tuple[str, Path, Path]], list[str]]:
    pairs, problems = match_by_name(list_images(folder / "blur"), list_images(folder / "sharp"))
    if not pairs:
        raise UsageError(f"{folder}: no file in blur/ has a twin of the same name in sharp/; name both sides alike")
    return pairs, problems

"""REDS, blur averaged from high-speed video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.layouts.directory_tree import find_folder, subfolders
from deblurbench.data.layouts.matching import match_folders
from deblurbench.data.table import TEST, TRAIN, PairEntry, PairTable, carve_validation, split_by_hash
from deblurbench.errors import UsageError
from deblurbench.registry import LAYOUTS


@LAYOUTS.register("reds")
class Reds(Layout):
    """REDS: `train/{train_sharp,train_blur}/000/00000000.png` and the same of `val`, 100 frames of 240 and 30 sequences.

    Its test set has no public truth, so `val` is the test here, as in the papers; without it, sequences are split by
    a hash. Frame numbers repeat across sequences: a pair is known by both. Validation is whole sequences of train.
    """

    origin = Origin(
        "REDS", "https://seungjunnah.github.io/Datasets/reds", "CC BY 4.0",
        "S. Nah et al.: NTIRE 2019 Challenge on Video Deblurring and Super-Resolution: Dataset and Study, CVPR Workshops 2019",
        "REDS",
    )  # fmt: skip

    def __init__(self, *, path: str) -> None:
        self.path = Path(path).expanduser()

    def table(self) -> PairTable:
        root = find_folder(self.path, _is_root, "train/{train_sharp,train_blur}")
        entries: list[PairEntry] = []
        problems: list[str] = []
        for split, folder in ((TRAIN, "train"), (TEST, "val")):
            sides = [root / folder / f"{folder}_{kind}" for kind in ("blur", "sharp")]
            for name in sorted({sequence.name for side in sides for sequence in subfolders(side)}):
                pairs, found = match_folders(sides[0] / name, sides[1] / name)
                problems += found
                group = f"{folder}-{name}"
                entries += [PairEntry(f"{group}-{frame}", split, group, sharp, blurred) for frame, blurred, sharp in pairs]
        if not entries:
            raise UsageError(f"{root}: no sequence has both sides; {problems[0] if problems else 'give the whole download'}")
        if any(entry.split == TEST for entry in entries):
            return PairTable(carve_validation(entries, problems), tuple(problems))
        splits = split_by_hash((entry.group for entry in entries), str(self.path))
        return PairTable(
            tuple(PairEntry(entry.key, splits[entry.group], entry.group, entry.sharp, entry.blurred) for entry in entries),
            tuple(problems),
        )

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        return [{"path": str(path)}] if _is_root(path) else []


def _is_root(folder: Path) -> bool:
    return all((folder / "train" / f"train_{kind}").is_dir() for kind in ("sharp", "blur"))

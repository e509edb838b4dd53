"""The repackaging of several sets that Restormer, NAFNet and their successors train and test on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.layouts.directory_tree import find_folder, subfolders
from deblurbench.data.layouts.gopro import NAH, SEQUENCE
from deblurbench.data.layouts.matching import match_folders
from deblurbench.data.table import TEST, TRAIN, PairEntry, PairTable, carve_validation
from deblurbench.errors import UsageError
from deblurbench.registry import LAYOUTS

FRAME = re.compile(rf"({SEQUENCE})-?.*")
SHIPPED = (TRAIN, TEST)


@LAYOUTS.register("restormer")
class Restormer(Layout):
    """`{train,test}/GoPro/{input,target}/`, as Restormer and NAFNet ship it; other sets may be in `test` beside GoPro.

    `test` names the set to test on (`HIDE`, say); training is always on the GoPro of `train`, as in the papers. Validation
    is whole sequences where names contain them, else the last block of names.
    """

    origin = Origin(
        "Restormer's and NAFNet's repackaging", "https://github.com/swz30/Restormer", "CC BY 4.0 (GoPro)", NAH, "Restormer"
    )

    def __init__(self, *, path: str, test: str = "GoPro") -> None:
        self.path, self.test = Path(path).expanduser(), test

    def table(self) -> PairTable:
        root = find_folder(self.path, _is_root, "{train,test}/GoPro/{input,target}")
        problems: list[str] = []
        entries: list[PairEntry] = []
        for split, folder in ((TRAIN, root / TRAIN / "GoPro"), (TEST, root / TEST / self.test)):
            if not folder.is_dir():
                known = ", ".join(child.name for child in subfolders(root / split))
                raise UsageError(f"{folder}: there is no such folder; test may be one of: {known}")
            pairs, found = match_folders(folder / "input", folder / "target")
            problems += found
            for name, blurred, sharp in pairs:
                match = FRAME.fullmatch(name)
                entries.append(PairEntry(f"{split}-{name}", split, f"{split}-{match[1] if match else name}", sharp, blurred))
        return PairTable(carve_validation(entries, problems), tuple(problems))

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        if not _is_root(path):
            return []
        return [{"path": str(path), "test": child.name} for child in subfolders(path / TEST) if (child / "input").is_dir()]


def _is_root(folder: Path) -> bool:
    return all((folder / split / "GoPro" / kind).is_dir() for split in SHIPPED for kind in ("input", "target"))

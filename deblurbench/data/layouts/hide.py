"""HIDE, blur of moving people."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.layouts.directory_tree import find_folder
from deblurbench.data.table import TEST, TRAIN, PairEntry, PairTable, carve_validation
from deblurbench.errors import UsageError
from deblurbench.images.photo import list_images
from deblurbench.registry import LAYOUTS

TESTS = ("test-close-ups", "test-long-shot")
VIDEO = re.compile(r"\d+from(.+)")


@LAYOUTS.register("hide")
class Hide(Layout):
    """HIDE: `train/*.png`, `test/{test-close-ups,test-long-shot}/*.png`, and sharp images of the same names in `GT/`.

    Names like `12fromGOPR1098` contain the video: validation is whole videos of train.
    """

    origin = Origin(
        "HIDE", "https://github.com/joanshen0508/HA_deblur", "see its page",
        "Z. Shen, W. Wang, X. Lu, J. Shen, H. Ling, T. Xu, L. Shao: Human-Aware Motion Deblurring, ICCV 2019", "HIDE",
    )  # fmt: skip

    def __init__(self, *, path: str) -> None:
        self.path = Path(path).expanduser()

    def table(self) -> PairTable:
        root = find_folder(self.path, _is_root, "train/, test/test-close-ups/ and GT/")
        sharp = {path.stem: path for path in list_images(root / "GT")}
        entries: list[PairEntry] = []
        problems = [f"{root / TEST / name}: there is no such folder" for name in TESTS if not (root / TEST / name).is_dir()]
        used: set[str] = set()
        for split, folder in ((TRAIN, root / TRAIN), *((TEST, root / TEST / name) for name in TESTS)):
            for blurred in list_images(folder) if folder.is_dir() else []:
                if blurred.stem not in sharp:
                    problems.append(f"{blurred}: has no sharp counterpart named '{blurred.stem}' in {root / 'GT'}")
                    continue
                video = VIDEO.fullmatch(blurred.stem)
                group = f"{split}-{video[1] if video else blurred.stem}"
                entries.append(PairEntry(f"{split}-{blurred.stem}", split, group, sharp[blurred.stem], blurred))
                used.add(blurred.stem)
        problems += [f"{path}: has no blurred counterpart named '{stem}'" for stem, path in sharp.items() if stem not in used]
        if not any(entry.split == TRAIN for entry in entries):
            raise UsageError(f"{root / TRAIN}: no file has a counterpart of the same name in GT/; give the whole download")
        return PairTable(carve_validation(entries, problems), tuple(problems))

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        return [{"path": str(path)}] if _is_root(path) else []


def _is_root(folder: Path) -> bool:
    return (folder / "GT").is_dir() and (folder / TRAIN).is_dir() and any((folder / TEST / name).is_dir() for name in TESTS)

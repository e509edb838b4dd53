"""RealBlur, really blurred photographs with aligned sharp counterparts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.layouts.directory_tree import find_folder, subfolders
from deblurbench.data.table import TEST, TRAIN, PairEntry, PairTable, carve_validation
from deblurbench.errors import UsageError
from deblurbench.images.photo import list_images
from deblurbench.registry import LAYOUTS

FOLDERS = {"J": "RealBlur-J_.*", "R": "RealBlur-R_.*"}  # RealBlur-J_ECC_IMCORR_centroid_itensity_ref [sic]
SHIPPED = (TRAIN, TEST)


@LAYOUTS.register("realblur")
class RealBlur(Layout):
    """RealBlur-J (camera JPEG) or -R (raw), split by its lists `RealBlur_{J,R}_{train,test}_list.txt`: 3,758 and 980 pairs.

    A line of a list is `GT_PATH BLUR_PATH`; images lie in `RealBlur-J_ECC_IMCORR_centroid_itensity_ref/sceneNNN/{gt,blur}/`.
    A pair is known by scene and number. Validation is whole scenes of train.
    """

    origin = Origin(
        "RealBlur-J and RealBlur-R", "http://cg.postech.ac.kr/research/realblur", "see its page",
        "J. Rim et al.: Real-World Blur Dataset for Learning and Benchmarking Deblurring Algorithms, ECCV 2020", "RealBlur",
    )  # fmt: skip

    def __init__(self, *, path: str, variant: Literal["J", "R"] = "J") -> None:
        self.path, self.variant = Path(path).expanduser(), variant

    def table(self) -> PairTable:
        wanted = f"folder {FOLDERS[self.variant]}"
        root = find_folder(self.path, lambda folder: bool(subfolders(folder, FOLDERS[self.variant])), wanted)
        entries: list[PairEntry] = []
        problems: list[str] = []
        for split in SHIPPED:
            name = f"RealBlur_{self.variant}_{split}_list.txt"
            lists = [folder / name for folder in (root, *subfolders(root)) if (folder / name).is_file()]
            if not lists:
                raise UsageError(f"{root / name}: is missing; RealBlur's own lists say what is train and what test")
            for number, line in enumerate(lists[0].read_text(encoding="utf-8").splitlines(), 1):
                found = _entry(root, split, line) if line.strip() else None
                if isinstance(found, str):
                    problems.append(f"{lists[0]}: line {number}: {found}")
                elif found:
                    entries.append(found)
        listed = {entry.blurred for entry in entries}
        problems += [f"{path}: is in no list" for path in self._photographs(root) if path not in listed]
        if not entries:
            raise UsageError(
                f"{root}: none of the listed images is there; {problems[0] if problems else 'the lists are empty'}"
            )
        return PairTable(carve_validation(entries, problems), tuple(problems))

    def _photographs(self, root: Path) -> Iterator[Path]:
        """All blurred ones, listed or not."""
        for folder in subfolders(root, FOLDERS[self.variant]):
            for scene in subfolders(folder):
                yield from list_images(scene / "blur") if (scene / "blur").is_dir() else ()

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        return [{"path": str(path), "variant": variant} for variant, name in FOLDERS.items() if subfolders(path, name)]


def _entry(root: Path, split: str, line: str) -> PairEntry | str:
    """The pair of a line of a list, or the problem with it."""
    parts = line.split()
    if len(parts) < 2:
        return f"expected 'GT_PATH BLUR_PATH', not '{line.strip()}'"
    sharp, blurred = (root / PurePosixPath(part) for part in parts[:2])
    missing = [path for path in (sharp, blurred) if not path.is_file()]
    if missing:
        return f"{missing[0]} is not there"
    scene, number = sharp.parent.parent.name, sharp.stem.rpartition("_")[2]
    return PairEntry(f"{scene}-{number}", split, scene, sharp, blurred)

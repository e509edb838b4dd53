"""Kaggle `kwentar/blur-dataset`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.layouts.directory_tree import find_folder, require_folder
from deblurbench.data.table import SHOWN, TEST, PairEntry, PairTable, split_by_hash
from deblurbench.errors import UsageError
from deblurbench.images.photo import list_images
from deblurbench.registry import LAYOUTS, PositiveInt

FOLDERS = {"S": "sharp", "F": "defocused_blurred", "M": "motion_blurred"}
COPIES = ("blur_dataset_scaled", "blur_dataset")  # the folders that hold the three; the smaller copy first
NAME = re.compile(r"(?P<id>\d+)_(?P<device>.+)_(?P<kind>[SFM])", re.IGNORECASE)


@LAYOUTS.register("kwentar-blur")
class KwentarBlur(Layout):
    """Kaggle `kwentar/blur-dataset` (CC0, A. Alekseev): 350 triplets `{id}_{DEVICE}_{S|F|M}.ext`, read as downloaded.

    The three photographs of a triplet are separate exposures and not aligned (16 to 148 pixels apart), so only the sharp
    ones are used to train and score, blurred by us. Really blurred ones of the test scenes are restored and shown, the
    first `shown` of each kind. With `register: true` of the data set, both kinds are registered with the sharp
    photographs and are the pairs. Split by id.
    """

    origin = Origin(
        "Kaggle kwentar/blur-dataset", "https://www.kaggle.com/datasets/kwentar/blur-dataset", "CC0", "A. Alekseev, 2019",
        "blur-dataset", "kwentar/blur-dataset",
    )  # fmt: skip

    def __init__(self, *, path: str, shown: PositiveInt = 3) -> None:
        self.path, self.shown = Path(path).expanduser(), shown

    def table(self) -> PairTable:
        root = self._root()
        problems: list[str] = []
        sharp = dict(_keyed(root, "S", problems))
        if not sharp:
            raise UsageError(f"{root / 'sharp'}: holds no image named like 0_IPHONE-SE_S.JPG; give the downloaded folder")
        splits = split_by_hash((number for number, _ in sharp), str(self.path))
        entries = [
            PairEntry(f"{number}_{device}", splits[number], number, sharp=path) for (number, device), path in sharp.items()
        ]
        unaligned: list[PairEntry] = []
        for kind in ("F", "M"):
            if (root / FOLDERS[kind]).is_dir():
                found = list(_keyed(root, kind, problems))
                tested = [(key, path) for key, path in found if splits.get(key[0]) == TEST]
                entries += [
                    PairEntry(f"{'_'.join(key)}_{kind}", SHOWN, key[0], blurred=path) for key, path in tested[: self.shown]
                ]
                problems += [f"{path}: has no sharp counterpart '{'_'.join(key)}_S'" for key, path in found if key not in sharp]
                paired = [(key, path) for key, path in found if key in sharp]
                unaligned += [
                    PairEntry(f"{'_'.join(key)}_{kind}", splits[key[0]], key[0], sharp[key], path) for key, path in paired
                ]
        return PairTable(tuple(entries), tuple(problems), tuple(unaligned))

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        return [{"path": str(path)}] if _is_root(path) else []

    def _root(self) -> Path:
        """The folder that holds `sharp`, there or below; of two copies in one folder the scaled one."""
        require_folder(self.path)
        for fits in (_is_root, lambda folder: _copy_in(folder) is not None):  # the sharp ones alone are enough
            with suppress(UsageError):
                root = _copy_in(find_folder(self.path, fits, "folder 'sharp'"))
                assert root is not None  # that is what was searched for
                return root
        raise UsageError(f"{self.path}: holds no folder 'sharp'; give the one that kwentar/blur-dataset was unpacked to")


def _is_root(folder: Path) -> bool:
    root = _copy_in(folder)
    return root is not None and any((root / FOLDERS[kind]).is_dir() for kind in "FM")


def _copy_in(folder: Path) -> Path | None:
    return next((copy for copy in (folder, *(folder / name for name in COPIES)) if (copy / "sharp").is_dir()), None)


def _keyed(root: Path, kind: str, problems: list[str]) -> Iterator[tuple[tuple[str, str], Path]]:
    """((id, device), file) of one of the three folders, by id; a name of another shape becomes a problem."""
    found: dict[tuple[str, str], Path] = {}
    for path in list_images(root / FOLDERS[kind]):
        match = NAME.fullmatch(path.stem)
        if match is None or match["kind"].upper() != kind:
            problems.append(f"{path}: is not named like 0_IPHONE-SE_{kind}.JPG")
            continue
        key = (match["id"], match["device"])
        if key in found:
            problems.append(f"{path}: is the same photograph by name as {found[key].name}")
        else:
            found[key] = path
    yield from sorted(found.items(), key=lambda item: (int(item[0][0]), item[0][1]))

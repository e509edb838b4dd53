"""A folder of own sharp photographs, to be blurred."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.table import SPLITS, TEST, TRAIN, VALIDATION, PairEntry, PairTable, carve_validation, split_by_hash
from deblurbench.errors import UsageError
from deblurbench.images.photo import is_image_name, list_images
from deblurbench.registry import LAYOUTS


@LAYOUTS.register("sharp-folder")
class SharpFolder(Layout):
    """`{train,validation,test}/NAME.*` (validation may be missing), or `NAME.*` alone, split by a hash of the name."""

    origin = Origin("own sharp photographs")
    is_generic = True

    def __init__(self, *, path: str) -> None:
        self.path = Path(path).expanduser()

    def table(self) -> PairTable:
        present = [split for split in SPLITS if (self.path / split).is_dir()]
        if TRAIN in present and TEST in present:
            entries = [
                PairEntry(f"{split}-{photo.stem}", split, f"{split}-{photo.stem}", sharp=photo)
                for split in present
                for photo in list_images(self.path / split)
            ]
            problems = tuple(f"{photo}: lies beside train/ and test/, in no split" for photo in list_images(self.path))
            return PairTable(tuple(entries) if VALIDATION in present else carve_validation(entries), problems)
        photos = list_images(self.path)
        if not photos:
            raise UsageError(f"{self.path}: holds no images; give a folder of sharp photographs")
        splits = split_by_hash(photo.stem for photo in photos)
        return PairTable(tuple(PairEntry(photo.stem, splits[photo.stem], photo.stem, sharp=photo) for photo in photos))

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        folders = [path / TRAIN, path / TEST] if (path / TRAIN).is_dir() and (path / TEST).is_dir() else [path]
        return [{"path": str(path)}] if all(_holds_images(folder) for folder in folders) else []


def _holds_images(folder: Path) -> bool:
    return folder.is_dir() and any(is_image_name(child) for child in folder.iterdir())

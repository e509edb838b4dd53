"""A folder of own sharp photographs, to be blurred."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.layouts.directory_tree import subfolders
from deblurbench.data.layouts.photo_list import find_list, listed_photos
from deblurbench.data.layouts.side_names import ANY_SPLIT, SPLIT_NAMES, split_folders
from deblurbench.data.table import TEST, TRAIN, VALIDATION, PairEntry, PairTable, carve_validation, split_by_hash
from deblurbench.errors import UsageError
from deblurbench.images.photo import holds_images, list_images
from deblurbench.registry import LAYOUTS


@LAYOUTS.register("sharp-folder")
class SharpFolder(Layout):
    """`{train,validation,test}/NAME.*` (validation may be missing), or `NAME.*` alone, split by a hash of the name.

    `val` and other cases of these names are accepted, too. `split` is a CSV that says the split instead: with the columns
    `file`, `split` and, if you have them, `group` (scene or person) and `sha256`, by which each file is checked; other columns
    are yours. It may be the name of one in `experiments/`.
    """

    origin = Origin("own sharp photographs")
    is_generic = True

    def __init__(self, *, path: str, split: str | None = None) -> None:
        self.path = Path(path).expanduser()
        self.split = split

    def table(self) -> PairTable:
        if self.split is not None:
            return listed_photos(self.path, find_list(self.split))
        photos = list_images(self.path)
        present = split_folders(self.path)
        if TRAIN in present and TEST in present:
            entries = [
                PairEntry(f"{split}-{photo.stem}", split, f"{split}-{photo.stem}", sharp=photo)
                for split, folder in present.items()
                for photo in list_images(folder)
            ]
            problems = tuple(f"{photo}: lies beside train/ and test/, in no split" for photo in photos)
            return PairTable(tuple(entries) if VALIDATION in present else carve_validation(entries), problems)
        if not photos:
            raise UsageError(f"{self.path}: holds no images; give a folder of sharp photographs")
        splits = split_by_hash((photo.stem for photo in photos), str(self.path))
        return PairTable(tuple(PairEntry(photo.stem, splits[photo.stem], photo.stem, sharp=photo) for photo in photos))

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        splits = {SPLIT_NAMES[child.name.lower()]: child for child in subfolders(path, ANY_SPLIT)}
        folders = [splits[TRAIN], splits[TEST]] if TRAIN in splits and TEST in splits else [path]
        return [{"path": str(path)}] if all(holds_images(folder) for folder in folders) else []

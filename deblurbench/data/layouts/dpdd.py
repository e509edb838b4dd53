"""DPDD, defocus of a dual-pixel camera, 16 bits a channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.layouts.directory_tree import find_folder
from deblurbench.data.table import SPLITS, PairEntry, PairTable
from deblurbench.errors import UsageError
from deblurbench.images.photo import list_images
from deblurbench.registry import LAYOUTS

FOLDERS = dict(zip(SPLITS, ("train_c", "val_c", "test_c"), strict=True))


@LAYOUTS.register("dpdd")
class Dpdd(Layout):
    """DPDD's combined views: `{train,val,test}_c/{source,target}/`, 16-bit PNG.

    Both sides number their files differently, and its authors pair them in sorted order; sides of different length are
    refused, because then that order means nothing.
    """

    origin = Origin(
        "DPDD", "https://github.com/Abdullah-Abuolaim/defocus-deblurring-dual-pixel", "see its page",
        "A. Abuolaim, M. S. Brown: Defocus Deblurring Using Dual-Pixel Data, ECCV 2020", "DPDD",
    )  # fmt: skip

    def __init__(self, *, path: str) -> None:
        self.path = Path(path).expanduser()

    def table(self) -> PairTable:
        root = find_folder(self.path, _is_root, "{train,val,test}_c/{source,target}")
        entries: list[PairEntry] = []
        for split, name in FOLDERS.items():
            blurred, sharp = (list_images(root / name / kind) for kind in ("source", "target"))
            if len(blurred) != len(sharp):
                raise UsageError(
                    f"{root / name}: {len(blurred)} images in source/ and {len(sharp)} in target/ cannot be paired in sorted "
                    "order; download it again"
                )
            keys = [f"{split}-{path.stem}" for path in blurred]
            entries += [PairEntry(key, split, key, *pair) for key, *pair in zip(keys, sharp, blurred, strict=True)]
        return PairTable(tuple(entries))

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        return [{"path": str(path)}] if _is_root(path) else []


def _is_root(folder: Path) -> bool:
    return all((folder / name / kind).is_dir() for name in FOLDERS.values() for kind in ("source", "target"))

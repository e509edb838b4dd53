"""CelebA: sharp faces, to be blurred."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.layouts.directory_tree import find_folder
from deblurbench.data.table import SPLITS, PairEntry, PairTable
from deblurbench.errors import UsageError
from deblurbench.images.photo import list_images
from deblurbench.registry import LAYOUTS

IMAGES = "img_align_celeba"
PARTITIONS = ("list_eval_partition.txt", "list_eval_partition.csv")
SPLIT_OF = dict(zip("012", SPLITS, strict=True))


@LAYOUTS.register("celeba")
class CelebA(Layout):
    """CelebA: `img_align_celeba/000001.jpg` (178x218; Kaggle's copies nest it twice) and `list_eval_partition.txt` or `.csv`.

    The partition keeps each person in one split.
    """

    origin = Origin(
        "CelebA", "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html", "non-commercial research only",
        "Z. Liu, P. Luo, X. Wang, X. Tang: Deep Learning Face Attributes in the Wild, ICCV 2015", "celeba",
    )  # fmt: skip

    def __init__(self, *, path: str) -> None:
        self.path = Path(path).expanduser()

    def table(self) -> PairTable:
        root = find_folder(self.path, _is_root, f"{IMAGES}/ beside list_eval_partition.txt or .csv")
        partition = next(root / name for name in PARTITIONS if (root / name).is_file())
        photos = {path.name: path for path in list_images(_images(root))}
        entries: list[PairEntry] = []
        problems: list[str] = []
        for number, line in enumerate(partition.read_text(encoding="utf-8").splitlines(), 1):
            name, _, split = line.replace(",", " ").strip().partition(" ")
            if not name or (name, split) == ("image_id", "partition"):  # the header of Kaggle's copy
                continue
            if split.strip() not in SPLIT_OF:
                problems.append(f"{partition}: line {number}: expected a file name and 0, 1 or 2, not '{line.strip()}'")
            elif name not in photos:
                problems.append(f"{_images(root) / name}: is listed in {partition.name}, and is not there")
            else:
                photo = photos.pop(name)
                entries.append(PairEntry(photo.stem, SPLIT_OF[split.strip()], photo.stem, sharp=photo))
        problems += [f"{path}: is not listed in {partition.name}" for path in photos.values()]
        if not entries:
            raise UsageError(f"{partition}: lists none of the images in {_images(root)}; download it again")
        return PairTable(tuple(entries), tuple(problems))

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        return [{"path": str(path)}] if _is_root(path) else []


def _is_root(folder: Path) -> bool:
    return (folder / IMAGES).is_dir() and any((folder / name).is_file() for name in PARTITIONS)


def _images(root: Path) -> Path:
    nested = root / IMAGES / IMAGES
    return nested if nested.is_dir() else root / IMAGES

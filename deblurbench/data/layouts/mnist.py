"""MNIST: sharp digits, to be blurred."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.layouts.directory_tree import find_folder
from deblurbench.data.table import TEST, TRAIN, PairEntry, PairTable, carve_validation
from deblurbench.errors import UnreadableImage, UsageError
from deblurbench.images.idx import IdxImage, read_idx
from deblurbench.registry import LAYOUTS, PositiveInt

STEMS = {TRAIN: "train-images", TEST: "t10k-images"}
ENDINGS = tuple(f"{joint}idx3-ubyte{packed}" for joint in "-." for packed in ("", ".gz"))


@LAYOUTS.register("mnist")
class Mnist(Layout):
    """MNIST's idx files, `train-images-idx3-ubyte` or `train-images.idx3-ubyte`, `.gz` or not: 60,000 and 10,000 digits.

    Tested are the first `tested` digits of its test set, by other writers than those of train. Validation is the last tenth
    of train.
    """

    origin = Origin(
        "MNIST", "http://yann.lecun.com/exdb/mnist", "CC BY-SA 3.0",
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document recognition, Proc. IEEE 1998",
        "mnist",
    )  # fmt: skip

    def __init__(self, *, path: str, tested: PositiveInt = 10_000) -> None:
        self.path, self.tested = Path(path).expanduser(), tested

    def table(self) -> PairTable:
        root = find_folder(self.path, _is_root, "train-images-idx3-ubyte and t10k-images-idx3-ubyte (perhaps .gz)")
        entries: list[PairEntry] = []
        for split in (TRAIN, TEST):
            file = _file(root, split)
            assert file is not None  # that is what makes it the root
            try:
                count = len(read_idx(file))
            except UnreadableImage as error:  # of all its digits, not of one
                raise UsageError(str(error)) from error
            count = count if split == TRAIN else min(count, self.tested)
            for index in range(count):
                key = f"{split}-{index:05}"
                entries.append(PairEntry(key, split, key, sharp=IdxImage(file, index)))
        return PairTable(carve_validation(entries))

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        return [{"path": str(path)}] if _is_root(path) else []


def _is_root(folder: Path) -> bool:
    return all(_file(folder, split) for split in STEMS)


def _file(folder: Path, split: str) -> Path | None:
    """Its idx file; Kaggle's copies put each into a folder of the same name."""
    names = [STEMS[split] + ending for ending in ENDINGS]
    return next((path for name in names for path in (folder / name, folder / name / name) if path.is_file()), None)

"""GOPRO_Large as its page gives it, and the 1,029 pairs on Kaggle that are not it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.layouts.directory_tree import find_folder, subfolders
from deblurbench.data.layouts.matching import match_folders
from deblurbench.data.table import TEST, TRAIN, PairEntry, PairTable, carve_validation, split_in_blocks
from deblurbench.registry import LAYOUTS

NAH = "S. Nah, T. H. Kim, K. M. Lee: Deep Multi-scale Convolutional Neural Network for Dynamic Scene Deblurring, CVPR 2017"
SEQUENCE = r"GOPR\d+_\d+_\d+"
SHIPPED = (TRAIN, TEST)


@LAYOUTS.register("gopro-large")
class GoProLarge(Layout):
    """GOPRO_Large: `{train,test}/GOPRxxxx_yy_zz/{blur,blur_gamma,sharp}/000047.png`, 2,103 and 1,111 pairs.

    Frame numbers repeat across sequences, so that a pair is known by sequence and frame. `blur` is averaged in linear light
    and what most papers use; numbers on `blur_gamma` are not comparable. Validation is whole sequences of train.
    """

    origin = Origin("GOPRO_Large", "https://seungjunnah.github.io/Datasets/gopro", "CC BY 4.0", NAH, "GOPRO_Large")

    def __init__(self, *, path: str, blur: Literal["blur", "blur_gamma"] = "blur") -> None:
        self.path, self.blur = Path(path).expanduser(), blur

    def table(self) -> PairTable:
        root = find_folder(self.path, _holds_sequences, "{train,test}/GOPRxxxx_yy_zz/{blur,sharp}")
        entries: list[PairEntry] = []
        problems: list[str] = []
        for split in SHIPPED:
            for sequence in subfolders(root / split):
                pairs, found = match_folders(sequence / self.blur, sequence / "sharp")
                problems += found
                entries += [
                    PairEntry(f"{sequence.name}-{frame}", split, sequence.name, sharp, blurred)
                    for frame, blurred, sharp in pairs
                ]
        return PairTable(carve_validation(entries, problems), tuple(problems))

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        return [{"path": str(path)}] if _holds_sequences(path) else []


@LAYOUTS.register("rahulbhalley-gopro")
class RahulbhalleyGoPro(Layout):
    """Kaggle `rahulbhalley/gopro-deblur`: `gopro_deblur/{blur,sharp}/images/*.png`, 1,029 pairs with no split.

    It is not the GoPro test set and may not be reported as such. Split in contiguous blocks of names, which are frames.
    """

    origin = Origin(
        "Kaggle rahulbhalley/gopro-deblur", "https://www.kaggle.com/datasets/rahulbhalley/gopro-deblur", "see its page", NAH,
        "gopro-deblur", "rahulbhalley/gopro-deblur",
    )  # fmt: skip

    def __init__(self, *, path: str) -> None:
        self.path = Path(path).expanduser()

    def table(self) -> PairTable:
        root = find_folder(self.path, _has_images_below, "gopro_deblur/{blur,sharp}/images")
        pairs, problems = match_folders(root / "blur" / "images", root / "sharp" / "images")
        splits = split_in_blocks((name for name, _, _ in pairs), str(self.path))
        return PairTable(
            tuple(PairEntry(name, splits[name], name, sharp, blurred) for name, blurred, sharp in pairs), tuple(problems)
        )

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        return [{"path": str(path)}] if _has_images_below(path) else []


def _holds_sequences(folder: Path) -> bool:
    return all((folder / split).is_dir() and subfolders(folder / split, SEQUENCE) for split in SHIPPED)


def _has_images_below(folder: Path) -> bool:
    return all((folder / kind / "images").is_dir() for kind in ("blur", "sharp"))

"""The photographs in scikit-image's wheel: real images with nothing to download."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from deblurbench.data.dead_leaves import DeadLeaves
from deblurbench.data.layouts.base import Layout, Origin
from deblurbench.data.table import TEST, TRAIN, VALIDATION, PairEntry, PairTable
from deblurbench.errors import UsageError
from deblurbench.registry import LAYOUTS

# Natural photographs only: no scans, renderings, telescope, microscope or retina images, and not `clock_motion`, which
# is blurred already. (file, split, group): both views of the motorcycle are one scene. Nearly all are in the test split,
# because a comparison rests on its test scenes; training has synthetic images besides.
PHOTOS = (
    ("motorcycle_left.png", TRAIN, "motorcycle"),
    ("motorcycle_right.png", TRAIN, "motorcycle"),
    ("moon.png", VALIDATION, "moon"),
    ("astronaut.png", TEST, "astronaut"),
    ("brick.png", TEST, "brick"),
    ("camera.png", TEST, "camera"),
    ("chelsea.png", TEST, "chelsea"),
    ("coffee.png", TEST, "coffee"),
    ("coins.png", TEST, "coins"),
    ("grass.png", TEST, "grass"),
    ("gravel.png", TEST, "gravel"),
    ("rocket.jpg", TEST, "rocket"),
)
DEAD_LEAVES = {VALIDATION: range(2), TRAIN: range(2, 10)}  # their numbers


@LAYOUTS.register("skimage-photos")
class SkimagePhotos(Layout):
    """Sharp photographs from scikit-image (public domain or CC0, see its data/README.txt), split by photograph.

    Nine of its eleven scenes are the test. Training has the two views of another one, and eight images of dead leaves.
    """

    origin = Origin(
        "scikit-image's photographs", "https://scikit-image.org", "public domain or CC0",
        "S. van der Walt et al.: scikit-image: image processing in Python, PeerJ 2014",
    )  # fmt: skip

    def table(self) -> PairTable:
        package = importlib.util.find_spec("skimage")  # found, not imported: only its files are needed
        if package is None or package.origin is None:
            raise UsageError("layout 'skimage-photos': scikit-image is not installed; run: pip install scikit-image")
        folder = Path(package.origin).parent / "data"
        missing = [name for name, _, _ in PHOTOS if not (folder / name).is_file()]
        if missing:
            raise UsageError(f"{folder / missing[0]}: missing from this scikit-image; run: pip install scikit-image==0.26.0")
        photos = [PairEntry(Path(name).stem, split, group, sharp=folder / name) for name, split, group in PHOTOS]
        drawings = [(split, DeadLeaves(number)) for split, numbers in DEAD_LEAVES.items() for number in numbers]
        drawn = [PairEntry(one.key, split, one.key, sharp=one) for split, one in drawings]
        return PairTable((*photos, *drawn))

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        return []  # they are in no folder of their own

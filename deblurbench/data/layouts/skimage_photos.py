"""The photographs that scikit-image's wheel carries: real images with nothing to download."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from deblurbench.data.layout import Layout, Origin
from deblurbench.data.table import TEST, TRAIN, VALIDATION, Entry, Table
from deblurbench.errors import UsageError
from deblurbench.registry import LAYOUTS

# Natural photographs only: no scans, renderings, telescope, microscope or retina images, and not `clock_motion`, which
# is blurred already. (file, split, group): both views of the motorcycle are one scene.
PHOTOS = (
    ("motorcycle_left.png", TRAIN, "motorcycle"),
    ("motorcycle_right.png", TRAIN, "motorcycle"),
    ("coffee.png", TRAIN, "coffee"),
    ("rocket.jpg", TRAIN, "rocket"),
    ("brick.png", TRAIN, "brick"),
    ("grass.png", TRAIN, "grass"),
    ("coins.png", VALIDATION, "coins"),
    ("moon.png", VALIDATION, "moon"),
    ("astronaut.png", TEST, "astronaut"),
    ("camera.png", TEST, "camera"),
    ("chelsea.png", TEST, "chelsea"),
    ("gravel.png", TEST, "gravel"),
)


@LAYOUTS.register("skimage-photos")
class SkimagePhotos(Layout):
    """Sharp photographs from scikit-image (public domain or CC0, see its data/README.txt), split by photograph."""

    origin = Origin(
        "scikit-image's photographs", "https://scikit-image.org", "public domain or CC0",
        "S. van der Walt et al.: scikit-image: image processing in Python, PeerJ 2014",
    )  # fmt: skip

    def table(self) -> Table:
        package = importlib.util.find_spec("skimage")  # found, not imported: only its files are wanted
        if package is None or package.origin is None:
            raise UsageError("layout 'skimage-photos': scikit-image is not installed; run: pip install scikit-image")
        folder = Path(package.origin).parent / "data"
        missing = [name for name, _, _ in PHOTOS if not (folder / name).is_file()]
        if missing:
            raise UsageError(f"{folder / missing[0]}: missing from this scikit-image; run: pip install scikit-image==0.26.0")
        return Table(tuple(Entry(Path(name).stem, split, group, sharp=folder / name) for name, split, group in PHOTOS))

    @classmethod
    def recognise(cls, path: Path) -> list[dict[str, Any]]:
        return []  # nobody has them in a folder of their own

"""Folders of photographs: what reading and writing add to restoring, and whether memory grows.

    python benchmarks/photographs.py [--model photo] [--count 20] [--megapixels 12] [--small 1000]

Prints the time of `deblur` over `count` JPEGs beside that of restoring the same pixels alone, in turn, and the memory of the
process after 50 and after all `small` photographs of 256x256.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from deblurbench.apps.deblur_outcome import DeblurOutcome
from deblurbench.apps.photo_restorers import PhotoRestorer, Restoring
from deblurbench.apps.photos import deblur_photos
from deblurbench.apps.restorer_choice import choose_restorer
from deblurbench.images.reading import read_photo

FIRST = 50
Plan = list[tuple[Path, Path]]


def write_photographs(folder: Path, count: int, height: int, width: int) -> Plan:
    """So many JPEGs of scikit-image's astronaut, each shifted by other pixels; the plan to restore them."""
    sample = data.astronaut()
    tiled = np.tile(sample, (-(-height // 512) + 1, -(-width // 512) + 1, 1))
    plan = []
    for number in range(count):
        source = folder / f"{number:04}.jpg"
        Image.fromarray(tiled[number % 97 :][:height, number % 89 :][:, :width]).save(source, quality=92)
        plan.append((source, folder / "sharp" / source.name))
    return plan


def seconds_of_restoring(restorer: PhotoRestorer, plan: Plan) -> float:
    """The time that restoring alone takes, without reading and writing."""
    total = 0.0
    for source, _ in plan:
        pixels = read_photo(source).pixels
        start = time.perf_counter()
        restorer.restore(pixels)
        total += time.perf_counter() - start
    return total


def seconds_of_all(restorer: PhotoRestorer, plan: Plan) -> float:
    """The time that `deblur` takes for the same photographs."""
    outcome, start = DeblurOutcome(), time.perf_counter()
    deblur_photos(restorer, plan, outcome)
    assert len(outcome.written) == len(plan), outcome.failed
    return time.perf_counter() - start


def memory() -> float:
    """The resident memory of this process, in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="photo")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--small", type=int, default=1000)
    arguments = parser.parse_args()
    height = round((arguments.megapixels * 1e6 * 3 / 4) ** 0.5)
    restorer = choose_restorer(arguments.model, Restoring(device="cpu"), megapixels=1000.0).restorer
    print(f"by {restorer.way}")
    with tempfile.TemporaryDirectory() as folder:
        small = write_photographs(Path(folder), arguments.small, 256, 256)
        seconds_of_all(restorer, small[:FIRST])
        before = memory()
        seconds_of_all(restorer, small[FIRST:])
        after = memory()
    print(f"memory: {before:.0f} MB after {FIRST} photographs, {after:.0f} MB after {arguments.small}: {after / before:.3f}x")
    with tempfile.TemporaryDirectory() as folder:
        plan = write_photographs(Path(folder), arguments.count, height, height * 4 // 3)
        alone, whole = seconds_of_restoring(restorer, plan), seconds_of_all(restorer, plan)
    print(
        f"{arguments.count} photographs of {arguments.megapixels:g} megapixels: {whole:.1f} s, restoring alone {alone:.1f} s: ",
        end="",
    )
    print(f"{whole / alone:.3f}x")


if __name__ == "__main__":
    main()

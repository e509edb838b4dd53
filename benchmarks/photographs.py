"""Folders of photographs: what reading and writing add to restoring, and whether memory grows.

    python benchmarks/photographs.py [--model photo] [--count 20] [--megapixels 12] [--small 1000]

Prints the time of `deblur` over `count` JPEGs beside that of restoring the same pixels alone, by turns over a fifth of them,
and for every runtime that is installed the memory of the process after 50 and after all `small` photographs of many sizes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from deblurbench.apps.deblur_outcome import DeblurOutcome
from deblurbench.apps.photo_restorers import NetworkRestorer, PhotoRestorer, Restoring
from deblurbench.apps.photos import deblur_photos
from deblurbench.apps.restorer_choice import choose_restorer
from deblurbench.images.reading import read_photo
from deblurbench.runtimes.onnx_network import RUNTIMES, is_installed, open_onnx
from deblurbench.weights.shipped import find_shipped

FIRST, SIDES = 50, (200, 700)  # photographs, and pixels a side of the small ones
PARTS = 5
Plan = list[tuple[Path, Path]]


def write_photographs(folder: Path, sizes: Sequence[tuple[int, int]]) -> Plan:
    """JPEGs of these (height, width) of scikit-image's astronaut, each shifted by other pixels; the plan to restore them."""
    sample = data.astronaut()
    highest, widest = (max(side) for side in zip(*sizes, strict=True))
    tiled = np.tile(sample, (-(-highest // 512) + 1, -(-widest // 512) + 1, 1))
    plan = []
    for number, (height, width) in enumerate(sizes):
        source = folder / f"{number:04}.jpg"
        Image.fromarray(tiled[number % 97 :][:height, number % 89 :][:, :width]).save(source, quality=92)
        plan.append((source, folder / f"sharp-{number:04}.jpg"))
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


def restorers(model: str) -> dict[str, PhotoRestorer]:
    """By name, first the restorer that `deblur` takes for many photographs, then the others that are installed."""
    chosen = choose_restorer(model, Restoring(device="cpu"), megapixels=1000.0).restorer
    shipped = find_shipped(model)
    others = [runtime for runtime in RUNTIMES if is_installed(runtime) and runtime != chosen.way] if shipped else []
    return {chosen.way: chosen} | {
        runtime: NetworkRestorer(open_onnx(shipped.graph, runtime), runtime, chosen.how) for runtime in others if shipped
    }


def measure_memory(restorer: PhotoRestorer, count: int) -> None:
    """Print by how much the memory of this process grows over `count` small photographs of many sizes."""
    random = np.random.default_rng(0)
    sizes = [(int(height), int(width)) for height, width in random.integers(*SIDES, size=(count, 2))]
    with tempfile.TemporaryDirectory() as folder:
        plan = write_photographs(Path(folder), sizes)
        seconds_of_all(restorer, plan[:FIRST])
        before = memory()
        seconds_of_all(restorer, plan[FIRST:])
    ratio = memory() / before
    print(
        f"memory by {restorer.way}: {before:.0f} MB after {FIRST} photographs, {ratio:.3f} times that after {count}", flush=True
    )


def measure_overlap(restorer: PhotoRestorer, count: int, megapixels: float) -> None:
    """Print how much longer reading, restoring and writing take together than restoring alone."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    with tempfile.TemporaryDirectory() as folder:
        plan = write_photographs(Path(folder), [(height, height * 4 // 3)] * count)
        seconds_of_restoring(restorer, plan[:1])  # warms up
        parts = [plan[number::PARTS] for number in range(PARTS)]
        both = [(seconds_of_all(restorer, part), seconds_of_restoring(restorer, part)) for part in parts]
    ratios = sorted(whole / alone for whole, alone in both)
    whole, alone = (sum(side) for side in zip(*both, strict=True))
    print(
        f"{count} photographs of {megapixels:g} megapixels by {restorer.way}: {whole:.1f} s, restoring alone {alone:.1f} s: "
        f"{whole / alone:.3f}x ({ratios[0]:.3f} to {ratios[-1]:.3f})"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="photo")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--small", type=int, default=1000)
    parser.add_argument("--memory-by", help=argparse.SUPPRESS)  # in a process of its own
    arguments = parser.parse_args()
    if arguments.small <= FIRST or arguments.count < PARTS:
        parser.error(f"--small: more than {FIRST}; --count: at least {PARTS}")
    known = restorers(arguments.model)
    if arguments.memory_by:
        measure_memory(known[arguments.memory_by], arguments.small)
        return
    measure_overlap(next(iter(known.values())), arguments.count, arguments.megapixels)
    for way in known:
        subprocess.run([sys.executable, *sys.argv, "--memory-by", way], check=True)


if __name__ == "__main__":
    main()

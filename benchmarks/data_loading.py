"""Patches a second: deblurbench's loader beside a raw memory map and beside decoding two whole images for every patch.

    python benchmarks/data_loading.py ROOT [--seconds 8] [--workers 2] [--memory]

ROOT is a folder of own pairs, {train,validation,test}/{blur,sharp}/NAME.png, or is made: without it 60 pairs of 1280x720 are
drawn into a temporary folder. All work is random 256x256 pairs with flips and turns, batch 8, shuffled, in worker processes,
as float32 (8, 3, 256, 256) on arrival. The rivals are plain: a `Dataset` whose `__getitem__` decodes both files with OpenCV, as
public training code does, and one that cuts them from one uncompressed array. Each is warmed up; rounds alternate.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from deblurbench.data.cache import PixelCache
from deblurbench.data.dataset import open_dataset
from deblurbench.data.loader import BatchPlan, batches
from deblurbench.data.prepared import PreparedDataset
from deblurbench.data.table import TRAIN
from deblurbench.files import write_whole

SIZE, BATCH, NEVER = 256, 8, 10**9
WARM_UP = 6  # batches
MOTION = {"name": "motion", "length": [23.0, 23.0]}  # kernels of 25 pixels: a trace of 23, and a pixel's footprint at each end
JPEG = {"name": "sensor", "highlights": 2.0, "jpeg": [60, 95]}


class Rival(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """What public training code does; `read` gives the two whole images of a pair."""

    def __init__(self, read: Callable[[int], tuple[np.ndarray, np.ndarray]], count: int) -> None:
        self._read, self._count = read, count

    def __len__(self) -> int:
        return NEVER

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        random = np.random.default_rng(number)
        blurred, sharp = self._read(int(random.integers(self._count)))
        top, left = (int(random.integers(side - SIZE + 1)) for side in sharp.shape[:2])
        flips = random.integers(0, 2, 3)
        patches = []
        for image in (blurred, sharp):
            patch = image[top : top + SIZE, left : left + SIZE]
            patch = patch[:: -1 if flips[0] else 1, :: -1 if flips[1] else 1]
            patch = patch.transpose(1, 0, 2) if flips[2] else patch
            patches.append(torch.from_numpy(np.ascontiguousarray(patch.transpose(2, 0, 1))))
        return patches[0], patches[1]


def rival(read: Callable[[int], tuple[np.ndarray, np.ndarray]], count: int, workers: int) -> Iterator[Any]:
    """Its batches, bytes made floats on arrival as ours are."""
    loader = DataLoader(Rival(read, count), BATCH, num_workers=workers, worker_init_fn=lambda _: cv2.setNumThreads(1))
    for blurred, sharp in loader:
        yield blurred.to(torch.float32).div_(255), sharp.to(torch.float32).div_(255)


def ours(images: PreparedDataset, workers: int) -> Iterable[Any]:
    """Our batches."""
    plan = BatchPlan(crop_size=SIZE, batch_size=BATCH, seed=0, first_sample=0, steps=NEVER)
    return batches(images, plan, device=torch.device("cpu"), workers=workers)


def rate(stream: Iterable[Any], seconds: float) -> float:
    """Patches a second that arrive, after a warm-up."""
    iterator = iter(stream)
    for _ in range(WARM_UP):
        next(iterator)
    patches, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        blurred, sharp = next(iterator)
        assert blurred.shape == sharp.shape == (BATCH, 3, SIZE, SIZE)
        assert blurred.dtype == torch.float32
        patches += BATCH
    return patches / (time.perf_counter() - start)


def draw_pairs(root: Path, count: int, width: int = 1280, height: int = 720) -> None:
    """`count` pairs of PNG files with the detail of photographs (their decoding takes as long), split as layouts want it."""
    for number in range(count):
        split = "validation" if number == 0 else "test" if number == 1 else "train"
        random = np.random.default_rng(number)
        sharp = np.zeros((height, width, 3), np.float32)
        for octave in range(2, 9):  # each octave with half the amplitude: the spectrum of photographs
            noise = random.standard_normal((2**octave, 2**octave, 3), np.float32)
            sharp += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
        sharp = np.clip(128 + sharp * 300 + random.standard_normal(sharp.shape, np.float32) * 1.5, 0, 255)
        for side, image in (("sharp", sharp), ("blur", cv2.GaussianBlur(sharp, (0, 0), 2))):
            path = root / split / side / f"{number:05}.png"
            write_whole(path, cv2.imencode(".png", image.astype(np.uint8))[1].tobytes())


def data_set(root: Path, cache: PixelCache, **options: Any) -> PreparedDataset:
    """The pairs in `root`, ready."""
    layout = {"name": "paired-folder", "path": str(root)}
    return open_dataset("pairs", cache, layout=layout, **options).prepare(show_progress=True)


def measure_rates(root: Path, folder: Path, seconds: float, workers: int) -> None:
    """Print patches a second of each, and their ratios."""
    cache = PixelCache(folder / "cache", limit=1 << 40)
    start = time.perf_counter()
    cached = data_set(root, cache)
    items = cached.items(TRAIN)
    print(f"{len(items)} training pairs in {root}; prepared in {time.perf_counter() - start:.1f} s", flush=True)
    off = data_set(root, PixelCache(folder / "off", limit=0))
    blurred = data_set(root, cache, blur=MOTION)
    compressed = data_set(root, cache, blur=MOTION, camera=JPEG)
    array = _raw_array(folder / "raw.npy", cached)

    def decoded(number: int) -> tuple[np.ndarray, np.ndarray]:
        blurred, sharp = (cv2.imread(str(path), cv2.IMREAD_COLOR) for path in items[number].entry.sources)
        assert blurred is not None
        assert sharp is not None
        return blurred, sharp

    def mapped(number: int) -> tuple[np.ndarray, np.ndarray]:
        return array[number, 0], array[number, 1]

    contestants: dict[str, Callable[[], Iterable[Any]]] = {
        "decoding for every patch": lambda: rival(decoded, len(items), workers),
        "raw memory map": lambda: rival(mapped, len(array), workers),
        "deblurbench, cached": lambda: ours(cached, workers),
        "deblurbench, cache off": lambda: ours(off, workers),
        "deblurbench, motion blur on the fly": lambda: ours(blurred, workers),
        "deblurbench, motion blur, highlights and JPEG": lambda: ours(compressed, workers),
    }
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(3):
        for name in list(contestants)[:: 1 if turn % 2 else -1]:
            rates[name].append(rate(contestants[name](), seconds))
            print(f"round {turn + 1}: {name}: {rates[name][-1]:.0f} patches/s", flush=True)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"\n{'median of 3 rounds':48} patches/s  x decoding  x raw map")
    for name, median in medians.items():
        against = [median / medians[rival] for rival in ("decoding for every patch", "raw memory map")]
        print(f"{name:48} {median:9.0f}  {against[0]:10.2f}  {against[1]:9.2f}")


def _raw_array(path: Path, images: PreparedDataset) -> np.ndarray:
    """All training pairs (N, 2, H, W, 3) of the first one's size as one memory-mapped array."""
    pairs = [images.test_image(item) for item in images.items(TRAIN)]
    shape = pairs[0].blurred.shape
    pairs = [pair for pair in pairs if pair.blurred.shape == shape]
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (len(pairs), 2, *shape))
    for number, pair in enumerate(pairs):
        array[number, 0], array[number, 1] = pair.blurred, pair.sharp
    array.flush()
    return np.load(path, mmap_mode="r")


def measure_memory(folder: Path, workers: int) -> None:
    """Print the peak memory of the main process and of a worker at 1,000 and at 20,000 pairs."""
    for count in (1_000, 20_000):
        root = folder / f"pairs-{count}"
        draw_pairs(root / "few", 20, 320, 240)
        _link_many(root, count)
        command = [sys.executable, __file__, str(root / "many"), "--only-memory", "--workers", str(workers)]
        command += ["--folder", str(root)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(f"{count:6} pairs: {printed.strip()}", flush=True)


def _link_many(root: Path, count: int) -> None:
    """`count` training pairs made of few: bytes after the last chunk make another file, and the same picture."""
    for split in ("train", "validation", "test"):
        for side in ("blur", "sharp"):
            (root / "many" / split / side).mkdir(parents=True)
            files = sorted((root / "few" / split / side).iterdir())
            for number in range(count if split == "train" else 1):
                data = files[number % len(files)].read_bytes() + number.to_bytes(4, "big")
                (root / "many" / split / side / f"{number:06}.png").write_bytes(data)


def peak_memory(root: Path, folder: Path, workers: int) -> str:
    """Peak resident memory after preparing `root` and taking 500 batches of it, in this process and in its largest worker."""
    images = data_set(root, PixelCache(folder / "cache", limit=1 << 40))
    plan = BatchPlan(crop_size=128, batch_size=BATCH, seed=0, first_sample=0, steps=500)
    for _ in batches(images, plan, device=torch.device("cpu"), workers=workers):
        pass
    own, children = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return f"{own:.0f} MiB in the main process, {children:.0f} MiB in the largest worker"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, nargs="?", help="a folder of own pairs; left out, one is drawn")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", action="store_true", help="show the peak memory at 1,000 and 20,000 pairs instead")
    parser.add_argument("--only-memory", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the workers have the other cores
    if options.only_memory:
        print(peak_memory(options.root, options.folder, options.workers))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.memory:
            measure_memory(folder, options.workers)
            return
        root = options.root
        if root is None:
            root = folder / "pairs"
            draw_pairs(root, 62)
        measure_rates(root, folder, options.seconds, options.workers)


if __name__ == "__main__":
    main()

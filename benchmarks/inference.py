"""Ways through a network: milliseconds a megapixel, what they cost to start, and the largest difference from plain torch.

    python benchmarks/inference.py [--model photo] [--megapixels 1 12 24] [--tiles 1024 1536 2048] [--threads 1 2] [--rounds 5]

Rounds alternate between all ways, so that whatever else the machine does meets all alike; the first warms up and is printed by
itself, since it holds compiling. Ratios are to eager float32 in channels last at the same size, tile and threads: above 1 is
faster. `deblur` is the way that `deblurbench deblur` takes; its seams and what tiles cost are measured against none. Memory is
the peak of a process of its own that deblurs one JPEG from the command line (Linux).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage import data

from deblurbench.apps.photo_restorers import NetworkRestorer, Restoring
from deblurbench.apps.restorer_choice import choose_restorer
from deblurbench.blur.camera import Camera, blur_image
from deblurbench.blur.kernels import Gaussian
from deblurbench.images.photo import Pixels
from deblurbench.models.exporting import export_onnx, require_exportable
from deblurbench.models.loading import load
from deblurbench.models.torch_network import TorchNetwork
from deblurbench.randomness import generator
from deblurbench.runtimes.onnx_network import RUNTIMES, is_installed, open_onnx
from deblurbench.runtimes.pixels import PixelNetwork, Planes, restore_pixels
from deblurbench.training.precision import compile_networks

REFERENCE, DEFAULT = "torch float32", "deblur"
CPU = torch.device("cpu")
PEAK = "VmHWM"  # the peak memory of a process by the Linux kernel; that of resource.getrusage is also its parent's
COMMAND = f"""
import sys
from deblurbench.__main__ import main
try:
    main()
finally:
    with open("/proc/self/status") as status:
        print(next(line for line in status if line.startswith("{PEAK}")), file=sys.stderr)
"""


def photograph(megapixels: float) -> Pixels:
    """A blurred photograph of so many megapixels, 3:2: scikit-image's astronaut, repeated."""
    height = round((megapixels * 1e6 * 2 / 3) ** 0.5)
    width = round(height * 1.5)
    camera = Camera(shot_noise=0.004, read_noise=0.002)
    sample, _ = blur_image(data.astronaut(), Gaussian(sigma=(1.5, 1.5)), camera, generator("benchmark", 0))
    repeats = -(-height // sample.shape[0]), -(-width // sample.shape[1]), 1
    return np.ascontiguousarray(np.tile(sample, repeats)[:height, :width])


class ChannelsFirst(TorchNetwork):
    """The network on images in torch's default memory layout."""

    @torch.inference_mode()
    def __call__(self, image: Planes) -> Planes:
        self.network.to(memory_format=torch.contiguous_format)
        result: Planes = self.network(torch.from_numpy(image)).numpy()
        return result


def ways(model: str, onnx: Path, threads: int) -> dict[str, PixelNetwork]:
    """The network in each way that is installed."""

    def with_torch(kind: type[TorchNetwork] = TorchNetwork, *, bfloat16: bool = False, compiled: bool = False) -> TorchNetwork:
        made = kind(require_exportable(load(model), model), CPU, bfloat16=bfloat16)
        if compiled:
            compile_networks([made.network])
        return made

    found: dict[str, PixelNetwork] = {
        REFERENCE: with_torch(),
        "torch float32, channels first": with_torch(ChannelsFirst),
        "torch float32, compiled": with_torch(compiled=True),
        "torch bfloat16": with_torch(bfloat16=True),
        "torch bfloat16, compiled": with_torch(bfloat16=True, compiled=True),
    }
    return found | {runtime: open_onnx(onnx, runtime, threads=threads) for runtime in RUNTIMES if is_installed(runtime)}


def timed(action: Callable[[], Pixels]) -> tuple[float, Pixels]:
    """The seconds that `action` takes, and what it returns."""
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def measure(networks: dict[str, PixelNetwork], pixels: Pixels, tile: int | None, rounds: int) -> None:
    """Time all `networks` in turn and print what they cost."""
    times: dict[str, list[float]] = {name: [] for name in networks}
    results: dict[str, Pixels] = {}
    for _ in range(rounds + 1):
        for name, network in networks.items():
            seconds, results[name] = timed(partial(restore_pixels, network, pixels, tile=tile))
            times[name].append(seconds)
    megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
    reference = statistics.median(times[REFERENCE][1:])
    for name, (first, *own) in times.items():
        difference = np.abs(results[name].astype(int) - results[REFERENCE])
        print(
            f"  {name:30} {1e3 * statistics.median(own) / megapixels:6.0f} ms/MP ({1e3 * min(own) / megapixels:.0f} to "
            f"{1e3 * max(own) / megapixels:.0f})  {reference / statistics.median(own):5.2f}x  first {first:5.1f} s  "
            f"largest difference {difference.max()}, within 1: {100 * (difference <= 1).mean():.4f} %",
            flush=True,
        )


def measure_tiles(network: PixelNetwork, pixels: Pixels, tiles: list[int], rounds: int) -> None:
    """Print what tiles cost against none, and change."""
    times: dict[int | None, list[float]] = {tile: [] for tile in (None, *tiles)}
    results: dict[int | None, Pixels] = {}
    for number in range(rounds + 1):
        for tile, own in times.items():
            seconds, results[tile] = timed(partial(restore_pixels, network, pixels, tile=tile))
            own += [seconds] if number else []
    for tile in tiles:
        ratios = [one / whole for one, whole in zip(times[tile], times[None], strict=True)]
        difference = np.abs(results[tile].astype(int) - results[None]).max()
        print(
            f"  tiles of {tile}: {statistics.median(ratios):.3f}x the time without tiles, seams {difference} of 255", flush=True
        )


def peak_memory(model: str, megapixels: float, tile: int) -> float:
    """The peak memory, in GB, of `deblurbench deblur` on one JPEG."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "photo.jpg"
        Image.fromarray(photograph(megapixels)).save(source, quality=92)
        options = [str(source), "--model", model, "--tile", str(tile), "--out", str(Path(folder) / "sharp.jpg")]
        done = subprocess.run([sys.executable, "-c", COMMAND, "deblur", *options], capture_output=True, text=True, check=True)
    return float(done.stderr.split(f"{PEAK}:")[1].split()[0]) * 1024 / 1e9


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="photo")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 12, 24])
    parser.add_argument("--tiles", type=int, nargs="+", default=[1024, 1536, 2048])
    parser.add_argument("--threads", type=int, nargs="+", default=[os.cpu_count() or 1])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "network.onnx"
        export_onnx(require_exportable(load(arguments.model), arguments.model), onnx)
        for threads in arguments.threads:
            torch.set_num_threads(threads)
            for megapixels in arguments.megapixels:
                pixels, networks = photograph(megapixels), ways(arguments.model, onnx, threads)
                start = time.perf_counter()
                default = choose_restorer(arguments.model, Restoring(device="cpu"), megapixels).restorer
                assert isinstance(default, NetworkRestorer)
                print(f"{megapixels:g} megapixels, {threads} threads, tiles of {default.how.tile}", end="; ")
                print(f"deblur takes {default.way}, opened in {time.perf_counter() - start:.2f} s", flush=True)
                taken = networks.get(default.way, default.network)  # a runtime with as many threads
                measure(networks | {DEFAULT: taken}, pixels, default.how.tile, arguments.rounds)
                measure_tiles(default.network, pixels, arguments.tiles, arguments.rounds)
        for model in (arguments.model, str(onnx)):
            for tile in arguments.tiles:
                memory = peak_memory(model, max(arguments.megapixels), tile)
                kind = "of ONNX Runtime " if model == str(onnx) else ""
                print(
                    f"peak memory {kind}in tiles of {tile}, {max(arguments.megapixels):g} megapixels: {memory:.2f} GB",
                    flush=True,
                )


if __name__ == "__main__":
    main()

"""Ways through a network: milliseconds a megapixel, peak memory, and the largest difference from plain torch, in one run.

    python benchmarks/inference.py [--model photo] [--megapixels 1 12 24] [--tiles 512 1024 2048] [--threads 2] [--rounds 5]

Rounds alternate between all ways, so that whatever else the machine does meets all alike. Ratios are to eager float32 in
channels last at the same size and tile: above 1 is faster. The memory is that of a process of its own that restores once.
"""

from __future__ import annotations

import argparse
import os
import resource
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
from skimage import data

from deblurbench.images.photo import Pixels
from deblurbench.models.exporting import export_onnx, require_exportable
from deblurbench.models.loading import load
from deblurbench.models.torch_network import TorchNetwork
from deblurbench.runtimes.onnx_network import Runtime, is_installed, open_onnx
from deblurbench.runtimes.pixels import PixelNetwork, restore_pixels

REFERENCE = "torch float32"
CPU = torch.device("cpu")


def photograph(megapixels: float) -> Pixels:
    """A photograph of so many megapixels, 3:2: scikit-image's astronaut, repeated."""
    height = round((megapixels * 1e6 * 2 / 3) ** 0.5)
    width = round(height * 1.5)
    sample = data.astronaut()
    repeats = -(-height // sample.shape[0]), -(-width // sample.shape[1]), 1
    return np.ascontiguousarray(np.tile(sample, repeats)[:height, :width])


def ways(model: str, onnx: Path, threads: int) -> dict[str, Callable[[], PixelNetwork]]:
    """What opens the network in each way that is installed."""

    def with_torch(*, bfloat16: bool, channels_last: bool = True, compiled: bool = False) -> PixelNetwork:
        restorer = require_exportable(load(model), model)
        network = TorchNetwork(restorer, CPU, bfloat16=bfloat16)
        if not channels_last:
            restorer.to(memory_format=torch.contiguous_format)
        if compiled:
            restorer.network.compile(dynamic=True)
        return network

    found: dict[str, Callable[[], PixelNetwork]] = {
        REFERENCE: lambda: with_torch(bfloat16=False),
        "torch float32, channels first": lambda: with_torch(bfloat16=False, channels_last=False),
        "torch float32, compiled": lambda: with_torch(bfloat16=False, compiled=True),
        "torch bfloat16": lambda: with_torch(bfloat16=True),
        "torch bfloat16, compiled": lambda: with_torch(bfloat16=True, compiled=True),
    }
    runtimes: tuple[Runtime, ...] = ("onnxruntime", "openvino")
    for runtime in runtimes:
        if is_installed(runtime):
            found[runtime] = partial(open_onnx, onnx, runtime, threads=threads)
    return found


def measure(networks: dict[str, PixelNetwork], pixels: Pixels, tile: int, rounds: int) -> None:
    """Time all `networks` in turn and print what they cost."""
    times: dict[str, list[float]] = {name: [] for name in networks}
    results: dict[str, Pixels] = {}
    for number in range(rounds + 1):
        for name, network in networks.items():
            start = time.perf_counter()
            results[name] = restore_pixels(network, pixels, tile=tile)
            if number:  # the first warms up
                times[name].append(time.perf_counter() - start)
    megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
    reference = statistics.median(times[REFERENCE])
    for name, own in times.items():
        seconds = statistics.median(own)
        difference = np.abs(results[name].astype(int) - results[REFERENCE])
        print(
            f"  {name:30} {1e3 * seconds / megapixels:7.0f} ms/MP  {reference / seconds:5.2f}x  "
            f"largest difference {difference.max()}, within 1: {100 * (difference <= 1).mean():.4f} %",
            flush=True,
        )


def peak_memory(name: str, arguments: argparse.Namespace, megapixels: float, tile: int, onnx: Path) -> float:
    """The peak memory, in GB, of a process that restores one photograph in the way called `name`."""
    command = [sys.executable, __file__, "--only", name, "--onnx", str(onnx), "--model", arguments.model]
    command += ["--megapixels", str(megapixels), "--tiles", str(tile), "--threads", str(arguments.threads)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="photo")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 12, 24])
    parser.add_argument("--tiles", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help=argparse.SUPPRESS)  # a process of its own, whose memory is measured
    parser.add_argument("--onnx", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.only:
        opened = ways(arguments.model, arguments.onnx, arguments.threads)[arguments.only]()
        restore_pixels(opened, photograph(arguments.megapixels[0]), tile=arguments.tiles[0])
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
        return
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "network.onnx"
        export_onnx(require_exportable(load(arguments.model), arguments.model), onnx)
        networks = {name: opening() for name, opening in ways(arguments.model, onnx, arguments.threads).items()}
        for megapixels in arguments.megapixels:
            for tile in arguments.tiles:
                print(f"{megapixels:g} megapixels in tiles of {tile}, {arguments.threads} threads", flush=True)
                measure(networks, photograph(megapixels), tile, arguments.rounds)
        for name in networks:
            largest, tile = max(arguments.megapixels), arguments.tiles[len(arguments.tiles) // 2]
            memory = peak_memory(name, arguments, largest, tile, onnx)
            print(f"peak memory of {name}: {memory:.2f} GB for {largest:g} megapixels in tiles of {tile}", flush=True)


if __name__ == "__main__":
    main()

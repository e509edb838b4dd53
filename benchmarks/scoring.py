"""PSNR and SSIM of 1280x720 pairs: ours against scikit-image's, in one run; and what each metric takes.

    python benchmarks/scoring.py [--rounds 9] [--device cuda]

Rounds alternate between the two, so that whatever else the machine does meets both alike. Values are compared too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.transform import resize

from deblurbench.devices import find_device, synchronize
from deblurbench.images.tensors import to_tensor
from deblurbench.metrics.distortion import PSNR
from deblurbench.metrics.recipe import find_recipe
from deblurbench.metrics.ssim import SSIM

HEIGHT, WIDTH, BATCH_ON_GPU = 720, 1280, 8


def main() -> None:
    """Print times, their ratio and the difference of the values."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    device = find_device(arguments.device)
    sharp = (resize(data.astronaut(), (HEIGHT, WIDTH), anti_aliasing=False) * 255).round().astype(np.uint8)
    noise = np.random.default_rng(0).normal(0, 6, sharp.shape)
    restored = np.clip(sharp + noise, 0, 255).astype(np.uint8)
    batch = BATCH_ON_GPU if device.type == "cuda" else 1
    pair = [to_tensor(image).repeat(batch, 1, 1, 1).to(device) for image in (restored, sharp)]

    def theirs() -> tuple[float, float]:
        ssim = structural_similarity(
            sharp, restored, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        return peak_signal_noise_ratio(sharp, restored), ssim

    def ours() -> tuple[float, float]:
        return PSNR()(*pair)[0].item(), SSIM()(*pair)[0].item()

    for threads in dict.fromkeys((1, os.cpu_count() or 1)):
        torch.set_num_threads(threads)
        times: dict[str, list[float]] = {"scikit-image": [], "deblurbench": []}
        for round_number in range(arguments.rounds + 1):
            for name, call in (("scikit-image", theirs), ("deblurbench", ours)):
                seconds = timed(call, device)
                if round_number:  # the first warms up
                    times[name].append(seconds)
        median = {name: statistics.median(values) for name, values in times.items()}
        median["deblurbench"] /= batch
        ratio = median["scikit-image"] / median["deblurbench"]
        figures = ", ".join(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in median.items())
        print(f"{threads} threads: {figures}: {ratio:.2f}x")
    psnr, ssim = (abs(one - other) for one, other in zip(theirs(), ours(), strict=True))
    print(f"values differ by {psnr:.1e} dB and {ssim:.1e}")
    recipe = find_recipe("deblurbench")
    recipe.score(*pair)
    print(f"the whole recipe {recipe.title}: {timed(lambda: recipe.score(*pair), device) / batch * 1e3:.0f} ms a pair")


def timed(call: Callable[[], object], device: torch.device) -> float:
    """Seconds that `call` takes."""
    synchronize(device)
    start = time.perf_counter()
    call()
    synchronize(device)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

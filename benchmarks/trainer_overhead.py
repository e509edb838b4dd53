"""The overhead of the trainer over a bare loop with the same batches, clipping, EMA and optimiser, in alternating blocks.

    python benchmarks/trainer_overhead.py [--steps 50] [--blocks 10]

Prints the ratio of trainer to bare loop, block by block, its median and a bootstrap 95 % interval. Validation and
checkpoints are left out; the trainer's logging is in.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from deblurbench.batch import Batch
from deblurbench.data.cache import PixelCache, default_cache_folder
from deblurbench.data.dataset import open_dataset
from deblurbench.data.loader import BatchPlan, batches
from deblurbench.data.prepared import PreparedDataset
from deblurbench.models.cnn import CNN
from deblurbench.randomness import seed_torch
from deblurbench.registry import MODELS
from deblurbench.training.processes import open_accelerator
from deblurbench.training.settings import TrainingSettings
from deblurbench.training.trainer import Trainer, TrainingRun

SPEC = {"name": "cnn", "network": {"name": "unet", "widths": [32, 64, 96], "blocks": 1}}
NEVER = 10**9


def load_batches(images: PreparedDataset, settings: TrainingSettings, steps: int) -> list[Batch]:
    """The batches of both, loaded beforehand, so that the time of the loader does not count."""
    plan = BatchPlan(crop_size=settings.crop_size, batch_size=settings.batch_size, seed=0, first_sample=0, steps=steps)
    return list(batches(images, plan, device=torch.device("cpu")))


def bare_loop(network: nn.Module, settings: TrainingSettings) -> Callable[[list[Batch]], None]:
    """Forward, backward, clip, AdamW, EMA, and nothing else."""
    parameters: list[torch.Tensor] = list(network.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, betas=settings.betas, weight_decay=0.0, fused=True)
    average = [parameter.detach().clone() for parameter in parameters]

    def run(block: list[Batch]) -> None:
        for batch in block:
            difference = batch.blurred + network(batch.blurred) - batch.sharp
            loss = torch.sqrt(difference.square() + 1e-6).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, settings.clip_norm)
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(average, parameters, 1e-3)

    return run


def measure(trainer: Trainer, bare: Callable[[list[Batch]], None], block: list[Batch], blocks: int) -> list[float]:
    """The ratio of each pair of blocks; the order alternates, so that a drift of the machine affects both."""
    ratios = []
    for number in range(-1, blocks):
        seconds: dict[str, float] = {}
        for who in ("trainer", "bare")[:: 1 if number % 2 else -1]:
            start = time.perf_counter()
            trainer.train(block) if who == "trainer" else bare(block)
            seconds[who] = time.perf_counter() - start
        if number >= 0:  # the first pair warms up
            ratios.append(seconds["trainer"] / seconds["bare"])
            print(f"block {number + 1:2}: {seconds['trainer']:.2f} s / {seconds['bare']:.2f} s = {ratios[-1]:.4f}", flush=True)
    return ratios


def _same_model() -> CNN:
    seed_torch(0, "initial weights")
    model: CNN = MODELS.build(SPEC)
    return model


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=50, help="steps a block")
    parser.add_argument("--blocks", type=int, default=10)
    options = parser.parse_args()
    settings = TrainingSettings(steps=NEVER, validate_every=NEVER, checkpoint_every=NEVER, log_every=20)
    images = open_dataset("photos", PixelCache(default_cache_folder()), layout="skimage-photos", blur="gaussian").prepare()
    block = load_batches(images, settings, options.steps)
    with tempfile.TemporaryDirectory() as folder:
        model, bare_model = (_same_model() for _ in range(2))
        training = TrainingRun(MODELS.resolve(SPEC), 0, Path(folder) / "run", identity="benchmark", environment={})
        trainer = Trainer(model, images, settings, open_accelerator("cpu"), training)
        network: nn.Module = bare_model.network.to(memory_format=torch.channels_last)
        bare = bare_loop(network, settings)
        trainer.open()
        ratios = measure(trainer, bare, block, options.blocks)
        trainer.close()
    random = np.random.default_rng(0)
    medians = np.median(random.choice(ratios, size=(10_000, len(ratios))), axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    print(f"trainer / bare loop: median {statistics.median(ratios):.4f}, 95 % interval [{low:.4f}, {high:.4f}]")


if __name__ == "__main__":
    main()

"""A training step of NAFNet as the trainer does it, against the same architecture as a plain module.

    python benchmarks/training_step.py [--rounds 12] [--width 32] [--crop 64] [--batch 4] [--device cpu]

Plain is float32, NCHW and eager, with PyTorch's own layer norm on permuted copies and AdamW as it comes. Ours keeps
channels last, which makes the permutations free, and updates with the fused AdamW; then bfloat16 and torch.compile, each
on top. All take turns, round by round, and the median of the rounds' ratios to plain is printed. On a GPU the last line
is the one to read, against `ours`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from deblurbench.data.batch import Batch
from deblurbench.devices import find_device, synchronize
from deblurbench.models.base import Model
from deblurbench.networks.layers import ChannelNorm
from deblurbench.randomness import seed_torch
from deblurbench.registry import MODELS
from deblurbench.training.player import Player
from deblurbench.training.precision import autocast, compile_networks
from deblurbench.training.settings import TrainingSettings

SETTINGS = TrainingSettings(steps=1)
Step = Callable[[], None]


class PlainLayerNorm(nn.Module):
    """Layer normalisation over channels as one writes it for NCHW: permuted, copied, normalised, and copied back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=1e-6)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(features.permute(0, 2, 3, 1).contiguous()).permute(0, 3, 1, 2).contiguous()


def build(width: int, device: torch.device) -> Model:
    """The CNN family on NAFNet's GoPro setting, with the same first weights each time."""
    seed_torch(0)
    model: Model = MODELS.build({"name": "cnn", "network": {"name": "nafnet", "width": width}})
    return model.to(device)


def made_plain(module: nn.Module) -> None:
    """Put a plain layer norm in the place of every one of ours."""
    for name, child in module.named_children():
        if isinstance(child, ChannelNorm):
            setattr(module, name, PlainLayerNorm(child.weight.shape[0]).to(child.weight.device))
        made_plain(child)


def plain_step(width: int, batch: Batch, device: torch.device) -> Step:
    """Forward, backward, clipping and AdamW, as a script would have them."""
    network = build(width, device).get_submodule("network")
    made_plain(network)
    parameters = list(network.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, betas=SETTINGS.betas, weight_decay=0.0)

    def step() -> None:
        difference = batch.blurred + network(batch.blurred) - batch.sharp
        loss = torch.sqrt(difference.square() + 1e-6).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        clip_grad_norm_(parameters, SETTINGS.clip_norm)
        optimizer.step()

    return step


def our_step(width: int, batch: Batch, device: torch.device, settings: TrainingSettings) -> Step:
    """What the trainer does in a step, less the average of the weights."""
    model = build(width, device).to(memory_format=torch.channels_last)
    player = Player(model.trained_parameters()["network"], settings, device)
    laid_out = Batch(*(images.contiguous(memory_format=torch.channels_last) for images in batch))
    if settings.compile:
        compile_networks(model.networks())

    def step() -> None:
        with autocast(settings, device):
            turn = next(model.losses(laid_out, 0))
        player.update(torch.stack(list(turn.losses.values())).sum(), 1e-4, lambda _: None)

    return step


def measured(step: Step, device: torch.device, repeats: int) -> float:
    """Seconds a step, the device's queue emptied before and after."""
    synchronize(device)
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    synchronize(device)
    return (time.perf_counter() - start) / repeats


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=2, help="steps in a round")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--crop", type=int, default=64)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    device = find_device(arguments.device)
    torch.manual_seed(0)
    batch = Batch(*(torch.rand(arguments.batch, 3, arguments.crop, arguments.crop).to(device) for _ in range(2)))
    bfloat16 = replace(SETTINGS, precision="bfloat16")
    ways: dict[str, Step] = {
        "plain": plain_step(arguments.width, batch, device),
        "ours": our_step(arguments.width, batch, device, SETTINGS),
        "ours, compiled": our_step(arguments.width, batch, device, replace(SETTINGS, compile=True)),
        "ours, bfloat16": our_step(arguments.width, batch, device, bfloat16),
        "ours, bfloat16, compiled": our_step(arguments.width, batch, device, replace(bfloat16, compile=True)),
    }
    for step in ways.values():
        for _ in range(3):  # compiles, and lets memory settle
            step()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, step in ways.items():
            times[name].append(measured(step, device, arguments.repeats))
    threads = torch.get_num_threads()
    print(f"nafnet width {arguments.width}, {arguments.batch} patches of {arguments.crop}, {device}, {threads} threads")
    print(f"{'':26} {'ms a step':>10} {'to plain':>9} {'to ours':>9}   (medians of {arguments.rounds} rounds)")
    for name, values in times.items():
        ratios = [
            statistics.median(other / own for other, own in zip(times[base], values, strict=True)) for base in ("plain", "ours")
        ]
        print(f"{name:26} {statistics.median(values) * 1e3:10.1f} {ratios[0]:8.2f}x {ratios[1]:8.2f}x")


if __name__ == "__main__":
    main()

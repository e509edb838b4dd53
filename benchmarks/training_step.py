"""A training step of NAFNet by the trainer, compared with one of the published code.

    python benchmarks/training_step.py [--rounds 12] [--width 32] [--crop 64] [--batch 4] [--device cpu]

The published step is float32, NCHW and eager, with a layer norm that is an autograd function of its own, and the default AdamW,
as the authors of NAFNet train (megvii-research/NAFNet); that clips gradients too, and BasicSR, on which it builds, averages
weights. Ours keeps channels last, in which PyTorch's own layer norm needs no copies, and updates with the fused AdamW. Each is
timed without clipping and averaging, which cost both the same passes over the memory, and with them; then bfloat16 and
torch.compile, each on top. They alternate, round by round, and the medians of the ratios of the rounds are printed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from deblurbench.batch import Batch
from deblurbench.devices import find_device, synchronize
from deblurbench.models.base import Model
from deblurbench.networks.layers import ChannelNorm
from deblurbench.networks.pooling import GlobalAverage
from deblurbench.randomness import seed_torch
from deblurbench.registry import MODELS
from deblurbench.training.ema import ExponentialMovingAverage
from deblurbench.training.parameter_group import ParameterGroup
from deblurbench.training.precision import autocast, compile_networks
from deblurbench.training.settings import TrainingSettings

SETTINGS = TrainingSettings(steps=1)
PUBLISHED, OURS, WHOLE = "published", "ours", ", clipped and averaged"
Step = Callable[[], None]


class LayerNormalisation(torch.autograd.Function):
    """Over the channels of (B, C, H, W), from elementary operations, with the gradient written out."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
        centred = features - features.mean(1, keepdim=True)
        variance = centred.pow(2).mean(1, keepdim=True)
        deviation = (variance + epsilon).sqrt()
        normalised = centred / deviation
        ctx.save_for_backward(normalised, deviation, weight)
        return weight.view(1, -1, 1, 1) * normalised + bias.view(1, -1, 1, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        normalised, deviation, weight = ctx.saved_tensors
        scaled = gradient * weight.view(1, -1, 1, 1)
        along = (scaled * normalised).mean(1, keepdim=True)
        to_features = (scaled - normalised * along - scaled.mean(1, keepdim=True)) / deviation
        return to_features, (gradient * normalised).sum(dim=(0, 2, 3)), gradient.sum(dim=(0, 2, 3)), None


class PublishedLayerNorm(nn.Module):
    """The module around it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = LayerNormalisation.apply(features, self.weight, self.bias, 1e-6)
        return result


def build(width: int, device: torch.device) -> Model:
    """The CNN family on NAFNet's GoPro setting, with the same first weights each time."""
    seed_torch(0)
    model: Model = MODELS.build({"name": "cnn", "network": {"name": "nafnet", "width": width}})
    return model.to(device)


def make_published(module: nn.Module) -> None:
    """Put the published layers in the place of ours, where they are others: all else is the same operations."""
    for name, child in module.named_children():
        if isinstance(child, ChannelNorm):
            setattr(module, name, PublishedLayerNorm(child.weight.shape[0]).to(child.weight.device))
        if isinstance(child, GlobalAverage):
            setattr(module, name, nn.AdaptiveAvgPool2d(1))
        make_published(child)


def published_step(width: int, batch: Batch, device: torch.device, *, fused: bool | None = None, whole: bool = False) -> Step:
    """Forward, backward and AdamW; `whole` with clipping and an average of the weights."""
    network = build(width, device).get_submodule("network")
    make_published(network)
    parameters = list(network.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, betas=SETTINGS.betas, weight_decay=0.0, fused=fused)
    average = {name: value.detach().clone() for name, value in network.named_parameters()}

    def step() -> None:
        difference = batch.blurred + network(batch.blurred) - batch.sharp
        loss = torch.sqrt(difference.square() + 1e-6).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if whole:
            clip_grad_norm_(network.parameters(), SETTINGS.clip_norm)
        optimizer.step()
        if whole:
            for name, value in network.named_parameters():
                average[name].mul_(SETTINGS.ema_decay).add_(value.detach(), alpha=1 - SETTINGS.ema_decay)

    return step


def our_step(width: int, batch: Batch, device: torch.device, settings: TrainingSettings, *, whole: bool = True) -> Step:
    """A step of the trainer; without clipping and the average of the weights where it is not `whole`."""
    model = build(width, device).to(memory_format=torch.channels_last)
    parameters = model.trained_parameters()["network"]
    group = ParameterGroup(parameters, settings, device)
    average = ExponentialMovingAverage(model, settings.ema_decay)
    channels_last = Batch(*(images.contiguous(memory_format=torch.channels_last) for images in batch))
    if settings.compile:
        compile_networks(model.networks())

    def step() -> None:
        with autocast(settings, device):
            loss_step = next(model.losses(channels_last, 0))
        loss = torch.stack(list(loss_step.losses.values())).sum()
        if whole:
            group.update(loss, 1e-4, lambda _: None)
            average.update(model, 10_000)
        else:
            group.optimizer.zero_grad(set_to_none=True)
            loss.backward(inputs=parameters)
            group.optimizer.step()

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
    shared = (arguments.width, batch, device)
    bfloat16 = replace(SETTINGS, precision="bfloat16")
    ways: dict[str, Step] = {
        PUBLISHED: published_step(*shared),
        "published, AdamW fused": published_step(*shared, fused=True),
        OURS: our_step(*shared, SETTINGS, whole=False),
        PUBLISHED + WHOLE: published_step(*shared, whole=True),
        OURS + WHOLE: our_step(*shared, SETTINGS),
        OURS + WHOLE + ", compiled": our_step(*shared, replace(SETTINGS, compile=True)),
        OURS + WHOLE + ", bfloat16": our_step(*shared, bfloat16),
        OURS + WHOLE + ", bfloat16, compiled": our_step(*shared, replace(bfloat16, compile=True)),
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
    print(f"{'':48} {'ms a step':>10} {'published':>10} {'ours':>7}   (medians of {arguments.rounds} rounds; ratios to)")
    for name, values in times.items():
        bases = [base + WHOLE if WHOLE in name else base for base in (PUBLISHED, OURS)]
        ratios = [statistics.median(other / own for other, own in zip(times[base], values, strict=True)) for base in bases]
        print(f"{name:48} {statistics.median(values) * 1e3:10.1f} {ratios[0]:9.2f}x {ratios[1]:6.2f}x")


if __name__ == "__main__":
    main()

"""How well times are told apart: two identical networks, timed as a run times its models, should cost the same.

    python benchmarks/cost.py [--sittings 5] [--width 32] [--device cpu]

In each sitting both restore in turn, round by round, beside a third network that is smaller. Prints the minima, by what
share the medians are longer, and the ratio of the minima of the identical two, which on an otherwise idle machine lies
within 5 % of 1.
"""

from __future__ import annotations

import argparse

import torch

from deblurbench.devices import find_device
from deblurbench.models.base import Model
from deblurbench.randomness import seed_torch
from deblurbench.registry import MODELS
from deblurbench.scoring.costs import time_in_turn, time_per_megapixel


def build(width: int, device: torch.device) -> Model:
    """A small U-Net that restores, with the same weights each time."""
    seed_torch(0, "initial weights")
    model: Model = MODELS.build(
        {"name": "cnn", "network": {"name": "unet", "widths": [width, 2 * width, 3 * width], "blocks": 1}}
    )
    return model.to(device).eval()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sittings", type=int, default=5)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    device = find_device(arguments.device)
    models = {
        "network": build(arguments.width, device),
        "smaller": build(arguments.width // 2, device),
        "copy": build(arguments.width, device),
    }
    for _ in range(arguments.sittings):
        times = dict(zip(models, time_in_turn(list(models.values()), device), strict=True))
        costs = {name: time_per_megapixel(own) for name, own in times.items()}
        shown = ", ".join(f"{name} {least:.1f} (+{100 * spread:.0f} %)" for name, (least, spread) in costs.items())
        ratio = costs["copy"][0] / costs["network"][0]
        rounds = len(times["copy"])
        print(f"{rounds} rounds: ms / megapixel: {shown}; copy / network = {ratio:.3f}", flush=True)


if __name__ == "__main__":
    main()

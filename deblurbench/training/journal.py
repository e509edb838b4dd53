"""What a training writes down while it runs: TensorBoard events, and the history that reports draw curves from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deblurbench.models.base import LossStep

History = dict[str, list[dict[str, Any]]]
Interval = dict[str, Any]


class Journal:
    """The log of one training. After a resume TensorBoard hides what a lost part of the training had written.

    `history["training"]` holds one row a log interval, `history["validation"]` one a validation. What has been added
    since the last row (`interval`) belongs to the state of a training like the history itself.
    """

    def __init__(self, folder: Path, history: History | None, interval: Interval | None, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # slow to import, and only training needs it

        self._writer = SummaryWriter(str(folder), purge_step=step + 1)
        self.history: History = history or {"training": [], "validation": []}
        self._sums = {key: torch.tensor(value) for key, value in interval["sums"].items()} if interval else {}
        self._turns: dict[str, int] = dict(interval["turns"]) if interval else {}
        self._images: int = interval["images"] if interval else 0
        self._seconds: float = interval["seconds"] if interval else 0.0

    @property
    def interval(self) -> Interval:
        """What has been added since the last row, as JSON values."""
        sums = {key: float(value) for key, value in self._sums.items()}
        return {"sums": sums, "turns": self._turns, "images": self._images, "seconds": self._seconds}

    def add_losses(self, step: LossStep) -> None:
        """Add the losses and observed quantities of a loss step, on the device: nothing waits for them here."""
        for kind, values in (("loss", step.losses), ("observed", step.observed)):
            for name, value in values.items():
                key = f"{kind}/{step.group}/{name}"
                value = value.detach().float()  # many of half precision would not add up
                self._sums[key] = self._sums[key].to(value.device) + value if key in self._sums else value
                self._turns[key] = self._turns.get(key, 0) + 1

    def add_step(self, batch_size: int) -> None:
        """Count the images of one step."""
        self._images += batch_size

    def add_seconds(self, seconds: float) -> None:
        """Count time spent in steps."""
        self._seconds += seconds

    def log_interval(self, step: int, rate: float, norms: dict[str, Tensor]) -> None:
        """Write the means since the last row, and begin anew."""
        means = {key: float(value) / self._turns[key] for key, value in self._sums.items()}
        gradient_norms = {group: float(norm) for group, norm in norms.items()}
        speed = self._images / self._seconds
        for key, value in means.items():
            self._writer.add_scalar(key, value, step)
        for group, value in gradient_norms.items():
            self._writer.add_scalar(f"gradient_norm/{group}", value, step)
        self._writer.add_scalar("learning_rate", rate, step)
        self._writer.add_scalar("images_per_second", speed, step)
        self.history["training"].append(
            {
                "step": step, "losses": _below("loss/", means), "observed": _below("observed/", means),
                "gradient_norm": gradient_norms, "learning_rate": rate, "images_per_second": speed,
            }
        )  # fmt: skip
        self._sums, self._turns, self._images, self._seconds = {}, {}, 0, 0.0

    def log_validation(self, step: int, scores: dict[str, float], strip: Tensor) -> None:
        """Write mean validation scores, and a strip of validation images (3, H, W): blurred over restored over sharp."""
        for name, value in scores.items():
            self._writer.add_scalar(f"validation/{name}", value, step)
        self._writer.add_image("validation", strip, step)
        self._writer.flush()
        self.history["validation"].append({"step": step, **scores})

    def close(self) -> None:
        """Flush the events to the disk."""
        self._writer.close()


def _below(prefix: str, values: dict[str, float]) -> dict[str, float]:
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}

"""The log of a training: TensorBoard events, and the rows that reports draw curves from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deblurbench.models.base import LossStep
from deblurbench.records.history import TrainingRow, ValidationRow

JsonLog = dict[str, list[dict[str, Any]]]  # the rows of a training as JSON values
Interval = dict[str, Any]


class Journal:
    """The log of one training. After a resume TensorBoard hides events after the step of the state.

    `training` holds one row a log interval, `validation` one a validation. The sums since the last row (`interval`) belong
    to the state of a training like the rows (`log`).
    """

    def __init__(self, folder: Path, log: JsonLog | None, interval: Interval | None, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # slow to import, and only training needs it

        self._writer = SummaryWriter(str(folder), purge_step=step + 1)
        self.training: list[TrainingRow] = [TrainingRow(**row) for row in log["training"]] if log else []
        self.validation: list[ValidationRow] = [ValidationRow(**row) for row in log["validation"]] if log else []
        self._sums = {key: torch.tensor(value) for key, value in interval["sums"].items()} if interval else {}
        self._counts: dict[str, int] = dict(interval["counts"]) if interval else {}
        self._images: int = interval["images"] if interval else 0
        self._seconds: float = interval["seconds"] if interval else 0.0

    @property
    def log(self) -> JsonLog:
        """All rows, as JSON values."""
        return {"training": [asdict(row) for row in self.training], "validation": [asdict(row) for row in self.validation]}

    @property
    def interval(self) -> Interval:
        """Sums and counts since the last row, as JSON values."""
        sums = {key: float(value) for key, value in self._sums.items()}
        return {"sums": sums, "counts": self._counts, "images": self._images, "seconds": self._seconds}

    def add_losses(self, step: LossStep) -> None:
        """Add the losses and observed quantities of a loss step, on the device, without synchronisation."""
        for kind, values in (("loss", step.losses), ("observed", step.observed)):
            for name, value in values.items():
                key = f"{kind}/{step.group}/{name}"
                value = value.detach().float()  # sums of half precision lose digits
                self._sums[key] = self._sums[key].to(value.device) + value if key in self._sums else value
                self._counts[key] = self._counts.get(key, 0) + 1

    def add_step(self, batch_size: int) -> None:
        """Add `batch_size` to the images since the last row."""
        self._images += batch_size

    def add_seconds(self, seconds: float) -> None:
        """Add `seconds` to the training time since the last row."""
        self._seconds += seconds

    def log_interval(self, step: int, rate: float, norms: dict[str, Tensor]) -> None:
        """Write a row of means since the last one, and reset the sums."""
        means = {key: float(value) / self._counts[key] for key, value in self._sums.items()}
        gradient_norms = {group: float(norm) for group, norm in norms.items()}
        speed = self._images / self._seconds
        for key, value in means.items():
            self._writer.add_scalar(key, value, step)
        for group, value in gradient_norms.items():
            self._writer.add_scalar(f"gradient_norm/{group}", value, step)
        self._writer.add_scalar("learning_rate", rate, step)
        self._writer.add_scalar("images_per_second", speed, step)
        losses, observed = _strip_prefix("loss/", means), _strip_prefix("observed/", means)
        self.training.append(TrainingRow(step, losses, observed, gradient_norms, rate, speed))
        self._sums, self._counts, self._images, self._seconds = {}, {}, 0, 0.0

    def log_validation(self, step: int, scores: dict[str, float], strip: Tensor) -> None:
        """Write mean validation scores, and a strip of validation images (3, H, W), whose captions say what is what."""
        for name, value in scores.items():
            self._writer.add_scalar(f"validation/{name}", value, step)
        self._writer.add_image("validation: blurred, restored, sharp", strip, step)
        self._writer.flush()
        self.validation.append(ValidationRow(step, **scores))

    def close(self) -> None:
        """Flush the events to the disk."""
        self._writer.close()


def _strip_prefix(prefix: str, values: dict[str, float]) -> dict[str, float]:
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}

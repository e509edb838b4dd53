"""The trainer: one loop for every family."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW

from deblurbench.data.batch import Batch
from deblurbench.data.dataset import PairedImages
from deblurbench.data.loader import batches
from deblurbench.errors import DeblurbenchError, UsageError
from deblurbench.files import write_json
from deblurbench.models.base import Model
from deblurbench.models.loading import save_model
from deblurbench.progress import progress_bar
from deblurbench.randomness import seed_torch
from deblurbench.registry import Spec
from deblurbench.training.ema import ExponentialMovingAverage
from deblurbench.training.journal import History, Journal
from deblurbench.training.schedule import learning_rate
from deblurbench.training.settings import TrainingSettings
from deblurbench.training.state import load_state, save_state
from deblurbench.training.validation import Validator

LAST, BEST, STATE, HISTORY = "last.safetensors", "best.safetensors", "state.safetensors", "history.json"


class Trainer:
    """Trains `model` (built from the resolved `spec`) on `images`, and leaves checkpoints, history and events in `folder`.

    `identity` names the training: state of another one in `folder` is refused. With state of the same one, `run` goes on
    where that was saved, bit for bit. Under several processes each trains on its share of every batch; the first writes.
    """

    def __init__(
        self,
        model: Model,
        images: PairedImages,
        settings: TrainingSettings,
        accelerator: Accelerator,
        *,
        spec: Spec,
        seed: int,
        folder: Path,
        identity: str,
        workers: int = 0,
    ) -> None:
        if settings.batch_size % accelerator.num_processes:
            raise UsageError(
                f"training.batch_size: {settings.batch_size} cannot be shared by {accelerator.num_processes} processes; "
                "make it a multiple"
            )
        self.model = model.to(accelerator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.images, self.settings, self.accelerator = images, settings, accelerator
        self.spec, self.seed, self.folder, self.identity, self.workers = spec, seed, folder, identity, workers
        self.average = ExponentialMovingAverage(model, settings.ema_decay)
        self.parameters = {player: list(module.parameters()) for player, module in model.players().items()}
        self.optimizers = {
            player: AdamW(parameters, betas=settings.betas, weight_decay=settings.weight_decay, foreach=True)
            for player, parameters in self.parameters.items()
        }
        self.validate = Validator(images, crop=settings.validation_crop, seed=seed)
        self.step = 0  # steps done
        self.seconds = 0.0  # spent in them, validation and checkpoints apart
        self.best_psnr = float("-inf")
        self.gradient_norms: dict[str, Tensor] = {}
        self.journal: Journal | None = None  # only the first process keeps one

    def run(self, until: int | None = None) -> None:
        """Train from wherever the state in `folder` stands to the last step, or only until `until`."""
        self.open()
        try:
            last = self.settings.steps if until is None else until
            self.train(self._batches(range(self.step, last)))
            if self.step == self.settings.steps:
                self._finish()
        finally:
            self.close()
        self.accelerator.wait_for_everyone()

    def open(self) -> None:
        """Take up the state in `folder`, if there is any, and open the journal."""
        history = self._resume()
        if self.accelerator.is_main_process:
            self.journal = Journal(self.folder, history, self.step)

    def train(self, stream: Iterable[Batch]) -> None:
        """One step for each batch, with logs, validations and checkpoints when they are due."""
        settings = self.settings
        bar = progress_bar(
            stream, total=settings.steps, initial=self.step, desc=self.folder.parent.name, unit="step",
            disable=not self.accelerator.is_main_process,
        )  # fmt: skip
        self.model.train()
        self._mark_time()
        for batch in bar:
            self.advance(batch)
            is_last = self.step == settings.steps
            if self.step % settings.log_every == 0 or is_last:
                self._log()
            if self.step % settings.validate_every == 0 or is_last:
                self._validate()
            if self.step % settings.checkpoint_every == 0 or is_last:
                self._save()
        self._add_time()

    def close(self) -> None:
        """Flush the journal to the disk."""
        if self.journal is not None:
            self.journal.close()

    def advance(self, batch: Batch) -> None:
        """One step: every player of the model is updated in its turn, then the average."""
        seed_torch(self.seed, "step", self.step, self.accelerator.process_index)
        turns = self.model.losses(batch, self.step)
        while True:
            with torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
                turn = next(turns, None)
            if turn is None:
                break
            self._update(*turn)
        self.average.update(self.model, self.step)
        self.step += 1

    def _update(self, player: str, losses: dict[str, Tensor]) -> None:
        """Backpropagate into this player alone, average over processes, clip and step."""
        parameters, optimizer = self.parameters[player], self.optimizers[player]
        optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(torch.stack(list(losses.values())).sum(), inputs=parameters)
        self._average_gradients(parameters)
        self.gradient_norms[player] = clip_grad_norm_(parameters, self.settings.clip_norm)
        optimizer.param_groups[0]["lr"] = learning_rate(self.step, self.settings)
        optimizer.step()
        if self.journal is not None:
            self.journal.add_losses(player, losses)

    def _average_gradients(self, parameters: list[torch.nn.Parameter]) -> None:
        """The mean of the processes' gradients. Losses do not pass through `forward`, so no wrapper would do it."""
        if self.accelerator.num_processes == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = self.accelerator.reduce(torch.cat([gradient.flatten() for gradient in gradients]), reduction="mean")
        for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(mean.view(gradient.shape))

    def _batches(self, steps: range) -> Iterable[Batch]:
        return batches(
            self.images,
            crop_size=self.settings.crop_size,
            batch_size=self.settings.batch_size,
            seed=self.seed,
            steps=steps,
            device=self.accelerator.device,
            workers=self.workers,
            rank=self.accelerator.process_index,
            ranks=self.accelerator.num_processes,
        )

    def _log(self) -> None:
        steps = (self.step - 1) % self.settings.log_every + 1
        if self.journal is None:
            return
        losses_are_finite = self.journal.log_interval(
            self.step,
            steps=steps,
            seconds=self._add_time(),
            images=steps * self.settings.batch_size,
            rate=learning_rate(self.step - 1, self.settings),
            norms=self.gradient_norms,
        )
        if not losses_are_finite:
            raise DeblurbenchError(
                f"training diverged: a loss is not finite by step {self.step}; lower training.learning_rate "
                "(the last checkpoint is from before)"
            )

    def _validate(self) -> None:
        if self.journal is None:
            return
        self._add_time()
        with self.average.in_place_of(self.model):
            scores, strip = self.validate(self.model, self.accelerator.device)
            self.journal.log_validation(self.step, scores, strip)
            if scores["psnr"] > self.best_psnr:
                self.best_psnr = scores["psnr"]
                self._save_model(BEST, validation=scores)
        self._mark_time()

    def _save(self) -> None:
        if self.journal is None:
            return
        self._add_time()
        facts = {
            "identity": self.identity, "step": self.step, "seconds": self.seconds, "history": self.journal.history,
            "best_psnr": self.best_psnr,
        }  # fmt: skip
        save_state(self.folder / STATE, self.model, self.average, self.optimizers, facts)
        self._mark_time()

    def _finish(self) -> None:
        """What a finished training leaves; written again when it was killed between the last state and this."""
        if self.journal is None:
            return
        write_json(self.folder / HISTORY, {**self.journal.history, "seconds": self.seconds})
        with self.average.in_place_of(self.model):
            self._save_model(LAST)

    def _save_model(self, name: str, **facts: Any) -> None:
        save_model(
            self.folder / name, self.model, self.spec, step=self.step, seed=self.seed, dataset=self.images.name,
            training=asdict(self.settings), identity=self.identity, **facts,
        )  # fmt: skip

    def _resume(self) -> History | None:
        path = self.folder / STATE
        if not path.is_file():
            return None
        facts = load_state(path, self.model, self.average, self.optimizers)
        if facts["identity"] != self.identity:
            raise UsageError(f"{path}: belongs to another training; move it away, or run with --restart")
        self.step, self.seconds, self.best_psnr = facts["step"], facts["seconds"], facts["best_psnr"]
        history: History = facts["history"]
        return history

    def _mark_time(self) -> None:
        self._synchronize()
        self._marked = time.perf_counter()

    def _add_time(self) -> float:
        """Add the time since the last mark to `seconds`; returns it."""
        before = self._marked
        self._mark_time()
        self.seconds += self._marked - before
        return self._marked - before

    def _synchronize(self) -> None:
        if self.accelerator.device.type == "cuda":
            torch.cuda.synchronize()

"""The trainer: one loop for every family."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
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
from deblurbench.devices import synchronize
from deblurbench.errors import DeblurbenchError, UsageError
from deblurbench.files import write_json
from deblurbench.models.base import Model
from deblurbench.models.loading import save_model
from deblurbench.progress import progress_bar
from deblurbench.randomness import seed_torch
from deblurbench.registry import Spec
from deblurbench.results_folder import BEST, HISTORY, LAST, STATE
from deblurbench.training.ema import ExponentialMovingAverage
from deblurbench.training.journal import Journal
from deblurbench.training.processes import first_process_does
from deblurbench.training.schedule import learning_rate
from deblurbench.training.settings import TrainingSettings
from deblurbench.training.state import load_state, save_state
from deblurbench.training.validation import Validator


def require_shares(settings: TrainingSettings, processes: int) -> None:
    """Raise UsageError where `processes` cannot share a batch evenly."""
    if settings.batch_size % processes:
        raise UsageError(
            f"training.batch_size: {settings.batch_size} cannot be shared by {processes} processes; make it a multiple"
        )


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
        require_shares(settings, accelerator.num_processes)
        self.model = model.to(accelerator.device).to(memory_format=torch.channels_last)
        self.images, self.settings, self.accelerator = images, settings, accelerator
        self.spec, self.seed, self.folder, self.identity, self.workers = spec, seed, folder, identity, workers
        self.average = ExponentialMovingAverage(model, settings.ema_decay)
        self.parameters = {player: list(module.parameters()) for player, module in model.players().items()}
        self.optimizers = {
            player: AdamW(parameters, betas=settings.betas, weight_decay=settings.weight_decay, foreach=True)
            for player, parameters in self.parameters.items()
        }
        self.validate = Validator(images, crop=settings.validation_crop, count=settings.validation_images, seed=seed)
        self.step = 0  # steps done
        self.seconds = 0.0  # spent in them, validation and checkpoints apart
        self.best_psnr = float("-inf")
        self.gradient_norms: dict[str, Tensor] = {}
        self.journal: Journal | None = None  # only the first process keeps one

    def run(self) -> None:
        """Train from wherever the state in `folder` stands to the last step."""
        self.open()
        try:
            self.train(self.batches(range(self.step, self.settings.steps)))
            first_process_does(self.accelerator, self._finish)
        finally:
            self.close()
        self.accelerator.wait_for_everyone()

    def open(self) -> None:
        """Take up the state in `folder`, if there is any, and open the journal."""
        facts = self._resume()
        if self.accelerator.is_main_process:
            self.journal = Journal(self.folder, facts.get("history"), facts.get("interval"), self.step)

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
            log, validate, save = (
                self.step % every == 0 or self.step == settings.steps
                for every in (settings.log_every, settings.validate_every, settings.checkpoint_every)
            )
            if log or validate or save:
                self._refuse_divergence()
            if log:
                self._log()
            if validate:
                self._aside(self._validate)
            if save:
                self._aside(self._save)
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
        if self.journal is not None:
            self.journal.add_step()

    def _update(self, player: str, losses: dict[str, Tensor]) -> None:
        """Backpropagate into this player alone, average over processes, clip and step."""
        parameters, optimizer = self.parameters[player], self.optimizers[player]
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward(inputs=parameters)
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

    def batches(self, steps: range) -> Iterable[Batch]:
        """This process's share of the batches of `steps`."""
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
        self._add_time()
        if self.journal is not None:
            rate = learning_rate(self.step - 1, self.settings)
            self.journal.log_interval(self.step, self.settings.batch_size, rate, self.gradient_norms)

    def _refuse_divergence(self) -> None:
        """Raise where a gradient is not finite, in every process alike, before anything of it is saved."""
        if not all(torch.isfinite(norm) for norm in self.gradient_norms.values()):
            raise DeblurbenchError(
                f"training diverged: a gradient is not finite at step {self.step}; lower training.learning_rate and run with "
                "--restart"
            )

    def _aside(self, action: Callable[[], None]) -> None:
        """Let the first process do `action`, off the clock."""
        self._add_time()
        first_process_does(self.accelerator, action)
        self._mark_time()

    def _validate(self) -> None:
        assert self.journal is not None
        with self.average.in_place_of(self.model):
            scores, strip = self.validate(self.model, self.accelerator.device)
            self.journal.log_validation(self.step, scores, strip)
            if scores["psnr"] > self.best_psnr:
                self.best_psnr = scores["psnr"]
                self._save_model(BEST, validation=scores)

    def _save(self) -> None:
        assert self.journal is not None
        facts = {
            "identity": self.identity, "step": self.step, "seconds": self.seconds, "best_psnr": self.best_psnr,
            "history": self.journal.history, "interval": self.journal.interval,
        }  # fmt: skip
        save_state(self.folder / STATE, self.model, self.average, self.optimizers, facts)

    def _finish(self) -> None:
        """What a finished training leaves; written again when it was killed between its last state and this."""
        assert self.journal is not None
        write_json(self.folder / HISTORY, {**self.journal.history, "seconds": self.seconds})
        with self.average.in_place_of(self.model):
            self._save_model(LAST)

    def _save_model(self, name: str, **facts: Any) -> None:
        save_model(
            self.folder / name, self.model, self.spec, step=self.step, seed=self.seed, dataset=self.images.name,
            training=asdict(self.settings), identity=self.identity, **facts,
        )  # fmt: skip

    def _resume(self) -> dict[str, Any]:
        """Bring everything to where the state left it; its facts, none where there is no state."""
        path = self.folder / STATE
        if not path.is_file():
            return {}
        facts = load_state(path, self.model, self.average, self.optimizers)
        if facts["identity"] != self.identity:
            raise UsageError(f"{path}: belongs to another training; move it away, or run with --restart")
        self.step, self.seconds, self.best_psnr = facts["step"], facts["seconds"], facts["best_psnr"]
        return facts

    def _mark_time(self) -> None:
        synchronize(self.accelerator.device)
        self._marked = time.perf_counter()

    def _add_time(self) -> None:
        """Count the time since the last mark as spent in steps."""
        before = self._marked
        self._mark_time()
        self.seconds += self._marked - before
        if self.journal is not None:
            self.journal.add_seconds(self._marked - before)

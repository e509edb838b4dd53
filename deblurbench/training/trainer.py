"""The trainer: one loop for every family."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch.optim import AdamW

from deblurbench.batch import Batch
from deblurbench.data.loader import BatchPlan, batches
from deblurbench.data.prepared import PreparedDataset
from deblurbench.devices import synchronize
from deblurbench.errors import DeblurbenchError, UsageError
from deblurbench.models.base import LossStep, Model
from deblurbench.models.loading import save_model
from deblurbench.progress import MatrixPosition
from deblurbench.randomness import seed_torch
from deblurbench.records.history import History, write_history
from deblurbench.records.paths import BEST, HISTORY, LAST, STATE
from deblurbench.registry import Spec
from deblurbench.training.budget import plan_schedule
from deblurbench.training.ema import ExponentialMovingAverage
from deblurbench.training.journal import Journal
from deblurbench.training.parameter_group import ParameterGroup
from deblurbench.training.precision import autocast, compile_networks, uncompiled
from deblurbench.training.processes import first_process_does, require_divisible_batches
from deblurbench.training.progress import TrainingProgress
from deblurbench.training.settings import TrainingSettings
from deblurbench.training.state import load_state, save_state
from deblurbench.training.validation import Validator

UNLIMITED_STEPS = 10**12  # more than any budget of time allows


@dataclass(frozen=True)
class TrainingRun:
    """One training: the resolved `spec` of its model, its seed, and the folder of its checkpoints, history and events.

    `identity` names the training: state of another one in the folder is refused. `environment` (JSON values) describes
    the versions and the machine. `workers` processes load data. `position` is its place among others, for people.
    """

    spec: Spec
    seed: int
    folder: Path
    identity: str
    environment: dict[str, Any]
    workers: int = 0
    position: MatrixPosition | None = None


class Trainer:
    """Trains `model` on `images` as `settings` say.

    With the state of the same training in its folder, `run` resumes it bit for bit, and every environment that took part
    is recorded. Under several processes each trains on its part of every batch; the first writes.
    """

    def __init__(
        self,
        model: Model,
        images: PreparedDataset,
        settings: TrainingSettings,
        accelerator: Accelerator,
        training: TrainingRun,
    ) -> None:
        require_divisible_batches(settings, accelerator.num_processes)
        self.model = model.to(accelerator.device).to(memory_format=torch.channels_last)
        self.images, self.settings, self.accelerator = images, settings, accelerator
        self.training, self.seed, self.folder = training, training.seed, training.folder
        self.average = ExponentialMovingAverage(model, settings.ema_decay)
        self.parameter_groups = {
            name: ParameterGroup(parameters, settings, accelerator.device)
            for name, parameters in model.trained_parameters().items()
        }
        self.schedule = plan_schedule(settings, model)
        if settings.compile:
            compile_networks(model.networks())
        self.validate = Validator(images, crop=settings.validation_crop, count=settings.validation_images, seed=self.seed)
        self.step = 0  # steps done
        self.samples = 0  # used in them by all processes, which is the number of the next one
        self.seconds = 0.0  # spent in them, without validation and checkpoints
        self.best_psnr = float("-inf")
        self.environments: list[dict[str, Any]] = []  # all that took part, in order
        self.batch_size = settings.batch_size
        self._marked = time.perf_counter()
        self.journal: Journal | None = None  # only the first process keeps one

    def run(self) -> None:
        """Train to the end of the budget, from the state in `folder` where there is one."""
        self.open()
        try:
            self.train(self.batches())
            first_process_does(self.accelerator, self._finish)
        finally:
            self.close()
        self.accelerator.wait_for_everyone()

    def open(self) -> None:
        """Load the state in `folder`, where there is one, and open the journal."""
        facts = self._resume()
        if self.accelerator.is_main_process:
            self.journal = Journal(self.folder, facts.get("history"), facts.get("interval"), self.step)

    def train(self, stream: Iterable[Batch]) -> None:
        """Take a step on each batch, and log, validate and save when that is due, until the budget is spent."""
        settings = self.settings
        self.model.train()
        self._mark_time()
        if self.budget_fraction() >= 1:  # it was killed after its last step, before its end
            return
        if self.training.environment not in self.environments:
            self.environments.append(self.training.environment)
        with self._open_progress() as progress:
            for batch in stream:
                self.advance(batch)
                fraction = self.budget_fraction()
                is_last = fraction >= 1
                log, validate, save = (
                    self.step % every == 0 or is_last
                    for every in (settings.log_every, settings.validate_every, settings.checkpoint_every)
                )
                if log or validate or save:
                    self._refuse_divergence()
                if log:
                    self._log()
                if validate:
                    self._run_untimed(self._validate)
                if save:
                    self._run_untimed(self._save)
                progress.advance(fraction, self.journal)
                if is_last:
                    break
        self._add_time()

    def _open_progress(self) -> TrainingProgress:
        return TrainingProgress(
            self.folder.parent.name, self.training.position, self.step, self.schedule.total_steps, self.budget_fraction(),
            is_shown=self.accelerator.is_main_process,
        )  # fmt: skip

    def close(self) -> None:
        """Flush the journal to the disk."""
        if self.journal is not None:
            self.journal.close()

    def advance(self, batch: Batch) -> None:
        """Take one training step: each loss step of the model updates its parameter group, then the average is updated."""
        seed_torch(self.seed, "step", self.step, self.accelerator.process_index)
        loss_steps = self.model.losses(batch, self.step)
        while True:
            with autocast(self.settings, self.accelerator.device):
                loss_step = next(loss_steps, None)
            if loss_step is None:
                break
            self._update(loss_step)
        self.average.update(self.model, self.step)
        self.step += 1
        self.samples += self.batch_size
        if self.journal is not None:
            self.journal.add_step(self.batch_size)

    def _update(self, loss_step: LossStep) -> None:
        rate = self.schedule.learning_rate(self.step, self.elapsed())
        loss = torch.stack(list(loss_step.losses.values())).sum()
        self.parameter_groups[loss_step.group].update(loss, rate, self._average_gradients)
        if self.journal is not None:
            self.journal.add_losses(loss_step)

    def _average_gradients(self, parameters: list[torch.nn.Parameter]) -> None:
        """Average the gradients over processes. Losses are not computed in `forward`, so DistributedDataParallel cannot."""
        if self.accelerator.num_processes == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = self.accelerator.reduce(torch.cat([gradient.flatten() for gradient in gradients]), reduction="mean")
        for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(mean.view(gradient.shape))

    def batches(self) -> Iterator[Batch]:
        """This process's part of the batches from the current step to the end of the budget, stage by stage."""
        for stage in self.schedule.stages:
            end = UNLIMITED_STEPS if stage.last_step is None else stage.last_step
            plan = BatchPlan(
                crop_size=stage.crop_size, batch_size=stage.batch_size, seed=self.seed, first_sample=self.samples,
                steps=end - self.step, rank=self.accelerator.process_index, world_size=self.accelerator.num_processes,
            )  # fmt: skip
            for batch in batches(self.images, plan, device=self.accelerator.device, workers=self.training.workers):
                # With a budget of time a stage ends when its fraction is spent; the last one ends with the training.
                if stage.last_step is None and stage.until < 1 and self.budget_fraction() >= stage.until:
                    break
                self.batch_size = stage.batch_size
                yield batch

    def budget_fraction(self) -> float:
        """The fraction of the budget that is spent, the same in all processes."""
        return self.schedule.budget_fraction(self.step, self.elapsed())

    def elapsed(self) -> float:
        """The training time in seconds, the same in all processes; 0 where the budget is one of steps."""
        if self.schedule.total_steps is not None:
            return 0.0
        seconds = self.seconds + time.perf_counter() - self._marked
        if self.accelerator.num_processes == 1:
            return seconds
        own = torch.tensor(seconds, device=self.accelerator.device)
        return float(self.accelerator.reduce(own, reduction="mean"))

    def _log(self) -> None:
        self._add_time()
        if self.journal is not None:
            rate = next(iter(self.parameter_groups.values())).optimizer.param_groups[0]["lr"]
            norms = {name: group.gradient_norm for name, group in self.parameter_groups.items()}
            self.journal.log_interval(self.step, rate, norms)

    def _refuse_divergence(self) -> None:
        """Raise DeblurbenchError where a gradient is not finite, in all processes, before anything of it is saved."""
        if any(group.has_diverged for group in self.parameter_groups.values()):
            # A compiler may be at fault: PyTorch 2.15 compiles some whole networks to NaN in bfloat16 on a CPU.
            remedy = " or leave out training.compile" if self.settings.compile else ""
            raise DeblurbenchError(
                f"training diverged: a gradient is not finite at step {self.step}; lower training.learning_rate{remedy}, "
                "and run with --restart"
            )

    def _run_untimed(self, action: Callable[[], None]) -> None:
        """Run `action` in the first process, without counting its time."""
        self._add_time()
        first_process_does(self.accelerator, action)
        self._mark_time()

    def _validate(self) -> None:
        assert self.journal is not None
        with self.average.in_place_of(self.model), uncompiled(self.settings):
            scores, strip = self.validate(self.model, self.accelerator.device)
            self.journal.log_validation(self.step, scores, strip)
            if scores["psnr"] > self.best_psnr:
                self.best_psnr = scores["psnr"]
                self._save_model(BEST, validation=scores)

    def _save(self) -> None:
        assert self.journal is not None
        facts = {
            "identity": self.training.identity, "step": self.step, "samples": self.samples, "seconds": self.seconds,
            "best_psnr": self.best_psnr, "history": self.journal.log, "interval": self.journal.interval,
            "environments": self.environments,
            "scalers": {name: group.scaler.state_dict() for name, group in self.parameter_groups.items()},
        }  # fmt: skip
        save_state(self.folder / STATE, self.model, self.average, self._optimizers, facts)

    def _finish(self) -> None:
        """Write history and last weights; again when the process was killed between its last state and this."""
        assert self.journal is not None
        log = self.journal
        history = History(tuple(log.training), tuple(log.validation), self.seconds, tuple(self.environments))
        write_history(self.folder / HISTORY, history)
        with self.average.in_place_of(self.model):
            self._save_model(LAST)

    def _save_model(self, name: str, **facts: Any) -> None:
        save_model(
            self.folder / name, self.model, self.training.spec, step=self.step, seed=self.seed, dataset=self.images.name,
            training=asdict(self.settings), identity=self.training.identity, **facts,
        )  # fmt: skip

    def _resume(self) -> dict[str, Any]:
        """Load the state, and return its facts; none where there is no state."""
        path = self.folder / STATE
        if not path.is_file():
            return {}
        facts = load_state(path, self.model, self.average, self._optimizers)
        if facts["identity"] != self.training.identity:
            raise UsageError(f"{path}: belongs to another training; move it away, or run with --restart")
        self.step, self.samples, self.seconds = facts["step"], facts["samples"], facts["seconds"]
        self.best_psnr, self.environments = facts["best_psnr"], facts["environments"]
        for name, group in self.parameter_groups.items():
            group.scaler.load_state_dict(facts["scalers"][name])
        return facts

    @property
    def _optimizers(self) -> dict[str, AdamW]:
        return {name: group.optimizer for name, group in self.parameter_groups.items()}

    def _mark_time(self) -> None:
        synchronize(self.accelerator.device)
        self._marked = time.perf_counter()

    def _add_time(self) -> None:
        """Add the time since the last mark to the training time."""
        before = self._marked
        self._mark_time()
        self.seconds += self._marked - before
        if self.journal is not None:
            self.journal.add_seconds(self._marked - before)

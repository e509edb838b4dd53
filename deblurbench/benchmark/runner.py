"""Running an experiment: every cell that is not yet done, one after another."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from deblurbench.benchmark.cells import Cell, list_cells, move_changed_aside, refuse_changed
from deblurbench.benchmark.collect import write_tables
from deblurbench.benchmark.selection import chosen, last_validation_psnr, training_seconds
from deblurbench.benchmark.times import time_cells
from deblurbench.benchmark.trials import try_trainings
from deblurbench.benchmark.wholeness import has_all_pictures, is_trained, move_damaged_aside, refuse_damage
from deblurbench.data.cache import PixelCache
from deblurbench.data.dataset import open_dataset
from deblurbench.data.prepared import PreparedDataset
from deblurbench.environment import describe_environment
from deblurbench.errors import DeblurbenchError, UsageError, is_full_disk, one_line
from deblurbench.experiment.experiment import Experiment
from deblurbench.experiment.model_entries import ModelEntry
from deblurbench.files import file_hash, remove_unfinished, write_json, write_whole
from deblurbench.models.base import Model, Restorer, family
from deblurbench.models.loading import fill_trained, load, save_model, warm_start
from deblurbench.progress import progress_bar
from deblurbench.randomness import seed_torch
from deblurbench.records.paths import ERROR, EXPERIMENT, LAST, NOTES, PROBLEMS, RESTORED, RUNS, SHARP
from deblurbench.registry import MODELS
from deblurbench.scoring.costs import count_parameters, evaluations_and_macs
from deblurbench.scoring.test_set import image_count, require_scorable, score_images, write_truth
from deblurbench.training.precision import require_compiler
from deblurbench.training.processes import first_process_does
from deblurbench.training.settings import TrainingSettings
from deblurbench.training.trainer import Trainer, require_shares
from deblurbench.yaml_files import to_yaml

PROBLEMS_SAID = 10
ON_DEMAND = (
    "are not in the cache, which is full or off: they are decoded whenever they are needed, which is slower "
    "(--cache-gigabytes allows more, deblurbench data clear-cache makes room)"
)


@dataclass
class Outcome:
    """What came of a run: which cells were already done, which are now, and which failed with what error.

    And the data sets whose models could not be timed.
    """

    skipped: list[Cell] = field(default_factory=list)
    finished: list[Cell] = field(default_factory=list)
    failed: list[tuple[Cell, str]] = field(default_factory=list)
    untimed: list[str] = field(default_factory=list)


class Runner:
    """Runs `experiment` into the folder `out`. `say` takes each line that a person should read."""

    def __init__(
        self, experiment: Experiment, out: Path, accelerator: Accelerator, cache: PixelCache, say: Callable[[str], None],
        *, workers: int = 0,
    ) -> None:  # fmt: skip
        self.experiment, self.out, self.accelerator = experiment, out, accelerator
        self.say = say if accelerator.is_main_process else lambda _: None
        self.workers = workers
        self.recipe = experiment.recipe
        self._cache = cache
        self._to_prepare = {name: open_dataset(name, cache, **spec) for name, spec in experiment.datasets.items()}
        self.datasets: dict[str, PreparedDataset] = {}
        self.environment = describe_environment(accelerator.device, accelerator.num_processes)
        self.cells: list[Cell] = []

    def prepare(self) -> None:
        """Decode the data, name what is wrong with it, list the cells, try out a step of what is to be trained.

        Raises UsageError before any work is begun.
        """
        with self.accelerator.main_process_first():  # the others find the cache filled
            for name, dataset in self._to_prepare.items():
                self.datasets[name] = dataset.prepare(show_progress=self._is_main)
        if self._cache.trouble:
            self.say(self._cache.trouble)
        for name, images in self.datasets.items():
            self._say_problems(name, images.problems)
            for note in images.notes:
                self.say(f"{name}: {note}")
            missing, count = images.on_demand
            if missing:
                self.say(f"{name}: {missing} of {count} images {ON_DEMAND}")
            require_scorable(images, self.recipe)
        for entry in self._all_entries():
            require_shares(entry.training, self.accelerator.num_processes)
            if entry.is_trained:
                require_compiler(entry.training, self.accelerator.device)
        self._require_known_kernels()
        self.cells = list_cells(self.experiment, self.datasets, self.out)
        try_trainings(self.cells, self.accelerator)

    def run(self, *, restart: bool = False) -> Outcome:
        """Train and score every cell that is not done, then time them. One that fails is recorded, and the others go on.

        A cell whose pictures are missing or damaged is scored again, and its training not repeated.
        Raises UsageError where a folder holds cells of another identity, or what they left is damaged, OSError where the disk
        is full.
        """
        if restart and self._is_main:
            for path in (*move_changed_aside(self.cells), *move_damaged_aside(self.cells)):
                self.say(f"moved aside: {path}")
        self.accelerator.wait_for_everyone()
        refuse_changed(self.cells)
        refuse_damage(self.cells)
        pending = self._pending()
        outcome = Outcome(skipped=[cell for cell in self.cells if cell not in pending])
        if pending:
            with self.accelerator.main_process_first():
                for metric in self.recipe.metrics.values():
                    metric.prepare()
        self.accelerator.wait_for_everyone()  # all have looked before one begins to write
        first_process_does(self.accelerator, lambda: self._write_facts(anything_to_do=bool(pending)))
        for number, cell in enumerate(pending, 1):
            self.say(f"[{number}/{len(pending)}] {cell.title}")
            self._run_cell(cell, outcome)
        for dataset in self.datasets:
            self._time(dataset, outcome)
        first_process_does(self.accelerator, lambda: write_tables(self.cells, self.recipe, self.out))
        return outcome

    def _pending(self) -> list[Cell]:
        unfinished = {(cell.dataset, cell.model) for cell in self.cells if not cell.finished()}
        pending = []
        for cell in self.cells:  # a sweep chooses again when one of its candidates has been trained since
            if not cell.finished() or any((cell.dataset, label) in unfinished for label in cell.candidates):
                pending.append(cell)
            elif not has_all_pictures(cell):
                self.say(f"{cell.title}: pictures are missing or damaged; it is scored again")
                pending.append(cell)
        return pending

    @property
    def _is_main(self) -> bool:
        return bool(self.accelerator.is_main_process)

    def _say_problems(self, name: str, problems: Sequence[str]) -> None:
        if problems:
            self.say(f"left out of {name}: {len(problems)} (all are named in the report)")
        for problem in problems[:PROBLEMS_SAID]:
            self.say(f"  {problem}")

    def _all_entries(self) -> list[ModelEntry]:
        """The models of the experiment, and the candidates of their sweeps."""
        return [each for entry in self.experiment.models.values() for each in (entry, *entry.candidates.values())]

    def _require_known_kernels(self) -> None:
        """Raise UsageError where an oracle would run on photographs whose blur nobody knows."""
        oracles = [name for name, entry in self.experiment.models.items() if entry.is_oracle]
        unknown = [name for name, images in self.datasets.items() if images.pairs != "synthetic"]
        if oracles and unknown:
            raise UsageError(
                f"models.{oracles[0]}: is an oracle, which needs the true kernel, and data set '{unknown[0]}' was not blurred "
                "by us; give it a guessed_sigma, or leave one of them out"
            )

    def _write_facts(self, anything_to_do: bool) -> None:
        """The resolved experiment, what was wrong with the data, the truth, and the tables of what is done already."""
        remove_unfinished(self.out)
        write_whole(self.out / EXPERIMENT, to_yaml(self.experiment.resolved))
        write_json(self.out / PROBLEMS, {name: images.problems for name, images in self.datasets.items()})
        write_json(self.out / NOTES, {name: images.notes for name, images in self.datasets.items()})
        if anything_to_do:
            for name, images in self.datasets.items():
                write_truth(images, self.out / RUNS / name / SHARP)
        write_tables(self.cells, self.recipe, self.out)

    def _run_cell(self, cell: Cell, outcome: Outcome) -> None:
        try:
            first_process_does(self.accelerator, lambda: cell.write_record("running"))
            if cell.settings is not None and not is_trained(cell):
                self._train(cell, cell.settings)
            elif cell.sources:
                first_process_does(self.accelerator, lambda: self._put_together(cell))
            first_process_does(self.accelerator, lambda: self._validated(cell) if cell.is_candidate else self._score(cell))
            outcome.finished.append(cell)
        except Exception as error:
            if is_full_disk(error):
                raise
            self.say(f"failed: {cell.title}: {one_line(error)}")
            outcome.failed.append((cell, one_line(error)))
            if self._is_main:
                write_whole(cell.folder / ERROR, traceback.format_exc())
                cell.write_record("failed", error=one_line(error))

    def _time(self, dataset: str, outcome: Outcome) -> None:
        """Time the models of `dataset` when nothing else is left to do, which would disturb it."""
        cells = [cell for cell in self.cells if cell.dataset == dataset]
        timing = partial(time_cells, cells, self._model_of, self.accelerator.device, self.environment)
        try:
            first_process_does(self.accelerator, timing)
        except Exception as error:
            if is_full_disk(error):
                raise
            self.say(f"failed: timing the models of {dataset}: {one_line(error)}")
            outcome.untimed.append(dataset)

    def _model_of(self, cell: Cell) -> Restorer:
        """The model that this cell restores with, from its weights where it has any; of a sweep, the best candidate."""
        if cell.candidates:
            cell, _ = chosen(cell)
        if cell.weights_of is None:
            model: Restorer = MODELS.build(cell.spec)
            return model.to(self.accelerator.device).eval()
        weights = cell.weights_of / LAST
        if not weights.is_file():
            raise DeblurbenchError(f"{weights}: is missing: the training that writes it failed, or it was removed since")
        allowed = family(cell.spec["name"]).restoring_parameters
        return load(weights, device=self.accelerator.device, **{key: cell.spec[key] for key in allowed})

    def _train(self, cell: Cell, settings: TrainingSettings) -> None:
        seed_torch(cell.seed, "initial weights")
        model: Model = MODELS.build(cell.spec)
        model.prepare_training()
        self._fill(model, cell)
        Trainer(
            model, self.datasets[cell.dataset], settings, self.accelerator, spec=cell.spec,
            seed=cell.seed, folder=cell.folder, identity=cell.training_identity, workers=self.workers,
        ).run()  # fmt: skip

    def _fill(self, model: Restorer, cell: Cell) -> None:
        """Give the models within `model`, and itself, the weights that others were trained to."""
        for path in (*cell.sources.values(), cell.start):
            if path is not None and not path.is_file():
                raise DeblurbenchError(f"{path}: is missing: the training that writes it failed, or it was removed since")
        if cell.start is not None:
            warm_start(model, cell.start)
        for place, path in cell.sources.items():
            fill_trained(model, place, path)

    def _put_together(self, cell: Cell) -> None:
        """Write the checkpoint of a model that is made of trained ones and needs no training itself."""
        model: Restorer = MODELS.build(cell.spec)
        self._fill(model, cell)
        save_model(cell.folder / LAST, model, cell.spec, dataset=cell.dataset, seed=cell.seed, identity=cell.training_identity)

    def _validated(self, cell: Cell) -> None:
        """Record a candidate of a sweep as done: test images are none of its business."""
        cell.write_record("done", validation_psnr=last_validation_psnr(cell.folder))

    def _score(self, cell: Cell) -> None:
        """Score the cell, count what it costs, and record it as done."""
        facts: dict[str, Any] = {}
        sweep = self.experiment.models[cell.model].sweep if cell.candidates else None
        if sweep is not None:
            cell, facts = chosen(cell)
            facts["settings"] = dict(zip(sweep.labels, sweep.changes, strict=True))
        model, images = self._model_of(cell), self.datasets[cell.dataset]
        with progress_bar(total=image_count(model, images), desc=f"scoring {cell.model}", unit="image") as bar:
            scores = score_images(
                model, images, self.recipe, seed=cell.seed, device=self.accelerator.device,
                restored_folder=cell.folder / RESTORED, done=bar.update,
            )  # fmt: skip
        evaluations, macs = evaluations_and_macs(model, self.accelerator.device)
        cell.write_record(
            "done",
            **facts,
            family=cell.spec["name"],
            network=model.method,
            inference=model.inference,
            oracle=model.is_oracle,
            params=count_parameters(model),
            evaluations=evaluations,
            macs=macs,
            train_seconds=round(training_seconds(cell), 3),
            pairs=images.pairs,
            data=images.fingerprint,
            weights=file_hash(cell.weights_of / LAST) if cell.weights_of else "",
            environment=self.environment,
            scores=scores.tested,
            shown=scores.shown,
        )
        (cell.folder / ERROR).unlink(missing_ok=True)
        write_tables(self.cells, self.recipe, self.out)

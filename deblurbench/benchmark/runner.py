"""Running an experiment: its plan is written down, and every cell that is not yet done is run, one after another."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from deblurbench.benchmark.changes import change_of, finished, is_damaged, move_changed_aside, refuse_changed
from deblurbench.benchmark.collect import write_tables
from deblurbench.benchmark.costs import measure_cells
from deblurbench.benchmark.plan import Cell, as_record, plan_cells
from deblurbench.benchmark.preparation import Host, prepare, require_known_kernels, require_trainable, tell_device
from deblurbench.benchmark.result_line import result_line
from deblurbench.benchmark.time_left import TimeLeft
from deblurbench.benchmark.trials import try_trainings
from deblurbench.benchmark.wholeness import has_all_pictures, move_damaged_aside, refuse_damage
from deblurbench.benchmark.work import Equipment, run_cell
from deblurbench.errors import is_full_disk, one_line
from deblurbench.experiment.experiment import Experiment
from deblurbench.files import remove_unfinished, write_json, write_whole
from deblurbench.locks import claim, require_unclaimed
from deblurbench.memo import Memo
from deblurbench.progress import MatrixPosition
from deblurbench.records.cells import read_cell
from deblurbench.records.paths import EXPERIMENT, GRIDS, NOTES, PROBLEMS, RUNS, SHARP
from deblurbench.records.plan import write_plan
from deblurbench.scoring.test_set import write_sharp_images
from deblurbench.training.processes import first_process_does
from deblurbench.yaml_files import to_yaml


@dataclass
class Outcome:
    """The cells that were already done, those that are now, and those that failed, each with its error.

    And the data sets whose models' costs could not be measured.
    """

    skipped: list[Cell] = field(default_factory=list)
    finished: list[Cell] = field(default_factory=list)
    failed: list[tuple[Cell, str]] = field(default_factory=list)
    unmeasured: list[str] = field(default_factory=list)


class Runner:
    """Runs `experiment` into the folder `out`: it hands out the cells, and alone writes what is not a cell's."""

    def __init__(self, experiment: Experiment, out: Path, host: Host) -> None:
        self.experiment, self.out, self.host = experiment, out, host
        self.equipment: Equipment
        self.cells: list[Cell] = []

    def prepare(self) -> None:
        """Decode the data, name the problems with it, plan the cells, try a step of each training.

        Raises UsageError before any work is begun, also where another process works in the folder.
        """
        if self.host.is_main:
            require_unclaimed(self.out)
        self.equipment = prepare(self.experiment, self.experiment.datasets, self.host)
        require_trainable(self.experiment, self.host)
        require_known_kernels(self.experiment, self.equipment.datasets)
        self.cells = plan_cells(self.experiment, self.equipment.datasets, self.out)
        try_trainings(self.cells, self.host.accelerator, Memo(self.host.cache.writable_folder))

    def states(self) -> list[str]:
        """A line for each cell: whether it is done, to be done, or to be done anew and why."""
        lines = []
        for cell in self.cells:
            record = read_cell(cell.folder)
            why = change_of(cell, record) if record else ""
            state = f"to do anew, it {why}" if why else "done" if finished(cell) else "to do"
            lines.append(f"{cell.title}: {state}")
        return lines

    def plan(self, *, restart: bool = False) -> None:
        """Write the plan, for processes that run single cells; nothing is run. Raises as `run` does."""
        with ExitStack() as held:
            self._begin(held, restart=restart)

    def run(self, *, restart: bool = False) -> Outcome:
        """Train and score every cell that is not done, then measure costs. One that fails is recorded, and the others go on.

        A cell whose pictures are missing or damaged is scored again, and its training not repeated. Raises UsageError where
        a folder holds another result or is in use, or its files are damaged, OSError where the disk is full.
        """
        accelerator = self.host.accelerator
        with ExitStack() as held:
            pending = self._begin(held, restart=restart)
            outcome = Outcome(skipped=[cell for cell in self.cells if cell not in pending])
            if pending:
                tell_device(self.equipment, self.host)
            time_left = TimeLeft(pending)
            for number, cell in enumerate(pending, 1):
                self.host.tell(f"[{number}/{len(pending)}] {cell.title}")
                self._run_cell(cell, outcome, time_left.begin(number))
                seconds = time_left.end(number)
                if cell in outcome.finished:
                    self.host.tell(result_line(cell, self.cells, seconds))
            for dataset in self.experiment.datasets:
                self._measure(dataset, outcome)
            first_process_does(accelerator, lambda: write_tables(self.cells, self.out))
        return outcome

    def _begin(self, held: ExitStack, *, restart: bool) -> list[Cell]:
        """Hold the results folder, leave in it only results of this plan, and write the plan. Returns the cells to run."""
        accelerator = self.host.accelerator
        self._prepare_metrics(any(is_damaged(cell) or not finished(cell) for cell in self.cells))
        first_process_does(accelerator, lambda: held.enter_context(claim(self.out)))
        first_process_does(accelerator, lambda: self._tidy(restart=restart))
        refuse_changed(self.cells)
        refuse_damage(self.cells)
        pending = self._pending()
        self._prepare_metrics(bool(pending))
        accelerator.wait_for_everyone()  # all have looked before one begins to write
        first_process_does(accelerator, lambda: self._write_plan(anything_to_do=bool(pending)))
        return pending

    def _prepare_metrics(self, are_needed: bool) -> None:
        """Fetch the weights of metrics. Raises UsageError where they cannot be had."""
        if are_needed:
            with self.host.accelerator.main_process_first():
                for metric in self.experiment.recipe.metrics.values():
                    metric.prepare()

    def _tidy(self, *, restart: bool) -> None:
        """Refuse cells that another process is running, remove unfinished files, and move aside if asked to `restart`."""
        for cell in self.cells:
            require_unclaimed(cell.folder)
        for folder in (self.out, self.out / GRIDS, *(self.out / RUNS / name for name in self.experiment.datasets)):
            remove_unfinished(folder, recursive=False)
        for name in self.experiment.datasets:
            remove_unfinished(self.out / RUNS / name / SHARP)
        for cell in self.cells:
            if cell.folder.is_dir():
                with claim(cell.folder):
                    remove_unfinished(cell.folder)
        if restart:
            for path in (*move_changed_aside(self.cells), *move_damaged_aside(self.cells)):
                self.host.tell(f"moved aside: {path}")

    def _pending(self) -> list[Cell]:
        unfinished = {cell.name for cell in self.cells if not finished(cell)}
        pending = []
        for cell in self.cells:  # a sweep chooses again when one of its candidates has been trained since
            if cell.name in unfinished or (cell.candidates and unfinished & set(cell.needs)):
                pending.append(cell)
            elif not has_all_pictures(cell):
                self.host.tell(f"{cell.title}: pictures are missing or damaged; it is scored again")
                pending.append(cell)
        return pending

    def _write_plan(self, anything_to_do: bool) -> None:
        """The resolved experiment, the planned cells, problems of the data, sharp images, and the tables of finished cells."""
        datasets = self.equipment.datasets
        write_whole(self.out / EXPERIMENT, to_yaml(self.experiment.resolved))
        write_plan(self.out, as_record(self.cells))
        write_json(self.out / PROBLEMS, {name: list(images.problems) for name, images in datasets.items()})
        write_json(self.out / NOTES, {name: list(images.notes) for name, images in datasets.items()})
        if anything_to_do:
            for name, images in datasets.items():
                write_sharp_images(images, self.out / RUNS / name / SHARP)
        write_tables(self.cells, self.out)

    def _run_cell(self, cell: Cell, outcome: Outcome, position: MatrixPosition) -> None:
        try:
            run_cell(cell, self.equipment, position)
            outcome.finished.append(cell)
        except Exception as error:
            if is_full_disk(error):
                raise
            self.host.tell(f"failed: {cell.title}: {one_line(error)}")
            outcome.failed.append((cell, one_line(error)))
        first_process_does(self.host.accelerator, lambda: write_tables(self.cells, self.out))

    def _measure(self, dataset: str, outcome: Outcome) -> None:
        """Measure the costs of a data set's models when nothing else is left to do, which would disturb it."""
        cells = [cell for cell in self.cells if cell.name.dataset == dataset]
        accelerator, environment = self.host.accelerator, self.equipment.environment
        try:
            first_process_does(accelerator, lambda: measure_cells(cells, accelerator.device, environment))
        except Exception as error:
            if is_full_disk(error):
                raise
            self.host.tell(f"failed: measuring the costs of the models on {dataset}: {one_line(error)}")
            outcome.unmeasured.append(dataset)

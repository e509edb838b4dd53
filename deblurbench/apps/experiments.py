"""`deblurbench run` and `deblurbench cell`: experiments and single cells of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from deblurbench.benchmark.cell_run import run_planned_cell
from deblurbench.benchmark.preparation import Host
from deblurbench.benchmark.runner import Outcome, Runner
from deblurbench.data.cache import open_cache
from deblurbench.devices import usual_workers
from deblurbench.experiment.composition import find_experiment
from deblurbench.experiment.experiment import load_experiment
from deblurbench.files import require_place
from deblurbench.records.cells import CellName
from deblurbench.records.paths import COMPARISON, ERROR, PER_IMAGE
from deblurbench.training.processes import first_process_does, open_accelerator


def open_host(device: str, workers: int | None, cache_gigabytes: float | None) -> Host:
    """The device, its processes, and the cache. Raises UsageError where the device is not to be had."""
    accelerator = open_accelerator(device)
    if workers is None:
        workers = usual_workers(accelerator.device, accelerator.num_processes)
    return Host(accelerator, open_cache(cache_gigabytes), typer.echo, workers)


def open_runner(experiment: str, overrides: Sequence[str], out: Path | None, host: Host) -> Runner:
    """A runner of the experiment, ready to run. Raises UsageError for anything that would fail later."""
    found = find_experiment(experiment)
    out = out or Path("results") / found.stem
    require_place(out, "--out")
    checked = load_experiment(found, overrides)
    runner = Runner(checked, out, host)
    runner.prepare()
    return runner


def list_cells(runner: Runner) -> int:
    """Say of each cell whether it is done. Returns the exit code."""
    for line in runner.states():
        runner.host.tell(line)
    checked = "checked the data, the settings and a step of each training"
    runner.host.tell(f"{checked}; {len(runner.cells)} cells in {runner.out}; nothing was run")
    return 0


def plan_experiment(runner: Runner, *, restart: bool) -> int:
    """Write the plan and list the cells, each after those that it needs. Returns the exit code."""
    runner.plan(restart=restart)
    for cell in runner.cells:
        runner.host.tell(str(cell.name))
    runner.host.tell(f"planned {len(runner.cells)} cells; run each with: deblurbench cell {runner.out} NAME")
    return 0


def run_experiment(runner: Runner, *, restart: bool) -> int:
    """Run what is not done, and write the report. Returns the exit code."""
    outcome = runner.run(restart=restart)
    accelerator = runner.host.accelerator
    first_process_does(accelerator, lambda: _conclude(runner.out, outcome))  # whoever ends before it ends all others
    accelerator.end_training()
    return 1 if outcome.failed or outcome.unmeasured else 0


def run_one_cell(results: Path, name: str, host: Host) -> int:
    """Run the cell called `name` of the experiment that is planned in `results`. Returns the exit code."""
    parsed = CellName.parse(name)
    was_run = run_planned_cell(results, parsed, host)
    host.tell(f"{'wrote' if was_run else 'done before:'} {parsed.folder(results)}")
    host.accelerator.end_training()
    return 0


def _conclude(out: Path, outcome: Outcome) -> None:
    from deblurbench.report.page import write_report  # here, because planning and checking need no report
    from deblurbench.report.reading import read_results

    written = write_report(read_results([out]), out)
    for line in written.answers:
        typer.echo(line)
    typer.echo(f"{len(outcome.finished)} cells done, {len(outcome.skipped)} done before, {len(outcome.failed)} failed")
    for cell, error in outcome.failed:
        typer.echo(f"failed: {cell.title}: {error} ({cell.folder / ERROR})", err=True)
    typer.echo(f"wrote {out / COMPARISON} and {out / PER_IMAGE}\nopen  {written.page}")

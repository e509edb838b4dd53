"""The command line."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from deblurbench.apps.commands import Debug, Device, command, new_group, show_version
from deblurbench.apps.data_commands import data_app
from deblurbench.apps.deblur_command import deblur
from deblurbench.apps.export_command import export
from deblurbench.apps.init_command import init
from deblurbench.errors import UsageError

app = new_group("Which way of deblurring is best for my photographs, and by how much?")
app.add_typer(data_app, name="data")
command(app)(init)
command(app)(deblur)
command(app)(export)


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Which way of deblurring is best for my photographs, and by how much?"""


CacheSize = Annotated[
    float | None,
    typer.Option(
        min=0, envvar="DEBLURBENCH_CACHE_GIGABYTES", show_default=False,
        help="The most that decoded images may take on disk; 0 turns that off.  [default: a quarter of what is free]",
    ),
]  # fmt: skip


Workers = Annotated[
    int | None, typer.Option(min=0, help="Processes that prepare batches.  [default: on a CPU none, else one a core]")
]


@command(app)
def run(
    experiment: Annotated[str, typer.Argument(help="A YAML file, or the name of one in experiments/.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key.path=value, laid over the file.")] = None,
    out: Annotated[Path | None, typer.Option(help="The results folder.  [default: results/NAME]")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check, try a step, and list the cells.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only write the plan, for deblurbench cell.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Move cells with other settings aside, train anew.")] = False,
    device: Device = "auto",
    workers: Workers = None,
    cache_gigabytes: CacheSize = None,
    debug: Debug = False,
) -> int:
    """Train, score and report; run again to go on where it stopped."""
    from deblurbench.apps.experiments import list_cells, open_host, open_runner, plan_experiment, run_experiment

    runner = open_runner(experiment, overrides or [], out, open_host(device, workers, cache_gigabytes))
    if dry_run:
        return list_cells(runner)
    if plan:
        return plan_experiment(runner, restart=restart)
    return run_experiment(runner, restart=restart)


@command(app)
def cell(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A results folder with a plan: deblurbench run --plan.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="DATASET/MODEL/seed-N, as deblurbench run --plan lists them.")],
    device: Device = "auto",
    workers: Workers = None,
    cache_gigabytes: CacheSize = None,
    debug: Debug = False,
) -> int:
    """Run one cell of a planned experiment (Slurm, or by hand).

    Any machine can that sees its folder and data. When all cells are done, deblurbench run measures their costs and writes
    tables and report.
    """
    from deblurbench.apps.experiments import open_host, run_one_cell

    return run_one_cell(folder, name, open_host(device, workers, cache_gigabytes))


@command(app)
def report(
    folders: Annotated[list[Path], typer.Argument(help="Results folders.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; needed for several.  [default: the folder itself]")] = None,
    show: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Show pictures of these test images alone, with commas between.")
    ] = None,
    debug: Debug = False,
) -> int:
    """Rebuild a report from stored scores, or merge several.

    Several results folders make one comparison.
    """
    from deblurbench.files import require_place
    from deblurbench.report.page import write_report
    from deblurbench.report.reading import read_results

    if out is None and len(folders) > 1:
        raise UsageError("--out: say where the report of several folders should be written")
    if out is not None:
        require_place(out, "--out")
    results = read_results(folders)
    if show is not None:
        results = results.showing([name for name in show.split(",") if name])
    for remark in results.remarks:
        typer.echo(f"note: {remark}")
    typer.echo(f"open  {write_report(results, out or folders[0]).page}")
    return 0


@command(app)
def rate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A results folder with its restored pictures.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="On this machine alone; 0 takes any that is free.")] = 8765,
    debug: Debug = False,
) -> int:
    """Let people vote, blindly, for the better of two pictures.

    They do so in a local page; deblurbench report then shows their votes.
    """
    from deblurbench.apps.web.server import new_server, open_port, require_web

    require_web()
    from deblurbench.apps.web.rating import Rating
    from deblurbench.apps.web.rating_page import rating_app
    from deblurbench.records.paths import VOTES
    from deblurbench.records.votes import cut_off_note
    from deblurbench.report.reading import read_results

    rating = Rating(read_results([folder]), folder / VOTES)
    if note := cut_off_note(folder / VOTES):
        typer.echo(f"{note}; the next vote takes its place")
    server = new_server(rating_app(rating))
    listening = open_port(port)
    typer.echo(f"open  http://{listening.getsockname()[0]}:{listening.getsockname()[1]}  (Ctrl+C ends it)")
    with contextlib.suppress(KeyboardInterrupt):  # how it is meant to end
        server.run(sockets=[listening])
    if count := rating.count:
        typer.echo(f"{count} votes in {folder / VOTES}; deblurbench report {folder} puts them into the report")
    else:
        typer.echo("no votes were cast")
    return 0


@command(app)
def evaluate(
    restored: Annotated[Path, typer.Option(help="A folder of images that any program has written.")],
    sharp: Annotated[Path | None, typer.Option(help="Sharp images of the same names; none: no-reference scores.")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="A recipe, several with commas between, or all.  [default: deblurbench]")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Further metrics: mae, or as in YAML: '[mae, {name: lpips, weights: FILE}]'.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A CSV of every image's scores.")] = None,
    device: Device = "auto",
    debug: Debug = False,
) -> int:
    """Score a folder of restored images, by any recipe.

    Exit code 1: some could not be scored, and which.
    """
    from deblurbench.apps.evaluation import chosen_recipes, describe, describe_alone
    from deblurbench.devices import find_device
    from deblurbench.files import write_csv
    from deblurbench.scoring.image_folders import evaluate_alone, evaluate_pairs

    if out is not None and out.suffix.lower() != ".csv":
        raise UsageError(f"--out: {out} is no name of a CSV file")
    if sharp is None and (recipe or metrics):
        raise UsageError(f"--{'recipe' if recipe else 'metrics'}: needs --sharp, the folder of the sharp counterparts")
    if sharp is None:
        found = evaluate_alone(restored)
        lines = describe_alone(found)
    else:
        recipes = chosen_recipes((recipe or "deblurbench").split(","), metrics or "[]")
        found = evaluate_pairs(restored, sharp, recipes, find_device(device))
        lines = describe(found, recipes)
    for line in lines:
        typer.echo(line)
    for line in found.failed:
        typer.echo(f"failed: {line}", err=True)
    if out is not None:
        write_csv(out, ("image", *found.columns), found.rows)
        typer.echo(f"wrote {out}")
    return 1 if found.failed else 0


@command(app)
def models(debug: Debug = False) -> int:
    """List families, networks, presets and their sizes."""
    from deblurbench.apps.catalogue import describe_models
    from deblurbench.data.cache import open_cache
    from deblurbench.memo import Memo

    for line in describe_models(Memo(open_cache().writable_folder)):
        typer.echo(line)
    return 0

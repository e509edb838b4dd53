"""`deblurbench deblur`: photographs in, sharp photographs out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deblurbench.apps.commands import Debug, Device, parse_seed
from deblurbench.errors import UsageError


def deblur(
    inputs: Annotated[list[Path], typer.Argument(metavar="IN...", help="Photographs, or folders of them.")],
    out: Annotated[Path, typer.Option(help="A folder, or a file name for a single photograph.")],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="Shipped weights by name, a checkpoint of a run, or an ONNX file.  [default: photo]"
        ),
    ] = None,
    results: Annotated[Path | None, typer.Option(metavar="DIR", help="Or a results folder, whose winner is taken.")] = None,
    dataset: Annotated[str | None, typer.Option(help="With --results: the data set on which it has won.")] = None,
    strength: Annotated[
        float, typer.Option(min=0.0, max=1.5, help="How much of the change is applied: 0 none, 1 all, more exaggerates.")
    ] = 1.0,
    compare: Annotated[bool, typer.Option("--compare", help="Draw before and after beside each photograph.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    tile: Annotated[int, typer.Option(help="Pixels a side that the network sees at once; less needs less memory.")] = 1024,
    seed: Annotated[int, typer.Option(parser=parse_seed, metavar="N", help="Of the noise of a model that samples.")] = 0,
    device: Device = "auto",
    verbose: Annotated[bool, typer.Option("--verbose", help="Say how it computes, and how much each was changed.")] = False,
    debug: Debug = False,
) -> int:
    """Deblur photographs of any size.

    The same size, orientation and depth comes out. Outputs that exist are skipped, or an error where all of them do.
    """
    from deblurbench.apps.photo_plan import count_megapixels, plan_files
    from deblurbench.apps.photos import deblur_files, describe
    from deblurbench.apps.restorer_choice import Restoring, choose_restorer, choose_winner
    from deblurbench.images.tiles import CONTEXT

    if tile < (smallest := 4 * CONTEXT):
        raise UsageError(f"--tile: {tile} is too small; give at least {smallest}")
    if model is not None and results is not None:
        raise UsageError("--model, --results: give one of them: what restores, or a results folder whose winner is taken")
    if dataset is not None and results is None:
        raise UsageError("--dataset: needs --results, the folder whose winner on that data set is taken")
    plan = plan_files(inputs, out, overwrites=overwrite)
    how = Restoring(device=device, tile=tile, strength=strength, seed=seed)
    choice = choose_winner(results, dataset, how) if results else choose_restorer(model, how, count_megapixels(plan.files))
    for line in (*choice.lines, *plan.notes, *([f"by {choice.restorer.way}"] if verbose else [])):
        typer.echo(line)
    outcome = deblur_files(choice.restorer, plan.files, draws_comparison=compare)
    for line in outcome.failed:
        typer.echo(f"failed: {line}", err=True)
    for line in describe(outcome, out, tile=tile, verbose=verbose):
        typer.echo(line)
    return 1 if outcome.failed else 0

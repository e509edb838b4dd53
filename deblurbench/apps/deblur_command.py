"""`deblurbench deblur`: photographs in, sharp photographs out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from deblurbench.apps.commands import Debug, Device, parse_seed
from deblurbench.errors import UsageError

Model = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE", help="Shipped weights by name, a checkpoint of a run, or an ONNX file.  [default: photo]"
    ),
]
Strength = Annotated[
    float, typer.Option(min=0.0, max=1.5, help="How much of the change is applied: 0 none, 1 all, more exaggerates.")
]
Tile = Annotated[int, typer.Option(help="The network sees a square of so many pixels a side at once; less needs less memory.")]
Quality = Annotated[
    int | None, typer.Option(min=0, max=63, help="Of videos, the constant rate factor: less is better.  [default: 17]")
]
Deflicker = Annotated[
    bool | None,
    typer.Option(
        "--deflicker/--no-deflicker", help="Of videos: blend what stands still with the frame before.  [default: deflicker]"
    ),
]


def deblur(
    inputs: Annotated[list[Path], typer.Argument(metavar="IN...", help="Photographs, folders of them, or videos.")],
    out: Annotated[Path, typer.Option(help="A folder, or a file name for a single photograph or video.")],
    model: Model = None,
    results: Annotated[Path | None, typer.Option(metavar="DIR", help="Or a results folder, whose winner is taken.")] = None,
    dataset: Annotated[str | None, typer.Option(help="With --results: the data set on which it has won.")] = None,
    strength: Strength = 1.0,
    compare: Annotated[bool, typer.Option("--compare", help="Draw before and after beside each photograph.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    tile: Tile = 1024,
    seed: Annotated[int, typer.Option(parser=parse_seed, metavar="N", help="Of the noise of a model that samples.")] = 0,
    codec: Annotated[str | None, typer.Option(help="Of videos, a codec of FFmpeg.  [default: libx264]")] = None,
    quality: Quality = None,
    deflicker: Deflicker = None,
    device: Device = "auto",
    verbose: Annotated[bool, typer.Option("--verbose", help="Say how it computes, and how much each was changed.")] = False,
    debug: Debug = False,
) -> int:
    """Deblur photographs of any size, and videos.

    The same size, orientation and depth comes out. Outputs that exist are skipped, or an error where all of them do.
    """
    from deblurbench.apps.deblur_outcome import DeblurOutcome, tell
    from deblurbench.apps.photo_plan import plan_files
    from deblurbench.apps.photo_restorers import Restoring
    from deblurbench.apps.photos import deblur_photos
    from deblurbench.apps.restorer_choice import choose_restorer, choose_winner, require_one_source
    from deblurbench.apps.videos import deblur_videos
    from deblurbench.video.clip import require_encoder
    from deblurbench.video.transcoding import USUAL_QUALITY, Encoding

    require_one_source(model, results, dataset)
    plan = plan_files(inputs, out, overwrites=overwrite, draws_comparison=compare)
    if not plan.videos:
        refuse_video_options({"--codec": codec, "--quality": quality, "--deflicker": deflicker})
    elif codec is not None:
        require_encoder(codec)
    how = Restoring(device=device, tile=tile, strength=strength, seed=seed)
    choice = choose_winner(results, dataset, how) if results else choose_restorer(model, how, plan.megapixels)
    require_tile(tile, choice.restorer.tile_context)
    ways = [f"by {choice.restorer.way}"] if verbose else []
    typer.echo("".join(f"{line}\n" for line in (*choice.lines, *plan.notes, *ways)), nl=False)
    outcome = DeblurOutcome()
    if plan.photos:
        deblur_photos(choice.restorer, plan.photos, outcome, draws_comparison=compare)
    if plan.videos:
        encoding = Encoding(codec=codec, quality=USUAL_QUALITY if quality is None else quality)
        deblur_videos(choice.restorer, plan.videos, outcome, encoding, deflickers=deflicker is not False and strength > 0)
    return tell(outcome, out, tile=tile, verbose=verbose)


def refuse_video_options(given: Mapping[str, object]) -> None:
    """Raise UsageError for the first of the options that was given, where there is no video."""
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"{option}: is for videos, of which none is to be deblurred; leave it out")


def require_tile(tile: int, context: int) -> None:
    """Raise UsageError where `tile` is mostly `context`, which is seen around its core."""
    if tile < (smallest := 4 * context):
        raise UsageError(f"--tile: {tile} is too small; give at least {smallest}")

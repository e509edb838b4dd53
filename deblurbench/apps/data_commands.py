"""`deblurbench data ...`: inspect data sets, make them, download them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deblurbench.apps.commands import Debug, command, new_group, parse_seed
from deblurbench.errors import UsageError

data_app = new_group("Inspect data sets, make them, download them.")
PAIRS_DRAWN = 4


@command(data_app, "list")
def list_layouts(debug: Debug = False) -> int:
    """List the layouts, and how to get the data of each."""
    from deblurbench.data.downloads import TORCHVISION
    from deblurbench.data.layouts.base import layout_called
    from deblurbench.registry import LAYOUTS

    for name in LAYOUTS.names():
        origin = layout_called(name).origin
        how = "data get" if origin.kaggle or name in TORCHVISION else "by hand" if origin.folder else ""
        typer.echo(f"{name:20} {how:9} {origin.title}" + (f"; {origin.licence}; {origin.url}" if origin.url else ""))
        if origin.citation:
            typer.echo(f"{'':30} cite: {origin.citation}")
    return 0


@command(data_app)
def check(
    path: Annotated[Path, typer.Argument(help="A folder, as downloaded, or a CSV of pairs.")],
    picture: Annotated[Path | None, typer.Option(help="Draw a few pairs, overlays and differences into this PNG.")] = None,
    debug: Debug = False,
) -> int:
    """Describe the data set at PATH, its pairs, problems and alignment, and what to run. Exit code 1: there are problems."""
    import json

    from deblurbench.apps.next_steps import after_recognition, restoring
    from deblurbench.data.inspection import describe, inspect
    from deblurbench.data.layouts.recognition import recognise
    from deblurbench.data.picture import draw_pairs
    from deblurbench.data.table import evenly_spaced
    from deblurbench.images.writing import write_photo

    if picture is not None and picture.suffix.lower() != ".png":
        raise UsageError(f"--picture: {picture} is no name of a PNG file")
    found = []
    failed = False
    for spec in recognise(path):
        try:
            found.append(inspect(spec, show_progress=True))
        except UsageError as error:  # the other data sets there are still inspected
            typer.echo(f"error: {error}", err=True)
            failed = True
            continue
        for line in describe(found[-1]):
            typer.echo(line)
        typer.echo(f"  in YAML: layout: {json.dumps(spec, ensure_ascii=False)}")
    if not found:
        return UsageError.exit_code
    if picture is not None:
        write_photo(picture, draw_pairs(evenly_spaced([pair for one in found for pair in one.pairs], PAIRS_DRAWN)))
        typer.echo(f"wrote {picture}")
    is_sound = not failed and all(one.is_sound for one in found)
    if not is_sound:
        typer.echo("first see to the problems above; a run leaves out what it cannot use, and says so")
    if all(one.is_mostly_blurred for one in found):
        typer.echo(f"are these to be restored? by the winner of a run: {restoring(path)}")
    typer.echo(f"next: {after_recognition(path, [one.spec for one in found])}")
    return 0 if is_sound else 1


@command(data_app)
def blur(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Sharp photographs, perhaps in train/, validation/, test/.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Gets blur/, sharp/, kernels/ and manifest.json.")],
    kind: Annotated[str, typer.Option(help="gaussian, disk, motion or mixed; or '{name: disk, size: [1, 4]}'.")],
    camera: Annotated[str, typer.Option(help="sensor or old-photo; parameters as in YAML.")] = "sensor",
    seed: Annotated[int, typer.Option(parser=parse_seed, metavar="N", help="The same seed gives the same files.")] = 0,
    file_format: Annotated[str, typer.Option("--format", help="png or jpg.")] = "png",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes.  [default: one a core]")] = None,
    debug: Debug = False,
) -> int:
    """Make a paired data set from sharp photographs; run again to resume."""
    import os

    from deblurbench.data.synthesis import PairSettings, make_pairs, plan_pairs
    from deblurbench.files import require_place
    from deblurbench.images.photo import left_out_note
    from deblurbench.registry import BLURS, CAMERAS
    from deblurbench.yaml_files import parse_yaml

    if file_format not in ("png", "jpg"):
        raise UsageError(f"--format: '{file_format}' is neither png nor jpg")
    require_place(out, "OUT")
    blur_spec = BLURS.resolve(parse_yaml(kind, "--kind"), "--kind")
    camera_spec = CAMERAS.resolve(parse_yaml(camera, "--camera"), "--camera")
    BLURS.build(blur_spec, "--kind"), CAMERAS.build(camera_spec, "--camera")  # raises before the work begins
    tasks = plan_pairs(source)
    for folder in dict.fromkeys(task.source.parent for task in tasks):
        if note := left_out_note(folder):
            typer.echo(note)
    settings = PairSettings(blur=blur_spec, camera=camera_spec, seed=seed, file_format="jpg" if file_format == "jpg" else "png")
    count, failed = make_pairs(tasks, out, settings, workers=min(workers or os.cpu_count() or 1, len(tasks)), say=typer.echo)
    for line in failed:
        typer.echo(f"failed: {line}", err=True)
    typer.echo(f"wrote {count} pairs to {out}: blur/, sharp/ and kernels/ by the same names, and {out / 'manifest.json'}")
    return 1 if failed else 0


@command(data_app)
def get(
    name: Annotated[str, typer.Argument(help="A layout: see `deblurbench data list`.")],
    folder: Annotated[Path, typer.Option("--out", help="Below this folder.")] = Path("data"),
    debug: Debug = False,
) -> int:
    """Download a data set to where the experiments expect it; run again to resume."""
    from deblurbench.data.downloads import download
    from deblurbench.data.layouts.recognition import recognise

    path = download(name, folder, typer.echo)
    for spec in recognise(path):
        typer.echo(f"{path}: layout {', '.join(str(value) for key, value in spec.items() if key != 'path')}")
    return 0


@command(data_app, "clear-cache")
def clear_cache(debug: Debug = False) -> int:
    """Remove the pixel cache; images are decoded again when they are needed."""
    from deblurbench.data.cache import clear, default_cache_folder

    folder = default_cache_folder()
    typer.echo(f"removed {clear(folder) / 1e9:.2f} GB from {folder}")
    return 0

"""`deblurbench init`: from a folder of data to an experiment."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from deblurbench.apps.commands import Debug
from deblurbench.errors import UsageError


def init(
    path: Annotated[Path, typer.Argument(help="A folder of data, or a CSV of pairs.")] = Path("."),
    out: Annotated[Path, typer.Option(metavar="FILE", help="The experiment, a new file.")] = Path("experiment.yaml"),
    debug: Debug = False,
) -> int:
    """Write a commented experiment for the data at PATH."""
    from deblurbench.apps.experiment_file import name_datasets, needs_blur, write_experiment
    from deblurbench.data.inspection import sharpness_caution
    from deblurbench.data.layouts.recognition import recognise
    from deblurbench.files import require_place, write_whole

    if out.suffix not in (".yaml", ".yml"):
        raise UsageError(f"--out: {out} is no name of a YAML file")
    if out.exists():
        raise UsageError(f"{out}: is there already, and is not overwritten; choose another name with --out")
    require_place(out.parent, "--out")
    try:
        specs = name_datasets(recognise(path))
        blurred_here = {name for name, spec in specs.items() if needs_blur(spec)}
    except UsageError as error:
        raise UsageError(f"no experiment was written; {error}") from error
    file = shlex.quote(str(out))
    write_whole(out, write_experiment(specs, blurred_here, file))
    for name, spec in specs.items():
        how = "blurred by us" if name in blurred_here else "pairs as they are"
        typer.echo(f"{name}: {spec['name']} in {spec['path']}, {how}")
        if caution := sharpness_caution(spec):
            typer.echo(f"  {caution}")
    typer.echo(f"wrote {out}, for {len(specs)} data set{'s' * (len(specs) > 1)}; its comments say what each key is for")
    typer.echo(f"next: deblurbench run {file}")
    return 0

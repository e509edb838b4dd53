"""`deblurbench export`: a trained network for other runtimes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deblurbench.apps.commands import Debug
from deblurbench.errors import UsageError


class Target(StrEnum):
    """What a network is exported to."""

    ONNX = "onnx"
    FLOAT16 = "float16"


SUFFIXES = {Target.ONNX: ".onnx", Target.FLOAT16: ".safetensors"}


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Shipped weights by name, or a checkpoint of a run.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to be written, .onnx or .safetensors.")],
    to: Annotated[
        Target,
        typer.Option(
            help="onnx: the network alone; float16: a checkpoint of half the size, and beside it a graph that reads it."
        ),
    ] = Target.ONNX,
    debug: Debug = False,
) -> int:
    """Export a trained network to ONNX or float16.

    Of a CNN or GAN, after ONNX Runtime computed what torch does. Padding and tiles are not part of it: its metadata say what
    its input's sides must be multiples of.
    """
    from deblurbench.files import require_place
    from deblurbench.models.exporting import export_float16, export_onnx, require_exportable
    from deblurbench.models.loading import load, spec_of_checkpoint
    from deblurbench.weights.shipped import weights_path

    if out.suffix.lower() != SUFFIXES[to]:
        raise UsageError(f"--out: {out}: --to {to} writes a {SUFFIXES[to]} file")
    require_place(out.parent, "--out")
    path = weights_path(model)
    restorer = require_exportable(load(path), str(path))
    if to is Target.ONNX:
        difference, written = export_onnx(restorer, out), [out]
    else:
        difference, written = export_float16(restorer, spec_of_checkpoint(path, "MODEL"), out), [out, out.with_suffix(".onnx")]
    typer.echo(f"ONNX Runtime differs from torch by at most {255 * difference:.2g} of 255")
    typer.echo(f"wrote {' and '.join(map(str, written))}")
    return 0

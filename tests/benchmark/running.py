"""Running a small experiment as a person does."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from deblurbench.apps.cli import app

ONE_MODEL = {"cnn": {"name": "cnn", "network": {"name": "unet", "widths": [8], "blocks": 1}}}


def run(experiment: Path, *arguments: str) -> Result:
    """`deblurbench run` into the folder `out` beside the experiment."""
    return CliRunner().invoke(
        app, ["run", str(experiment), "--out", str(experiment.parent / "out"), "--device", "cpu", *arguments]
    )

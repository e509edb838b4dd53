"""Composing an experiment file: building blocks by name, then the overrides of the command line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deblurbench.errors import UsageError, suggestion
from deblurbench.experiment.building_blocks import PACKAGE, compose_block, compose_section
from deblurbench.experiment.overrides import lay_over
from deblurbench.yaml_files import read_yaml

KEYS = ("question", "datasets", "models", "training", "seeds", "recipe", "metrics")


def find_experiment(name: str) -> Path:
    """The file of an experiment: a path, or the name of one in `experiments/` here or beside the package."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if os.path.isfile(path):  # unlike pathlib's, for a name that is too long too
            return path
        raise UsageError(f"{path}: there is no such experiment file")
    folders = [Path("experiments"), PACKAGE.parent / "experiments", PACKAGE / "experiments"]
    for folder in folders:
        if os.path.isfile(folder / f"{name}.yaml"):
            return folder / f"{name}.yaml"
    known = {path.stem for folder in folders if folder.is_dir() for path in folder.glob("*.yaml")}
    raise UsageError(f"unknown experiment '{name}'{suggestion(name, known)}")


def compose(path: Path, overrides: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the content of the experiment file `path` with every building block inserted and `overrides` applied last.

    Also which file each key came from, where that is another. Raises UsageError for unknown keys, blocks and overrides.
    """
    content = read_yaml(path)
    for key in content:
        if key not in KEYS:
            raise UsageError(f"{path}: {key}: unknown key of an experiment{suggestion(str(key), KEYS)}")
    sources: dict[str, str] = {}
    for section in ("datasets", "models"):
        content[section] = compose_section(path, section, content.get(section), sources)
    if "training" in content:
        content["training"] = compose_block(path, "training", "training", content["training"], sources)
    for override in overrides:
        lay_over(path, content, override, KEYS, sources)
    return content, sources

"""The command to type next, complete and fit to be copied into a shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deblurbench.errors import UsageError
from deblurbench.experiment.composition import compose, find_experiment
from deblurbench.registry import Spec
from deblurbench.yaml_files import parse_yaml

# The experiment that is made for the data of a layout; it names the parameters that it was made for.
EXPERIMENTS = {
    "dblur": "celebrity",
    "gopro-large": "gopro",
    "kwentar-blur": "kaggle-blur",
    "mnist": "mnist-motion",
    "paired-folder": "own-pairs",
    "sharp-folder": "own-photos",
}


def after_recognition(path: Path, specs: Sequence[Spec]) -> str:
    """The command that compares models on the data sets `specs` at `path`: a run where an experiment is made for them.

    Else the one that writes an experiment. Data sets of one layout in one folder are subsets, any of which may be meant.
    """
    if len({(spec["name"], spec["path"]) for spec in specs}) == 1:
        for spec in specs:
            if overrides := _overrides(EXPERIMENTS.get(spec["name"], ""), spec):
                return shlex.join(["deblurbench", "run", EXPERIMENTS[spec["name"]], *overrides])
    return shlex.join(["deblurbench", "init", str(path)])


def restoring(path: Path) -> str:
    """The command that restores the photographs at `path`."""
    return f"deblurbench deblur {shlex.quote(str(path))} --results DIR --out OUT"


def flow_yaml(value: Any) -> str:
    """`value` as YAML in one line, with quotes where a text would be read as something else."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {flow_yaml(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow_yaml, value))}]"
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        is_plain = parse_yaml(f"[{value}]", "") == [value]
    except UsageError:
        is_plain = False
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _overrides(experiment: str, spec: Spec) -> list[str]:
    """What makes `experiment` read the data set of `spec`; nothing where it is made for other data."""
    if not experiment:
        return []
    datasets: dict[str, Any] = compose(find_experiment(experiment), [])[0]["datasets"]
    others = {key: value for key, value in spec.items() if key != "path"}
    if any(entry["layout"].get(key) != value for entry in datasets.values() for key, value in others.items()):
        return []
    return [f"datasets.{name}.layout.path={flow_yaml(spec['path'])}" for name in datasets]

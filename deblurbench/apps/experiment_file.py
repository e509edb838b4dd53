"""The experiment file that `deblurbench init` writes: commented, for the data sets that it found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deblurbench.apps.experiment_keys import DATASET, EXPERIMENT, TRAINING
from deblurbench.apps.next_steps import flow_yaml
from deblurbench.data.table import SHOWN
from deblurbench.experiment.composition import compose, find_experiment
from deblurbench.registry import LAYOUTS, Spec
from deblurbench.yaml_files import read_yaml

EXAMPLE = "own-photos"  # the experiment whose models, training and blur are taken
SENTENCES = {
    "cnn": "A U-Net that learns the mean of what the sharp photograph may be: the highest PSNR.",
    "gan": "The same network trained against a critic as well, for sharper looks.",
    "diffusion": "The same network as a denoiser, in steps; the mean of 8 samples.",
    "polyblur": "A method that learns nothing (Delbracio et al. 2021).",
}
LONGEST_NAME = 60  # characters of a data set's
ABOUT_MODELS = "Keys in place of a preset make other models: {name: cnn, network: nafnet-tiny}, say (see deblurbench models)."
ABOUT_TRAINING = "This takes minutes on two CPU cores; for a good deblurrer, hours on a GPU, replace it by: training: standard"


def needs_blur(spec: Spec) -> bool:
    """Whether sharp photographs of the data set `spec` have no blurred side. Raises UsageError where it cannot be read."""
    return any(entry.blurred is None for entry in LAYOUTS.build(spec).table().entries if entry.split != SHOWN)


def name_datasets(specs: Sequence[Spec]) -> dict[str, Spec]:
    """`specs` by names that are fit for folders: that of the folder and of what is chosen in it, numbered where they repeat."""
    named: dict[str, Spec] = {}
    for spec in specs:
        path = Path(spec["path"]).absolute()
        chosen = [str(value) for key, value in spec.items() if key not in ("name", "path")]
        words = "-".join([path.stem if path.is_file() else path.name, *chosen])
        base = re.sub(r"[^A-Za-z0-9._-]+", "-", words).strip("-._")[:LONGEST_NAME] or "photos"
        name, number = base, 2
        while name in named:
            name, number = f"{base}-{number}", number + 1
        named[name] = {**spec, "path": str(path)}
    return named


def write_experiment(specs: dict[str, Spec], blurred_here: set[str], file: str) -> str:
    """The text of an experiment on the data sets `specs`; those called `blurred_here` get a blur. `file` is its name."""
    source = find_experiment(EXAMPLE)
    content, _ = compose(source, [])
    (preset,) = content["datasets"].values()
    lines = [
        f"# Run it:        deblurbench run {file}",
        f"# Only check it: deblurbench run {file} --dry-run",
        f"# Any key can be changed on the command line, too: deblurbench run {file} training.steps=2000",
        "# docs/experiment.md lists all keys, with their defaults.",
        "",
        *_commented("question", EXPERIMENT, "Which model restores these photographs best?"),
        "",
        f"# {EXPERIMENT['datasets']}",
        "datasets:",
    ]
    for name, spec in specs.items():
        keys = {"layout": spec, **({key: preset[key] for key in ("blur", "camera")} if name in blurred_here else {})}
        lines += [f"  {name}:", *_block({**keys, "test_crop": preset["test_crop"]}, DATASET, indent=4)]
    lines += ["", f"# {EXPERIMENT['models']}", f"# {ABOUT_MODELS}", "models:"]
    for name, model in read_yaml(source)["models"].items():
        lines += [*([f"  # {SENTENCES[name]}"] if name in SENTENCES else []), f"  {name}: {flow_yaml(model)}"]
    lines += ["", f"# {EXPERIMENT['training']}", f"# {ABOUT_TRAINING}", "training:"]
    lines += [*_block(content["training"], TRAINING, indent=2), ""]
    for key, value in (("seeds", [0]), ("recipe", content["recipe"]), ("metrics", [])):
        lines += _commented(key, EXPERIMENT, value)
    return "\n".join([*lines, ""])


def _block(keys: dict[str, Any], sentences: dict[str, str], indent: int) -> Iterator[str]:
    for key, value in keys.items():
        yield from (f"{' ' * indent}{line}" for line in _commented(key, sentences, value))


def _commented(key: str, sentences: dict[str, str], value: Any) -> list[str]:
    return [f"# {sentences[key]}", f"{key}: {flow_yaml(value)}"]

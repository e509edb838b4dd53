"""Writes docs/experiment.md, every key of an experiment file, from the code. Run: python docs/write_experiment_keys.py."""

from __future__ import annotations

import inspect
import re
import tempfile
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deblurbench.apps import experiment_keys as sentences
from deblurbench.data.dataset import open_dataset
from deblurbench.experiment.experiment import load_experiment
from deblurbench.experiment.sweeps import sweep_changes
from deblurbench.metrics.recipe import recipes
from deblurbench.registry import (
    ADVERSARIAL_LOSSES,
    BLURS,
    CAMERAS,
    CLASSICAL,
    DISCRIMINATORS,
    LAYOUTS,
    LOSSES,
    MAX_SIZE,
    METRICS,
    MODELS,
    NETWORKS,
    Registry,
)
from deblurbench.training.settings import Patches, TrainingSettings

PAGE = Path(__file__).parent / "experiment.md"
PLAIN = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`", Any: "value"}
COUNTS = {2: "two", 3: "three"}
EXPERIMENT_TYPES = {
    "question": "text",
    "datasets": "names, or keys by name",
    "models": "names, or keys by name",
    "training": "name or keys",
    "seeds": "list of whole numbers",
    "recipe": "name",
    "metrics": "list of metrics",
}
MODEL_TYPES = {
    "base": "name",
    "name": "name",
    "training": "keys",
    "variants": "keys by name",
    "start": "name or path",
    "sweep": "keys",
}
REGISTRIES: dict[str, tuple[Registry, str]] = {
    "Layouts": (LAYOUTS, "`datasets.NAME.layout`"),
    "Blurs": (BLURS, "`datasets.NAME.blur`"),
    "Cameras": (CAMERAS, "`datasets.NAME.camera`"),
    "Families of models": (MODELS, "`models.NAME`"),
    "Networks": (NETWORKS, "`network` of a model"),
    "Discriminators": (DISCRIMINATORS, "`discriminator` of a GAN"),
    "Losses": (LOSSES, "`losses` of a model"),
    "Adversarial losses": (ADVERSARIAL_LOSSES, "`adversarial` of a GAN"),
    "Classical methods": (CLASSICAL, "`method` of `classical`"),
    "Metrics": (METRICS, "`metrics`"),
}
SUPPLIED = frozenset({"self", "in_channels", "out_channels", "condition_channels"})  # by the code
INTRODUCTION = """# Every key of an experiment file

An experiment is a YAML file; `deblurbench init` writes one with comments for the data that is there. Any key can be given on
the command line, too: `deblurbench run FILE training.steps=2000`. A name stands for keys: `blur: motion` is
`blur: {name: motion}`. An unknown key is an error that suggests the nearest.

This page is written from the code by `python docs/write_experiment_keys.py`, and a test compares them.
"""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    parts += section("The file", table(sentences.EXPERIMENT, EXPERIMENT_TYPES, experiment_defaults()))
    parts.append(f"Recipes: {', '.join(f'`{name}`' for name in recipes())}; [what they compute](scores.md).\n")
    parts += section("A data set: `datasets.NAME`", table_of(open_dataset, sentences.DATASET, {"name", "cache"}))
    model_defaults = dict.fromkeys(sentences.MODEL, "") | {"name": "required, unless `base` has it"}
    parts += section("A model: `models.NAME`", table(sentences.MODEL, MODEL_TYPES, model_defaults))
    parts.append(
        "`{trained: NAME}` in place of a model within a model is another one, weights that ship (`photo`), or a checkpoint.\n"
    )
    parts += section("A sweep: `models.NAME.sweep`", table_of(sweep_changes, sentences.SWEEP))
    parts += section("Training: `training` and `models.NAME.training`", table_of(TrainingSettings, sentences.TRAINING))
    parts.append("One of `steps`, `minutes` and `teramacs` is required.\n")
    stages = typing.get_type_hints(Patches, include_extras=True)
    types_of_stages = {key: type_text(annotation) for key, annotation in stages.items()}
    parts += section("`training.progressive[]`", table(sentences.PATCHES, types_of_stages, dict.fromkeys(stages, "required")))
    for title, (registry, place) in REGISTRIES.items():
        parts += section(title, registered(registry), f"As `name` in {place}.")
    return "\n".join(parts)


def section(title: str, rows: Iterator[str], about: str = "") -> Iterator[str]:
    """A heading, perhaps a sentence, and a table."""
    yield "\n".join([f"## {title}", *(["", about] if about else []), "", *rows, ""])


def table(about: Mapping[str, str], kinds: Mapping[str, str], defaults: Mapping[str, str]) -> Iterator[str]:
    """A row for each key. Raises KeyError where the three name other keys."""
    if different := set(about) ^ set(kinds) | set(about) ^ set(defaults):
        raise KeyError(f"in the code or in apps/experiment_keys.py alone: {sorted(different)}")
    yield "| key | type | default | |"
    yield "| --- | --- | --- | --- |"
    for key in kinds:
        yield f"| `{key}` | {kinds[key]} | {defaults[key]} | {about[key]} |"


def table_of(constructor: Callable[..., Any], about: Mapping[str, str], given: set[str] | None = None) -> Iterator[str]:
    """A row for each keyword argument of `constructor` that is not `given` by the code."""
    parameters = {key: each for key, each in arguments_of(constructor).items() if key not in (given or set())}
    kinds = {key: type_text(annotation) for key, (annotation, _) in parameters.items()}
    yield from table(about, kinds, {key: default_text(default) for key, (_, default) in parameters.items()})


def registered(registry: Registry) -> Iterator[str]:
    """A row for each registered class: its keys with types and defaults, and the first sentence of its docstring."""
    yield "| name | keys | |"
    yield "| --- | --- | --- |"
    for name, cls in ((name, registry.get(name)) for name in registry.names()):
        if not cls.__module__.startswith("deblurbench."):  # of another package that is installed
            continue
        keys = [
            f"`{key}`: {type_text(annotation)} ({default_text(default)})"
            for key, (annotation, default) in arguments_of(cls).items()
            if key not in SUPPLIED
        ]
        yield f"| `{name}` | {'<br>'.join(keys)} | {first_sentence(cls)} |"


def arguments_of(constructor: Callable[..., Any]) -> dict[str, tuple[Any, Any]]:
    """(annotation, default) of each argument of a class or function."""
    initialize = constructor.__init__ if isinstance(constructor, type) else constructor  # type: ignore[misc]
    hints = typing.get_type_hints(initialize, include_extras=True)
    parameters = inspect.signature(constructor).parameters
    return {key: (hints[key], parameter.default) for key, parameter in parameters.items() if key in hints}


def experiment_defaults() -> dict[str, str]:
    """The defaults of the file's own keys: what an experiment is resolved to that gives none of them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "smallest.yaml"
        path.write_text("datasets: [photos-gaussian]\nmodels: [cnn-unet-small]\ntraining: {steps: 1}\n")
        resolved = load_experiment(path).resolved
    optional = {key: default_text(resolved[key]) for key in ("question", "seeds", "metrics")}
    recipe = default_text(resolved["recipe"].partition("@")[0])
    return dict.fromkeys(sentences.EXPERIMENT, "required") | optional | {"recipe": recipe}


def type_text(annotation: Any) -> str:
    """An annotation in words, with its bounds."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        registry = next((extra for extra in arguments[1:] if isinstance(extra, Registry)), None)
        if registry is not None:
            return registry.kind
        return " ".join(filter(None, (type_text(arguments[0]), bounds_text(arguments[1:]))))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(type_text(each) for each in arguments if each is not type(None)))
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return f"{COUNTS[len(arguments)]} {plural(type_text(arguments[0]))}"
    if origin in (tuple, list, Sequence):
        return f"list of {plural(type_text(arguments[0]))}"
    if origin is dict:
        return f"{plural(type_text(arguments[1]))} by key"
    return "stage" if annotation is Patches else PLAIN[annotation]


def plural(kind: str) -> str:
    """The plural of what `type_text` returns."""
    return re.sub(r"^list|number|loss$|\w+$", lambda found: found[0] + ("es" if found[0] == "loss" else "s"), kind, count=1)


def bounds_text(extras: Sequence[Any]) -> str:
    """The bounds that extras of Annotated set, without those that only keep a machine from its limits."""
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    bounds = [(sign, getattr(extra, name, None)) for extra in extras for name, sign in signs.items()]
    return ", ".join(f"{sign} {bound}" for sign, bound in bounds if bound is not None and abs(bound) < MAX_SIZE)


def default_text(default: Any) -> str:
    """A default as YAML has it."""
    if default is inspect.Parameter.empty:
        return "required"
    if default is None:
        return "`null`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, str):
        return f"`{default}`" if default else "empty"
    if isinstance(default, tuple | list):
        return f"`[{', '.join(str(value) for value in default)}]`"
    return f"`{default}`"


def first_sentence(cls: type) -> str:
    """The first sentence of a docstring, fit for a table."""
    first = " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[^.]\.) (?=[A-Z`])(?<!et al\. )(?<! A\. )", first, maxsplit=1)[0].replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

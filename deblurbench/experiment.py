"""What an experiment file may say, checked against the constructors that it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from deblurbench.data.dataset import open_dataset
from deblurbench.errors import UsageError, suggestion
from deblurbench.metrics.recipe import find_recipe
from deblurbench.models.loading import with_restoring_parameters
from deblurbench.registry import MODELS, Spec, check_arguments, check_value
from deblurbench.training.settings import TrainingSettings
from deblurbench.yaml_files import parse_yaml, read_yaml

BLURRED, SHARP = "blurred", "sharp"  # the untouched input, and the truth: rows and folders of their own
KEYS = ("question", "datasets", "models", "training", "seeds", "recipe")
PACKAGE = Path(__file__).parent
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class ModelEntry:
    """One model of an experiment: what is trained, how, and the other ways to restore with the same weights."""

    spec: Spec
    training: TrainingSettings
    variants: dict[str, Spec]  # by name: the whole spec, differing in restoring parameters


@dataclass(frozen=True)
class Experiment:
    """A checked experiment. `resolved` is the whole of it as plain values: what an identical experiment file would say."""

    name: str
    question: str
    datasets: dict[str, Spec]
    models: dict[str, ModelEntry]
    seeds: list[int]
    recipe: str

    @property
    def resolved(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "datasets": self.datasets,
            "models": {
                name: {
                    **entry.spec,
                    "training": _plain(asdict(entry.training)),
                    "variants": {
                        label: {key: spec[key] for key in spec if spec[key] != entry.spec[key]}
                        for label, spec in entry.variants.items()
                    },
                }
                for name, entry in self.models.items()
            },
            "seeds": self.seeds,
            "recipe": self.recipe,
        }


def find_experiment(name: str) -> Path:
    """The file of an experiment: a path, or the name of one in `experiments/` here or beside the package."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if path.is_file():
            return path
        raise UsageError(f"{path}: there is no such experiment file")
    folders = [Path("experiments"), PACKAGE.parent / "experiments", PACKAGE / "experiments"]
    for folder in folders:
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    known = {path.stem for folder in folders if folder.is_dir() for path in folder.glob("*.yaml")}
    raise UsageError(f"{name}: no experiment is called so{suggestion(name, known)}")


def load_experiment(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read, complete and check the experiment in `path`, with `key.path=value` overrides applied last.

    Raises UsageError, naming the file and the key, for anything that would fail later: every model is built once,
    without memory for its weights.
    """
    content = read_yaml(path)
    for key in content:
        if key not in KEYS:
            raise UsageError(f"{path}: {key}: unknown key of an experiment{suggestion(str(key), KEYS)}")
    sources: dict[str, Path] = {}
    for section in ("datasets", "models"):
        content[section] = _named_blocks(path, section, content.get(section), sources)
    if "training" in content:
        content["training"] = _block(path, "training", "training", content["training"], sources)
    for override in overrides:
        _override(content, override)
    return _checked(path, content, sources)


def _checked(path: Path, content: dict[str, Any], sources: dict[str, Path]) -> Experiment:
    def checked(key: str, check: Any) -> Any:
        try:
            return check()
        except UsageError as error:
            raise UsageError(f"{sources.get(key, path)}: {error}") from error

    training = content.get("training", {})
    datasets = {
        name: checked(f"datasets.{name}", lambda n=name, v=value: _check_dataset(n, v))
        for name, value in content["datasets"].items()
    }
    models = {
        name: checked(f"models.{name}", lambda n=name, v=value: _check_model(n, v, training))
        for name, value in content["models"].items()
    }
    labels = [*models, *(label for entry in models.values() for label in entry.variants), BLURRED, SHARP]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"{path}: models: '{label}' names two things (or is reserved); rename one")
    return Experiment(
        name=path.stem,
        question=checked("", lambda: check_value(str, content.get("question", ""), "question")),
        datasets=datasets,
        models=models,
        seeds=checked("", lambda: check_value(list[int], content.get("seeds", [0]), "seeds")),
        recipe=checked("", lambda: find_recipe(check_value(str, content.get("recipe", "deblurbench"), "recipe")).name),
    )


def _check_dataset(name: str, value: Any) -> Spec:
    where = f"datasets.{name}"
    return check_arguments(open_dataset, _mapping(value, where), where, "a data set", frozenset({"name", "cache"}))


def _check_model(name: str, value: Any, training: Any) -> ModelEntry:
    where = f"models.{name}"
    entry = dict(_mapping(value, where))
    own_training = _mapping(entry.pop("training", {}), f"{where}.training")
    variants = _mapping(entry.pop("variants", {}), f"{where}.variants")
    spec = MODELS.resolve(entry, where)
    with torch.device("meta"):  # finds what a constructor would refuse, at no cost
        MODELS.build(spec, where)
    settings = check_arguments(
        TrainingSettings, {**_mapping(training, "training"), **own_training}, f"{where}.training", "a training"
    )
    return ModelEntry(
        spec=spec,
        training=TrainingSettings(**settings),
        variants={
            _name(label, f"{where}.variants"): with_restoring_parameters(
                spec, _mapping(changes, f"{where}.variants.{label}"), f"{where}.variants.{label}"
            )
            for label, changes in variants.items()
        },
    )


def _named_blocks(path: Path, section: str, value: Any, sources: dict[str, Path]) -> dict[str, Any]:
    """A section as {name: block}: given as such, or as a list of names of building blocks."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        value = {str(name): str(name) for name in value}
    if not isinstance(value, dict) or not value:
        raise UsageError(f"{path}: {section}: give at least one, by the name of a block in configs/{section}/ or in full")
    return {
        _name(name, f"{path}: {section}"): _block(path, section, f"{section}.{name}", block, sources)
        for name, block in value.items()
    }


def _block(path: Path, section: str, key: str, value: Any, sources: dict[str, Path]) -> Any:
    """A building block: the name of a file in configs/SECTION/, or a mapping, perhaps with such a `base` that it changes."""
    if isinstance(value, str):
        value = {"base": value}
    if not isinstance(value, dict) or "base" not in value:
        return value
    base = value["base"]
    changes = {name: item for name, item in value.items() if name != "base"}
    folders = [folder / "configs" / section for folder in (*path.resolve().parents, PACKAGE.parent, PACKAGE)]
    found = next((folder / f"{base}.yaml" for folder in folders if (folder / f"{base}.yaml").is_file()), None)
    if found is None:
        known = {file.stem for folder in folders if folder.is_dir() for file in folder.glob("*.yaml")}
        raise UsageError(f"{path}: {key}: there is no configs/{section}/{base}.yaml{suggestion(str(base), known)}")
    if not changes:
        sources[key] = found
    return _merged(read_yaml(found), changes)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, mapping by mapping; a mapping with another `name` replaces the whole."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        same_kind = isinstance(old, dict) and isinstance(value, dict) and value.get("name", old.get("name")) == old.get("name")
        merged[key] = _merged(old, value) if same_kind else value  # type: ignore[arg-type]
    return merged


def _override(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    names = key.split(".")
    if not equals or not all(names):
        raise UsageError(f"{override}: expected key.path=value, for instance training.steps=1000")
    if names[0] not in KEYS:
        raise UsageError(f"{override}: unknown key of an experiment{suggestion(names[0], KEYS)}")
    if names[0] in ("datasets", "models") and (len(names) < 3 or names[1] not in content[names[0]]):
        raise UsageError(f"{override}: names none of the experiment's {names[0]}{suggestion(names[1] if len(names) > 1 else '', content[names[0]])}")
    here = content
    for name in names[:-1]:
        below = here.setdefault(name, {})
        if isinstance(below, str):  # a bare name, to which parameters are now given
            below = here[name] = {"name": below}
        if not isinstance(below, dict):
            raise UsageError(f"{override}: '{name}' holds no keys")
        here = below
    here[names[-1]] = parse_yaml(text, override)


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{where}: expected keys and values, not {value!r}")
    return value


def _name(name: Any, where: str) -> str:
    if not NAME.fullmatch(str(name)):
        raise UsageError(f"{where}: '{name}' cannot name a folder; use letters, digits, '.', '_' and '-'")
    return str(name)


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}

"""An experiment file, checked against the constructors that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import MaxLen

from deblurbench.data.dataset import open_dataset
from deblurbench.errors import UsageError
from deblurbench.experiment.building_blocks import mapping
from deblurbench.experiment.composition import compose
from deblurbench.experiment.model_entries import ModelEntry, check_models
from deblurbench.experiment.references import with_strings
from deblurbench.metrics.recipe import Recipe, find_recipe
from deblurbench.randomness import Seed
from deblurbench.records.paths import BLURRED, SHARP
from deblurbench.registry import Spec, check_arguments, check_value
from deblurbench.training.settings import TrainingSettings

MOST_CELLS = 10_000  # each is looked for and named before work begins, and the least of them takes minutes
Seeds = Annotated[list[Seed], MaxLen(1000)]


@dataclass(frozen=True)
class Experiment:
    """A checked experiment. `resolved` is the whole of it as plain values: what an identical experiment file would say."""

    name: str
    question: str
    datasets: dict[str, Spec]
    models: dict[str, ModelEntry]
    seeds: list[int]
    recipe: Recipe

    @property
    def resolved(self) -> dict[str, Any]:
        """Plain values, with absolute paths, so that a process anywhere on this machine finds the same files.

        Settings that the models' trainings share stand once, so that an override reaches all of them.
        """
        trainings = {name: _plain(asdict(entry.training)) for name, entry in self.models.items()}
        first = next(iter(trainings.values()))
        shared = {key: value for key, value in first.items() if all(other[key] == value for other in trainings.values())}
        return {
            "question": self.question,
            "datasets": {name: _with_absolute(spec, _layout_paths(spec)) for name, spec in self.datasets.items()},
            "models": {
                name: {
                    **_with_absolute(entry.written_spec, entry.paths),
                    **(_with_absolute({"start": entry.start}, entry.paths) if entry.start else {}),
                    **({"sweep": entry.sweep.given} if entry.sweep else {}),
                    "training": {key: value for key, value in trainings[name].items() if key not in shared},
                    "variants": {
                        label: {key: spec[key] for key in spec if spec[key] != entry.spec[key]}
                        for label, spec in entry.variants.items()
                    },
                }
                for name, entry in self.models.items()
            },
            "training": shared,
            "seeds": self.seeds,
            "recipe": self.recipe.title,
            "metrics": [_with_absolute(spec, {Path(str(spec.get("weights")))}) for spec in self.recipe.further],
        }


def load_experiment(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read, complete and check the experiment in `path`, with `key.path=value` overrides applied last.

    Raises UsageError, naming the file and the key, for anything that would fail later: every model is built once,
    without memory for its weights.
    """
    content, sources = compose(path, overrides)
    return _checked(path, content, sources)


def _checked(path: Path, content: dict[str, Any], sources: dict[str, str]) -> Experiment:
    def checked(key: str, check: Any) -> Any:
        try:
            return check()
        except UsageError as error:
            raise UsageError(f"{sources.get(key, path)}: {error}") from error

    training = checked("training", lambda: _check_shared_training(content.get("training", {})))
    datasets = {
        name: checked(f"datasets.{name}", lambda n=name, v=value: _check_dataset(n, v))
        for name, value in content["datasets"].items()
    }
    models = check_models(path, content["models"], training, checked)
    labels = [label for name, entry in models.items() for label in (name, *entry.variants, *entry.candidates)]
    labels += [BLURRED, SHARP]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"{path}: models: '{label}' names two things (or is reserved); rename one")
    seeds = checked("seeds", lambda: _check_seeds(content.get("seeds", [0])))
    count = len(datasets) * len(labels) * len(seeds)
    if count > MOST_CELLS:
        raise UsageError(f"{path}: {count:,} cells are more than {MOST_CELLS:,}; make several experiments of them")
    return Experiment(
        name=path.stem,
        question=checked("", lambda: check_value(str, content.get("question", ""), "question")),
        datasets=datasets,
        models=models,
        seeds=seeds,
        recipe=checked("", lambda: _check_recipe(content)),
    )


def _check_dataset(name: str, value: Any) -> Spec:
    where = f"datasets.{name}"
    return check_arguments(open_dataset, mapping(value, where), where, "a data set", frozenset({"name", "cache"}))


def _check_recipe(content: dict[str, Any]) -> Recipe:
    return find_recipe(check_value(str, content.get("recipe", "deblurbench"), "recipe"), content.get("metrics", []))


def _check_shared_training(value: Any) -> dict[str, Any]:
    """The experiment's own training section, as given; each model may complete and change it."""
    given = mapping(value, "training")
    check_arguments(TrainingSettings, given, "training", "a training")
    return given


def _check_seeds(value: Any) -> list[int]:
    seeds: list[int] = check_value(Seeds, value, "seeds")
    if not seeds or len(set(seeds)) != len(seeds):
        raise UsageError(f"seeds: {seeds}: give at least one, and each once")
    return seeds


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}


def _layout_paths(dataset: Spec) -> set[Path]:
    """The paths that the layout of a data set reads, and those nested in it."""
    found: set[Path] = set()
    waiting: list[Any] = [dataset["layout"]]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
            found |= {Path(one["path"])} if "path" in one else set()
            found |= {Path(one["split"])} if isinstance(one.get("split"), str) and Path(one["split"]).is_file() else set()
        elif isinstance(one, list):
            waiting += one
    return found


def _with_absolute(spec: Spec, paths: set[Path]) -> Spec:
    """`spec` with `paths` made absolute wherever they stand in it."""
    absolute: Spec = with_strings(spec, lambda text: str(Path(text).expanduser().absolute()) if Path(text) in paths else text)
    return absolute

"""The models of an experiment, checked against the constructors that they name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import torch

from deblurbench.errors import UsageError, suggestion
from deblurbench.experiment.building_blocks import MOST_MODELS, folder_name, insert_network_presets, mapping
from deblurbench.experiment.references import TRAINED, is_checkpoint, require_bounded, with_references, with_strings
from deblurbench.experiment.sweeps import Sweep, read_sweep
from deblurbench.files import file_hash
from deblurbench.models.base import Model, Restorer, family
from deblurbench.models.loading import require_fitting_start, spec_of_checkpoint, with_restoring_parameters
from deblurbench.registry import MODELS, Spec, check_arguments
from deblurbench.training.settings import TrainingSettings
from deblurbench.weights.shipped import find_shipped, shipped_weights
from deblurbench.yaml_files import MAX_DEPTH

Check = Callable[[str, Callable[[], Any]], Any]


class Weights(Enum):
    """Where the weights of a model come from."""

    TRAINED = "trained in this experiment"
    GIVEN = "given trained, by other models of the experiment or checkpoints"
    OWN = "brought by the model itself, in files"
    NONE = "none"


@dataclass(frozen=True)
class ModelEntry:
    """One model of an experiment: where its weights come from, and the other ways to restore with the same weights.

    A source is the name of another model of the experiment or the path of a checkpoint. `sources` are those of the
    restorers within this one, by their place in it; `start` gives its own first weights.
    """

    spec: Spec
    training: TrainingSettings
    weights: Weights = Weights.NONE
    weight_files: tuple[Path, ...] = ()  # that the model brings itself
    is_oracle: bool = False
    variants: dict[str, Spec] = field(default_factory=dict)  # by name: the whole spec, differing in restoring parameters
    sources: dict[str, str] = field(default_factory=dict)
    start: str | None = None
    sweep: Sweep | None = None
    candidates: dict[str, ModelEntry] = field(default_factory=dict)  # of the sweep, by name

    @property
    def is_trained(self) -> bool:
        """Whether this experiment trains it."""
        return self.weights is Weights.TRAINED

    @property
    def written_spec(self) -> Spec:
        """The spec as an experiment file would have it: references in place of the specs that they refer to."""
        return with_references(self.spec, self.sources, "")

    @property
    def needs(self) -> list[str]:
        """The models of the experiment that must be trained before this one."""
        sources = [source for entry in (self, *self.candidates.values()) for source in (*entry.sources.values(), entry.start)]
        return [source for source in sources if source and not is_checkpoint(source)]

    @property
    def paths(self) -> set[Path]:
        """The files that its spec names: checkpoints, and weights that it brings itself."""
        sources = {Path(source) for source in (*self.sources.values(), self.start) if source and is_checkpoint(source)}
        return sources | set(self.weight_files)

    def portable(self, spec: Spec) -> Spec:
        """`spec`, its own or a variant's, with the hash of each file of weights in place of its path, which may change."""
        hashes = {path: file_hash(path, "blake2b") for path in self.weight_files}
        portable: Spec = with_strings(spec, lambda text: hashes.get(Path(text), text))
        return portable


def check_models(path: Path, models: dict[str, Any], training: dict[str, Any], checked: Check) -> dict[str, ModelEntry]:
    """The entries of an experiment's `models`, each with the shared `training` completed and changed by its own.

    Raises UsageError for anything that would fail later, by way of `checked`, which knows the file that a key came from;
    every model is built once, without memory for its weights. `path` is the experiment file.
    """
    entries = _EntryResolver(path, models, training)
    return {name: checked(f"models.{name}", partial(entries.entry, name)) for name in models}


def topological_order(entries: dict[str, ModelEntry]) -> list[str]:
    """Their names, each after those that it needs, and otherwise as they stand."""
    labels = {label: name for name, entry in entries.items() for label in (name, *entry.variants)}
    ordered: list[str] = []

    def add(name: str) -> None:
        for label in entries[name].needs:
            add(labels[label])
        if name not in ordered:
            ordered.append(name)

    for name in entries:
        add(name)
    return ordered


class _EntryResolver:
    """Checks entries on demand, because one may refer to another."""

    def __init__(self, path: Path, models: dict[str, Any], training: dict[str, Any]) -> None:
        self._path, self._models, self._training = path, models, training
        self._checked: dict[str, ModelEntry] = {}
        self._open: list[str] = []
        self._count = 0  # of models that are built

    def entry(self, name: str) -> ModelEntry:
        if name not in self._checked:
            if name in self._open:
                raise UsageError(f"models.{name}: refers to itself, through {' -> '.join([*self._open, name])}")
            if len(self._open) == MAX_DEPTH:
                raise UsageError(f"models.{name}: is needed by {MAX_DEPTH} models, each by the next; refer to fewer")
            self._open.append(name)
            self._checked[name] = self._entry(name, mapping(self._models[name], f"models.{name}"))
            self._open.pop()
        return self._checked[name]

    def _entry(self, name: str, given: dict[str, Any]) -> ModelEntry:
        where = f"models.{name}"
        content = insert_network_presets(self._path, given, where)
        sweep = read_sweep(content.pop("sweep", None), f"{where}.sweep", name)
        self._count += len(sweep.changes) if sweep else 1
        if self._count > MOST_MODELS:
            raise UsageError(f"{where}: makes more than {MOST_MODELS} models, candidates of sweeps included; leave some out")
        if sweep is None:
            return self._single(where, content)
        if content.pop("variants", None):
            raise UsageError(f"{where}.variants: of a sweep, the best of several is restored with; leave one of them out")
        candidates = {
            label: self._single(f"{where} ({label})", insert_network_presets(self._path, changed, where))
            for label, changed in sweep.candidates(_with_default_specs(content, where))
        }
        for label, candidate in candidates.items():
            if not candidate.is_trained:
                raise UsageError(f"{where}.sweep: {label} is not trained, so nothing can be chosen by validation")
        first = next(iter(candidates.values()))
        return replace(first, sweep=sweep, candidates=candidates)

    def _single(self, where: str, given: dict[str, Any]) -> ModelEntry:
        content = dict(given)
        own_training = mapping(content.pop("training", {}), f"{where}.training")
        variants = mapping(content.pop("variants", {}), f"{where}.variants")
        start = content.pop("start", None)
        sources: dict[str, str] = {}
        dereferenced = self._dereference(content, "", where, sources)
        require_bounded(dereferenced, where)
        spec = MODELS.resolve(dereferenced, where)
        with torch.device("meta"):  # finds what a constructor would refuse, at no cost
            model: Restorer = MODELS.build(spec, where)
        weights, files = _weights(model, sources, where), model.weight_files()
        if weights is Weights.TRAINED and model.is_oracle:
            raise UsageError(f"{where}: cannot be trained on what an oracle restores: training does not know the true kernels")
        if start is not None:
            start = self._source(start) if isinstance(start, str) else start
            self._check_start(model, start, f"{where}.start")
        return ModelEntry(
            spec=spec,
            training=check_training({**self._training, **own_training}, f"{where}.training"),
            weights=weights,
            weight_files=files,
            is_oracle=model.is_oracle,
            variants={
                folder_name(label, f"{where}.variants"): with_restoring_parameters(
                    spec, mapping(changes, f"{where}.variants.{label}"), f"{where}.variants.{label}"
                )
                for label, changes in variants.items()
            },
            sources=sources,
            start=start,
        )

    def _dereference(self, value: Any, place: str, where: str, sources: dict[str, str]) -> Any:
        """`value` with the specs of the models that it refers to in the place of the references, which go to `sources`."""
        if isinstance(value, list):
            return [self._dereference(item, f"{place}.{index}", where, sources) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if TRAINED not in value:
            return {key: self._dereference(item, f"{place}.{key}", where, sources) for key, item in value.items()}
        if len(value) > 1 or not isinstance(value[TRAINED], str):
            raise UsageError(
                f"{where}{place}: expected only {{{TRAINED}: NAME}}: a model of the experiment, weights that ship, or a file"
            )
        source = self._source(value[TRAINED])
        spec = self._spec_of(source, f"{where}{place}.{TRAINED}")
        if self._has_weights(source):  # of a classical method, what it is says all
            sources[place.removeprefix(".")] = source
        return spec

    def _source(self, name: str) -> str:
        """A source as it is written, with the checkpoint of shipped weights in place of their name.

        Another model of the experiment comes before shipped weights of its name; a model never refers to itself.
        """
        shipped = find_shipped(name)
        if shipped is None or self._owner(name) not in (None, self._open[-1]):
            return name
        return str(shipped.checkpoint)

    def _spec_of(self, source: str, where: str) -> Spec:
        if is_checkpoint(source):
            return spec_of_checkpoint(Path(source), where)
        owner = self._owner(source)
        if owner is None:
            known = [label for name, entry in self._models.items() for label in _labels(name, entry)] + list(shipped_weights())
            raise UsageError(f"{where}: unknown model '{source}'{suggestion(source, known)}")
        entry = self.entry(owner)
        if entry.sweep is not None:
            raise UsageError(f"{where}: '{source}' is a sweep, and which of it is best is not known before it has run")
        return entry.variants.get(source, entry.spec)

    def _owner(self, source: str) -> str | None:
        """The entry that a source belongs to, by its own name or that of a variant."""
        return next((name for name, entry in self._models.items() if source in _labels(name, entry)), None)

    def _has_weights(self, source: str) -> bool:
        owner = self._owner(source)
        return owner is None or self.entry(owner).is_trained or bool(self.entry(owner).sources)

    def _check_start(self, model: Restorer, start: Any, where: str) -> None:
        if not isinstance(start, str):
            raise UsageError(f"{where}: expected a model of the experiment, weights that ship or a checkpoint, not {start!r}")
        with torch.device("meta"):
            source: Restorer = MODELS.build(self._spec_of(start, where), where)
        if not source.restoring_modules:
            raise UsageError(f"{where}: '{start}' has no weights to start from")
        require_fitting_start(model, source.restoring_state(), f"{where}: {start}")


def check_training(given: dict[str, Any], where: str) -> TrainingSettings:
    """The settings of a training. Raises UsageError that names the key, or `where` for what does not go together."""
    arguments = check_arguments(TrainingSettings, given, where, "a training")
    try:
        return TrainingSettings(**arguments)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error


def _weights(model: Restorer, sources: dict[str, str], where: str) -> Weights:
    """Where the weights of `model` come from; nothing will train those that are given trained.

    Raises UsageError where a network would have no trained weights, or a file of weights is missing.
    """
    for place in sources:
        model.get_submodule(place).requires_grad_(False)
    groups = model.trained_parameters() if isinstance(model, Model) else {}
    trained = {id(value) for values in groups.values() for value in values}
    for path in model.weight_files():
        if not path.is_file():
            raise UsageError(f"{where}: {path}: there is no such file of weights; check its name")
    for name in model.restoring_modules:
        is_given = any(not place or f"{name}.".startswith(f"{place}.") for place in sources) or model.weight_files()
        if not is_given and not any(id(value) in trained for value in model.get_submodule(name).parameters()):
            place = name.rpartition(".")[0]
            raise UsageError(f"{where}.{place}: has no trained weights; reference a trained model, {{{TRAINED}: NAME}}")
    if trained:
        return Weights.TRAINED
    return Weights.GIVEN if sources else Weights.OWN if model.weight_files() else Weights.NONE


def _with_default_specs(content: dict[str, Any], where: str) -> dict[str, Any]:
    """`content` with the specs that its family takes by default: a sweep may change a key of one that is not given."""
    if TRAINED in content or not isinstance(content.get("name"), str):
        return content
    parameters = inspect.signature(family(content["name"], where)).parameters.values()
    specs = {parameter.name: parameter.default for parameter in parameters if isinstance(parameter.default, str)}
    return {**specs, **content}


def _labels(name: str, entry: Any) -> Iterator[str]:
    yield name
    if isinstance(entry, dict) and isinstance(entry.get("variants"), dict):
        yield from map(str, entry["variants"])

"""How the trained models of a data set were set up, where that differs: a difference in scores may come from any of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from deblurbench.errors import UsageError
from deblurbench.progress import format_duration
from deblurbench.records.paths import COMPARISON, EXPERIMENT
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.formatting import format_count, join_names
from deblurbench.report.reading import chosen_settings
from deblurbench.report.results import Result, Results
from deblurbench.yaml_files import parse_yaml, set_key

BUDGETS = ("steps", "minutes", "teramacs")
MONITORING = ("validation_crop", "validation_images", "log_every", "validate_every", "checkpoint_every")  # change no weights
LOSSES = ("losses", "adversarial", "adversarial_weight", "prediction")
INFERENCE = ("sampler", "sampling_steps", "samples", "self_ensemble", "pooling_window")  # in Result.inference
MINIMUM_RATIO = 1.1  # of training times: equal trainings differ by less from machine to machine
SWEPT = "chosen by a sweep"
WORDS = {"None": "none", "True": "yes", "False": "no"}


@dataclass(frozen=True)
class SetupDifferences:
    """A table of the settings in which the trained models differ."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class _Setup:
    """A trained model with its entries in the resolved experiment."""

    result: Result
    model: dict[str, Any]
    training: dict[str, Any]

    @property
    def parameters(self) -> str:
        """The number of parameters as text."""
        return format_count(self.result.costs["params"])

    @property
    def has_time_conditioning(self) -> bool:
        """Whether its network is conditioned on the time step of a sampler, which takes parameters."""
        return "sampling_steps" in self.model


def setup_differences(results: Results, comparison: Comparison) -> SetupDifferences | None:
    """Compare budget, losses, parameters and all other settings of the trained models. None if nothing differs."""
    experiments = {
        folder: parse_yaml(text, title)
        for folder, (title, text) in zip(results.folders, results.experiments.items(), strict=True)
    }
    trained = [result for result in comparison.results if result.is_trained]
    setups = [_setup_of(result, experiments[result.results_folder]) for result in trained]
    columns = {heading: texts for heading, texts in _columns(setups) if len(set(texts)) > 1}
    if "training time" in columns:  # equal steps are no equal time
        columns = {"budget": [_budget(one.training) for one in setups], **columns}
    if not columns:
        return None
    rows = zip([result.model for result in trained], *columns.values(), strict=True)
    return SetupDifferences(("model", *columns), tuple(rows), tuple(_sentences(setups)))


def _setup_of(result: Result, experiment: dict[str, Any]) -> _Setup:
    label = result.folder.name  # its name in its own experiment: merging may have renamed it
    entry = next((entry for name, entry in experiment["models"].items() if label in (name, *entry["variants"])), None)
    if entry is None:
        path = result.results_folder / EXPERIMENT
        raise UsageError(f"{path}: has no model '{label}', of which {COMPARISON} has scores; run the experiment again")
    if "sweep" in entry:
        for key, value in (chosen_settings(result) or dict.fromkeys(_swept_keys(entry["sweep"]), SWEPT)).items():
            set_key(entry, key.split("."), value, f"{label}: {key}")
    model = {**entry, **entry["variants"].get(label, {})}
    for key in ("variants", "training", "sweep"):
        model.pop(key, None)
    return _Setup(result, model, {**experiment["training"], **entry["training"]})


def _swept_keys(sweep: dict[str, Any]) -> list[str]:
    return list(sweep.get("grid") or sweep["random"])


def _columns(setups: list[_Setup]) -> Iterator[tuple[str, list[str]]]:
    """Yield each heading with its texts, one per row; columns of equal texts are dropped later."""
    yield "budget", [_budget(one.training) for one in setups]
    seconds = [one.result.costs["train_seconds"] for one in setups]
    if seconds and max(seconds) > MINIMUM_RATIO * min(seconds):
        yield "training time", [format_duration(value) if value else "" for value in seconds]
    for key in sorted({key for one in setups for key in one.training} - {*BUDGETS, *MONITORING}):
        yield key.replace("_", " "), [_text(one.training.get(key, "")) for one in setups]
    yield "losses", _shortest_texts([{key: one.model[key] for key in LOSSES if key in one.model} for one in setups], _losses)
    yield "network", _shortest_texts([one.model.get("network", {}) for one in setups], _named)
    suffix = ", with time conditioning" if len({one.has_time_conditioning for one in setups}) > 1 else ""
    yield "parameters", [f"{one.parameters}{suffix if one.has_time_conditioning else ''}" for one in setups]
    yield "first weights", [_text(one.model.get("start", "random")) for one in setups]
    yield "further settings", _further(setups)
    yield "restores by", [one.result.inference for one in setups]
    yield "seeds", [str(len(one.result.seeds)) for one in setups]
    yield "training data (hash)", [one.result.data_hash for one in setups]


def _sentences(setups: list[_Setup]) -> Iterator[str]:
    """Yield why a network has different numbers of parameters in different models."""
    groups: dict[str, dict[bool, list[_Setup]]] = {}
    for one in setups:
        if "network" in one.model:
            groups.setdefault(json.dumps(one.model["network"]), {}).setdefault(one.has_time_conditioning, []).append(one)
    for group in groups.values():
        if len(group) == 2:
            plain, timed = (
                f"{' or '.join(dict.fromkeys(one.parameters for one in group[with_time]))} parameters in "
                f"{join_names([one.result.model for one in group[with_time]])}"
                for with_time in (False, True)
            )
            name = _named(group[True][0].model["network"], in_full=False)
            further = "there it also takes the time of each sampling step and, in a diffusion, the noisy image"
            yield f"The same network, {name}, has {plain}, and {timed}: {further}."


def _budget(training: dict[str, Any]) -> str:
    return ", ".join(f"{_text(training[name])} {name}" for name in BUDGETS if training.get(name) is not None)


def _further(setups: list[_Setup]) -> list[str]:
    """Return the other settings in which models of one family differ."""
    shown = {*LOSSES, *INFERENCE, "network", "start", "name"}
    texts = []
    for one in setups:
        peers = [other.model for other in setups if other.model.get("name") == one.model.get("name")]
        keys = [key for key in one.model if key not in shown and any(peer.get(key) != one.model[key] for peer in peers)]
        texts.append("; ".join(f"{key.replace('_', ' ')} {_text(one.model[key])}" for key in keys))
    return texts


def _shortest_texts(values: list[dict[str, Any]], text: Callable[..., str]) -> list[str]:
    """Return the texts of `values` without parameters if they tell them apart, otherwise with every parameter."""
    texts = [text(value, in_full=False) for value in values]
    if len(set(texts)) == len({json.dumps(value) for value in values}):
        return texts
    return [text(value, in_full=True) for value in values]


def _losses(given: dict[str, Any], *, in_full: bool) -> str:
    losses = given.get("losses", [])
    if isinstance(losses, str):
        return losses
    parts = [_weighted(loss, _named(loss, in_full=in_full)) for loss in losses]
    if "adversarial" in given:
        adversarial = {"weight": given.get("adversarial_weight", 1)}
        parts.append(_weighted(adversarial, f"adversarial ({_named(given['adversarial'], in_full=in_full)})"))
    if "prediction" in given:
        parts.append(f"squared error of {given['prediction']}")
    return " + ".join(parts)


def _weighted(loss: Any, name: str) -> str:
    weight = loss.get("weight", 1) if isinstance(loss, dict) else 1
    return name if weight == 1 else f"{_text(weight)} {name}"


def _named(spec: Any, *, in_full: bool) -> str:
    """Return the name of a spec, `in_full` with its parameters."""
    if not isinstance(spec, dict):
        return _text(spec)
    parameters = [f"{key.replace('_', ' ')} {_text(value)}" for key, value in spec.items() if key not in ("name", "weight")]
    name = str(spec.get("name", ""))
    return f"{name} ({'; '.join(parameters)})" if in_full and parameters else name


def _text(value: Any) -> str:
    """Return a YAML value in words."""
    if isinstance(value, dict):
        if "name" in value:
            return _named(value, in_full=True)
        return "; ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return WORDS.get(str(value), str(value))

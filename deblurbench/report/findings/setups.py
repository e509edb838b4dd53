"""What differs between the rows of a table besides what it compares: a difference in scores may come from any of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deblurbench.errors import UsageError
from deblurbench.records.cells import read_cell
from deblurbench.records.paths import COMPARISON, EXPERIMENT
from deblurbench.report.findings.comparison import Comparison
from deblurbench.report.formatting import duration, listed, short
from deblurbench.report.results import Result, Results
from deblurbench.yaml_files import parse_yaml, set_key

BUDGETS = ("steps", "minutes", "teramacs")
WATCHING = ("validation_crop", "validation_images", "log_every", "validate_every", "checkpoint_every")  # change no weights
LOSSES = ("losses", "adversarial", "adversarial_weight", "prediction")
RESTORING = ("sampler", "sampling_steps", "samples", "self_ensemble", "pooling_window")  # told by how a model restores
MUCH = 1.1  # times as long: machines alone make trainings of equal length differ by less
SWEPT = "chosen by a sweep"
WORDS = {"None": "none", "True": "yes", "False": "no"}


@dataclass(frozen=True)
class Differences:
    """A table of the trained models by what differs between them, and what there is to say of it."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class _Setup:
    """A row, and what its experiment said of it."""

    result: Result
    model: dict[str, Any]
    training: dict[str, Any]


def differences(results: Results, comparison: Comparison) -> Differences | None:
    """Budget, losses, parameters and whatever else differs between the trained models. None where nothing does."""
    experiments = {
        folder: parse_yaml(text, title)
        for folder, (title, text) in zip(results.folders, results.experiments.items(), strict=True)
    }
    trained = [result for result in comparison.results if result.is_trained]
    setups = [_setup_of(result, experiments[_results_folder(result)]) for result in trained]
    columns = {heading: texts for heading, texts in _columns(setups) if len(set(texts)) > 1}
    if "training time" in columns:  # equal steps are no equal time
        columns = {"budget": [_budget(one.training) for one in setups], **columns}
    if not columns:
        return None
    rows = zip([result.model for result in trained], *columns.values(), strict=True)
    return Differences(("model", *columns), tuple(rows), tuple(_sentences(setups)))


def _results_folder(result: Result) -> Path:
    return result.folder.parents[2]  # above runs/DATASET/MODEL


def _setup_of(result: Result, experiment: dict[str, Any]) -> _Setup:
    label = result.folder.name  # what its own experiment calls it: merged results may have renamed it
    entry = next((entry for name, entry in experiment["models"].items() if label in (name, *entry["variants"])), None)
    if entry is None:
        path = _results_folder(result) / EXPERIMENT
        raise UsageError(f"{path}: has no model '{label}', of which {COMPARISON} has scores; run the experiment again")
    if "sweep" in entry:
        record = read_cell(result.folder / f"seed-{result.seeds[0]}")
        choice = record.choice if record else None
        chosen = choice.settings[choice.best] if choice else dict.fromkeys(_swept(entry["sweep"]), SWEPT)
        for key, value in chosen.items():
            set_key(entry, key.split("."), value, f"{label}: {key}")
    model = {**entry, **entry["variants"].get(label, {})}
    for key in ("variants", "training", "sweep"):
        model.pop(key, None)
    return _Setup(result, model, {**experiment["training"], **entry["training"]})


def _swept(sweep: dict[str, Any]) -> list[str]:
    return list(sweep.get("grid") or sweep["random"])


def _columns(setups: list[_Setup]) -> Iterator[tuple[str, list[str]]]:
    """Each heading with a text a row; those whose texts are all alike say nothing."""
    yield "budget", [_budget(one.training) for one in setups]
    seconds = [one.result.costs["train_seconds"] for one in setups]
    if seconds and max(seconds) > MUCH * min(seconds):
        yield "training time", [duration(value) for value in seconds]
    for key in sorted({key for one in setups for key in one.training} - {*BUDGETS, *WATCHING}):
        yield key.replace("_", " "), [_plain(one.training.get(key, "")) for one in setups]
    yield "losses", _told_apart([{key: one.model[key] for key in LOSSES if key in one.model} for one in setups], _losses)
    yield "network", _told_apart([one.model.get("network", {}) for one in setups], _named)
    timed = any(map(_is_timed, setups)) and not all(map(_is_timed, setups))
    with_time = ", with time conditioning" if timed else ""
    yield "parameters", [f"{short(one.result.costs['params'])}{with_time if _is_timed(one) else ''}" for one in setups]
    yield "first weights", [_plain(one.model.get("start", "random")) for one in setups]
    yield "further settings", _further(setups)
    yield "restores by", [one.result.inference for one in setups]
    yield "seeds", [str(len(one.result.seeds)) for one in setups]
    yield "training data (hash)", [one.result.rows[0].data for one in setups]


def _sentences(setups: list[_Setup]) -> Iterator[str]:
    """Why the same network has different numbers of parameters."""
    groups: dict[str, dict[bool, list[_Setup]]] = {}
    for one in setups:
        if "network" in one.model:
            groups.setdefault(json.dumps(one.model["network"]), {}).setdefault(_is_timed(one), []).append(one)
    for group in groups.values():
        if len(group) == 2:
            plain, timed = (
                f"{' or '.join(dict.fromkeys(short(one.result.costs['params']) for one in group[is_timed]))} parameters in "
                f"{listed([one.result.model for one in group[is_timed]])}"
                for is_timed in (False, True)
            )
            name = _named(group[True][0].model["network"], in_full=False)
            further = "there it also takes the time of each sampling step and, in a diffusion, the noisy image"
            yield f"The same network, {name}, has {plain}, and {timed}: {further}."


def _is_timed(setup: _Setup) -> bool:
    """Whether its network is told the time of a sampling step, which takes parameters."""
    return "sampling_steps" in setup.model


def _budget(training: dict[str, Any]) -> str:
    return ", ".join(f"{_plain(training[name])} {name}" for name in BUDGETS if training.get(name) is not None)


def _further(setups: list[_Setup]) -> list[str]:
    """What else differs between models of one family."""
    told = {*LOSSES, *RESTORING, "network", "start", "name"}
    texts = []
    for one in setups:
        peers = [other.model for other in setups if other.model.get("name") == one.model.get("name")]
        keys = [key for key in one.model if key not in told and any(peer.get(key) != one.model[key] for peer in peers)]
        texts.append("; ".join(f"{key.replace('_', ' ')} {_plain(one.model[key])}" for key in keys))
    return texts


def _told_apart(values: list[dict[str, Any]], text: Callable[..., str]) -> list[str]:
    """The short texts of `values` where they tell apart what differs, otherwise those with every parameter."""
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
    return name if weight == 1 else f"{_plain(weight)} {name}"


def _named(spec: Any, *, in_full: bool) -> str:
    """A spec by its name, `in_full` with its parameters."""
    if not isinstance(spec, dict):
        return _plain(spec)
    parameters = [f"{key.replace('_', ' ')} {_plain(value)}" for key, value in spec.items() if key not in ("name", "weight")]
    name = str(spec.get("name", ""))
    return f"{name} ({'; '.join(parameters)})" if in_full and parameters else name


def _plain(value: Any) -> str:
    """A value of YAML in words."""
    if isinstance(value, dict):
        if "name" in value:
            return _named(value, in_full=True)
        return "; ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return WORDS.get(str(value), str(value))

"""The winner of a results folder, ready to restore photographs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from deblurbench.errors import UsageError, suggestion
from deblurbench.files import file_hash
from deblurbench.models.base import Restorer, family
from deblurbench.models.loading import load
from deblurbench.records.cells import CellName, read_cell
from deblurbench.records.paths import LAST, RUNS
from deblurbench.registry import MODELS
from deblurbench.report.findings.comparison import Comparison, VersusInput, compare
from deblurbench.report.findings.comparison_table import NEAR_BEST
from deblurbench.report.formatting import join_names
from deblurbench.report.reading import read_results


@dataclass(frozen=True)
class Winner:
    """The model of the highest mean PSNR on a data set of a results folder, with its first seed."""

    name: CellName
    gain: float  # over the blurred input, dB
    tied: tuple[str, ...]  # models that cannot be told apart from it
    beats_input: bool  # as far as interval and test carry

    @property
    def title(self) -> str:
        """The name and its gain, for people."""
        return f"{self.name.model} ({self.gain:+.2f} dB on {self.name.dataset})"

    @property
    def rivals(self) -> str:
        """The models that may be as good, for people; empty where it is the best."""
        return f", which cannot be told apart from {join_names(self.tied)}" if self.tied else ""


def find_winner(folder: Path, dataset: str | None) -> Winner:
    """The winner of `folder` on `dataset`, which may be left out where there is one. Raises UsageError."""
    results = read_results([folder])
    winners = [winner for name in results.datasets if (winner := _winner(compare(results, name)))]
    if not winners:
        raise UsageError(f"{folder}: no model of it can restore photographs: none finished, or all are oracles")
    by_dataset = {winner.name.dataset: winner for winner in winners}
    if dataset is None and len(winners) > 1:
        choices = " or ".join(f"--dataset {winner.name.dataset} ({winner.name.model})" for winner in winners)
        raise UsageError(
            f"{folder}: has a winner on each of {len(winners)} data sets; choose the one that is blurred like your "
            f"photographs: {choices}"
        )
    if dataset is not None and dataset not in by_dataset:
        raise UsageError(f"--dataset: {folder} has no data set '{dataset}'{suggestion(dataset, by_dataset)}")
    return winners[0] if dataset is None else by_dataset[dataset]


def load_winner(folder: Path, winner: Winner, device: torch.device) -> Restorer:
    """The restorer that was scored as `winner`, with the very weights. Raises UsageError where they are not there."""
    cell = winner.name.folder(folder)
    record = read_cell(cell)
    if record is None or record.scores is None:
        raise UsageError(f"{cell}: holds no scores; give a whole results folder, as deblurbench run has written it")
    spec, weights = record.spec, record.scores.weights
    others = sorted((folder / RUNS / winner.name.dataset).glob(f"*/{cell.name}/{LAST}"))
    for path in (cell / LAST, *others):  # a variant restores with the weights of another cell
        if weights and path.is_file() and file_hash(path) == weights:
            return load(path, device=device, **{key: spec[key] for key in family(spec["name"]).restoring_parameters})
    with torch.device("meta"):
        brings_weights: Restorer = MODELS.build(spec)
    if weights and not brings_weights.weight_files():
        raise UsageError(f"{cell}: its weights were not kept, or have changed since; run the experiment again")
    restorer: Restorer = MODELS.build(spec)
    return restorer.to(device).eval()


def _winner(comparison: Comparison) -> Winner | None:
    if not comparison.ranked:
        return None
    best = comparison.ranked[0]
    statistics = comparison.statistics_of(best.model)
    gain = statistics.gain.mean if statistics.gain else 0.0
    name = CellName(comparison.dataset, best.model, best.seeds[0])
    tied = [one.model for one in comparison.ranked[1:] if comparison.statistics_of(one.model).versus_best in NEAR_BEST]
    return Winner(name, gain, tuple(tied), statistics.versus_input is VersusInput.BETTER)

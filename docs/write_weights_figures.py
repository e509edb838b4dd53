"""Writes the tables of docs/weights.md from results of experiments/weights-card*.yaml.

Run: python docs/write_weights_figures.py results/weights-card results/weights-card-varying
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterable
from pathlib import Path

PAGE = Path(__file__).parent / "weights.md"
BEGIN, END = "<!-- figures: written by write_weights_figures.py -->\n", "<!-- end of figures -->"
INPUT = "blurred"
ORACLE = "-oracle"  # the end of the names of models that are given the true kernel

Row = dict[str, str]


def table(rows: list[Row]) -> str:
    """The gains in PSNR, with 95 % intervals, as a Markdown table: a row a data set, a column a model."""
    models = list(dict.fromkeys(row["model"] for row in rows if row["model"] != INPUT and not row["model"].endswith(ORACLE)))
    lines = [f"| blur | blurred | {' | '.join(models)} | best oracle |", "| :--- " * (len(models) + 3) + "|"]
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        by_model = {row["model"]: row for row in rows if row["dataset"] == dataset}
        oracles = [row for name, row in by_model.items() if name.endswith(ORACLE)]
        best = max(oracles, key=lambda row: float(row["gain"]), default=None)
        cells = [score(by_model[INPUT]), *(result(by_model[name]) for name in models), result(best) if best else ""]
        lines.append(f"| {dataset} | {' | '.join(cells)} |")
    return "".join(f"{line}\n" for line in lines)


def score(row: Row) -> str:
    """The mean PSNR; of images that are identical to the sharp ones it is infinite."""
    mean = float(row["mean"])
    return "identical" if math.isinf(mean) else f"{mean:.2f}"


def result(row: Row) -> str:
    """The gain over the input with its interval; the PSNR where the input is the sharp image itself."""
    gain, low, high = (float(row[column] or "nan") for column in ("gain", "gain_low", "gain_high"))
    return f"{score(row)} dB" if math.isnan(gain) else f"{gain:+.2f} ({low:+.2f} to {high:+.2f})"


def psnr_rows(folders: Iterable[Path]) -> list[Row]:
    """The rows of PSNR of the statistics of results folders."""
    rows = []
    for folder in folders:
        with (folder / "statistics.csv").open(encoding="utf-8", newline="") as file:
            rows += [row for row in csv.DictReader(file) if row["metric"] == "psnr"]
    return rows


if __name__ == "__main__":
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}{table(psnr_rows(map(Path, sys.argv[1:])))}{END}{after}", encoding="utf-8")

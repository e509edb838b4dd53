"""Writes the tables of docs/weights.md from results of experiments/weights-card*.yaml.

Run: python docs/write_weights_figures.py [RESULTS], the folder that holds `weights-card` and the others, otherwise `results`.
"""

from __future__ import annotations

import csv
import math
import re
import sys
from pathlib import Path

PAGE = Path(__file__).parent / "weights.md"
# In the page: <!-- figures of EXPERIMENT: written by write_weights_figures.py -->, the table, <!-- end of figures -->
FIGURES = re.compile(r"(?<=<!-- figures of )([\w-]+)(: written by \S+ -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)
INPUT = "blurred"
ORACLE = "-oracle"  # the end of the names of models that are given the true kernel

Row = dict[str, str]


def table(rows: list[Row]) -> str:
    """The gains in PSNR, with 95 % intervals, as a Markdown table: a row a data set, a column a model."""
    models = list(dict.fromkeys(row["model"] for row in rows if row["model"] != INPUT and not row["model"].endswith(ORACLE)))
    has_oracle = any(row["model"].endswith(ORACLE) for row in rows)
    columns = ["data set", INPUT, *models, *(["best oracle"] if has_oracle else [])]
    lines = [f"| {' | '.join(columns)} |", "| :--- " * len(columns) + "|"]
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        by_model = {row["model"]: row for row in rows if row["dataset"] == dataset}
        oracles = [row for name, row in by_model.items() if name.endswith(ORACLE)]
        cells = [score(by_model[INPUT]), *(result(by_model[name]) for name in models)]
        if has_oracle:
            cells.append(result(max(oracles, key=lambda row: float(row["gain"]))))
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


def psnr_rows(folder: Path) -> list[Row]:
    """The rows of PSNR of the statistics of a results folder."""
    path = folder / "statistics.csv"
    if not path.is_file():
        sys.exit(f"{path}: there is no such file; run: deblurbench run {folder.name} --out {folder}")
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["metric"] == "psnr"]


if __name__ == "__main__":
    results = Path(sys.argv[1] if len(sys.argv) > 1 else "results")
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        FIGURES.sub(lambda found: found[1] + found[2] + table(psnr_rows(results / found[1])), text), encoding="utf-8"
    )

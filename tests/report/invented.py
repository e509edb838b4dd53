"""Results folders whose scores a test has chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.synthetic_results import write_results
from deblurbench.files import read_csv, write_csv
from deblurbench.report.findings.comparison import Comparison, compare
from deblurbench.report.findings.comparison_table import ComparisonTable, comparison_table
from deblurbench.report.reading import read_results
from deblurbench.statistics.means import finite_mean


def invent(folder: Path, images: int = 40, **gains: float) -> Path:
    """One data set, `photos`, and models with these mean gains over the input."""
    return write_results(folder, datasets=["photos"], gains=gains, images=images)


def set_scores(folder: Path, model: str, values: Mapping[str, float], metric: str = "psnr") -> None:
    """Give a model other scores on some images; its mean follows."""

    def change(row: dict[str, str]) -> None:
        if row["model"] == model and row["image"] in values:
            row[metric] = str(values[row["image"]])

    change_images(folder, change)


def change_images(folder: Path, change: Callable[[dict[str, str]], None]) -> None:
    """Change rows of per_image.csv; the means in comparison.csv follow."""
    images, comparison = (read_csv(folder / name) for name in ("per_image.csv", "comparison.csv"))
    for row in images:
        change(row)
    metrics = [
        column for column in images[0] if column in comparison[0] and column not in ("dataset", "model", "seed", "pairs")
    ]
    for row in comparison:
        mine = [one for one in images if all(one[key] == row[key] for key in ("dataset", "model", "seed"))]
        for metric in metrics:
            row[metric] = str(finite_mean([float(one[metric]) for one in mine]).value)
    write_csv(folder / "per_image.csv", images[0], images)
    write_csv(folder / "comparison.csv", comparison[0], comparison)


def compared(folder: Path) -> Comparison:
    """The comparison of its data set `photos`."""
    return compare(read_results([folder]), "photos")


def table_of(folder: Path) -> ComparisonTable:
    """That of its data set."""
    results = read_results([folder])
    return comparison_table(results, compare(results, "photos"))


def column(table: ComparisonTable, heading: str) -> dict[str, str]:
    """What a column says of each model."""
    place = [one.heading for one in table.columns].index(heading)
    return {row[0].text: row[place].text for row in table.rows}

"""The names of what a run leaves in its results folder."""

from __future__ import annotations

from pathlib import Path

# In the results folder itself.
EXPERIMENT, ENVIRONMENT, PLAN = "experiment.yaml", "environment.json", "plan.json"
PROBLEMS, NOTES = "problems.json", "notes.json"  # what was left out of each data set, and what to know of its numbers
COMPARISON, PER_IMAGE = "comparison.csv", "per_image.csv"
REALLY_BLURRED = "really_blurred.csv"  # photographs without truth, scored without it
VOTES = "votes.csv"  # what people preferred, by `deblurbench rate`
HTML, MARKDOWN, GRIDS = "report.html", "report.md", "grids"
LATEX, STATISTICS_TABLE, DUELS = "tables.tex", "statistics.csv", "duels.csv"
RUNS = "runs"  # RUNS/DATASET/MODEL/seed-N/

# In the folder of a cell.
RECORD, ERROR, RESTORED = "cell.json", "error.txt", "restored"
LAST, BEST, STATE, HISTORY = "last.safetensors", "best.safetensors", "state.safetensors", "history.json"

# Beside the models of a data set: the unprocessed input, which is a row like theirs, the sharp images, and the costs of all.
BLURRED, SHARP, COSTS = "blurred", "sharp", "costs.json"


def picture_path(folder: Path, key: str) -> Path:
    """Where the picture of the photograph `key` lies in `folder`, one of RESTORED or SHARP."""
    return folder / f"{key}.png"

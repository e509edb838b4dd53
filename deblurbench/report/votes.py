"""What people preferred: the file of votes, and the strengths that follow from it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deblurbench.errors import UsageError
from deblurbench.files import from_cell
from deblurbench.statistics.bradley_terry import Ballot, Strength, strengths

COLUMNS = ("rater", "dataset", "image", "left", "right", "choice", "repeats", "seconds", "time")
CHOICES = LEFT, RIGHT, NO_DIFFERENCE = "left", "right", "same"
SHARES = {LEFT: 1.0, RIGHT: 0.0, NO_DIFFERENCE: 0.5}


@dataclass(frozen=True)
class Vote:
    """One answer of one rater: which of two restorations of an image, without their names, looked better."""

    rater: str
    dataset: str
    image: str
    left: str  # models
    right: str
    choice: str  # of CHOICES
    is_repeat: bool  # asked before with the sides exchanged, to learn how steady the rater is; counts for nothing else

    @property
    def share(self) -> float:
        """What the left one won."""
        return SHARES[self.choice]

    @property
    def question(self) -> tuple[str, str, str, frozenset[str]]:
        """What was asked, on whatever side."""
        return (self.rater, self.dataset, self.image, frozenset((self.left, self.right)))


def read_votes(path: Path) -> list[Vote]:
    """The votes in `path`; none where there is no such file. Raises UsageError for a line that is no vote."""
    if not path.is_file():
        return []
    votes = []
    with path.open(encoding="utf-8", newline="") as file:
        for number, cells in enumerate(csv.DictReader(file), 2):
            row = {column: from_cell(cell) for column, cell in cells.items()}
            if None in row or any(row.get(column) is None for column in COLUMNS) or row["choice"] not in CHOICES:
                raise UsageError(f"{path}: line {number} is no vote ({', '.join(COLUMNS)}); mend or remove it")
            votes.append(
                Vote(
                    row["rater"], row["dataset"], row["image"], row["left"], row["right"], row["choice"],
                    is_repeat=row["repeats"] == "yes",
                )
            )  # fmt: skip
    return votes


def preferences(votes: Sequence[Vote], dataset: str) -> dict[str, Strength]:
    """The Bradley-Terry strength of every model of `dataset` that was voted on; repeated questions count once."""
    return strengths(
        [
            Ballot(vote.left, vote.right, vote.share, vote.image)
            for vote in votes
            if vote.dataset == dataset and not vote.is_repeat
        ]
    )


def steadiness(votes: Sequence[Vote]) -> tuple[int, int]:
    """How many repeated questions were answered as the first time, and how many there were."""
    first = {vote.question: _preferred(vote) for vote in votes if not vote.is_repeat}
    repeats = [vote for vote in votes if vote.is_repeat and vote.question in first]
    return sum(first[vote.question] == _preferred(vote) for vote in repeats), len(repeats)


def _preferred(vote: Vote) -> str:
    return {LEFT: vote.left, RIGHT: vote.right}.get(vote.choice, "")

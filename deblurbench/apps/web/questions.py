"""Which pairs a rater is shown, and in what order: blind, balanced, and a function of the rater's name alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from deblurbench.randomness import generator
from deblurbench.records.votes import Vote
from deblurbench.report.pictures.stored_pictures import has_restored, has_sharp
from deblurbench.report.results import Results

REPEAT_EVERY, REPEATED_FROM = 8, 4  # after 8 new pairs one of their first 4 comes again, with the sides exchanged


@dataclass(frozen=True)
class Question:
    """Which of two restorations of an image looks better?"""

    dataset: str
    image: str
    left: str  # models
    right: str
    is_repeat: bool = False

    @property
    def exchanged(self) -> Question:
        """The same question once more, with the sides exchanged."""
        return replace(self, left=self.right, right=self.left, is_repeat=True)


@dataclass(frozen=True)
class Choice:
    """Two models of a data set that can be shown side by side, and on which images."""

    dataset: str
    models: tuple[str, str]
    images: tuple[str, ...]


def choices(results: Results) -> list[Choice]:
    """Every two models, the untouched input among them, whose pictures were kept; no oracles, which nobody can use."""
    found = []
    for dataset in results.datasets:
        untouched = results.input_of(dataset)
        images = untouched.image_names
        seen = [image for image in images if has_restored(untouched, image) and has_sharp(untouched, image)]
        models = sorted((one for one in results.of(dataset) if not one.is_oracle), key=lambda one: one.model)
        kept = {one.model: {image for image in seen if has_restored(one, image)} for one in models}
        for first, second in combinations(kept, 2):
            both = tuple(image for image in seen if image in kept[first] & kept[second])
            if both:
                found.append(Choice(dataset, (first, second), both))
    return found


def questions_for(rater: str, found: Sequence[Choice]) -> list[Question]:
    """All questions for a rater: round after round each two models once, on images and sides drawn at random."""
    random = generator("questions", rater)
    orders = [random.permutation(len(choice.images)) for choice in found]
    fresh: list[Question] = []
    for turn in range(max((len(order) for order in orders), default=0)):
        for place in random.permutation(len(found)):
            choice, order = found[place], orders[place]
            if turn < len(order):
                first, second = choice.models if random.integers(2) else choice.models[::-1]
                fresh.append(Question(choice.dataset, choice.images[order[turn]], first, second))
    asked: list[Question] = []
    for start in range(0, len(fresh), REPEAT_EVERY):
        block = fresh[start : start + REPEAT_EVERY]
        asked += block
        if len(block) == REPEAT_EVERY:
            asked.append(block[int(random.integers(REPEATED_FROM))].exchanged)
    return asked


def unanswered(asked: Sequence[Question], votes: Sequence[Vote]) -> Iterator[int]:
    """The places of the questions that no vote of this rater has answered, in order."""
    done = {(vote.dataset, vote.image, vote.left, vote.right) for vote in votes}
    return (
        place
        for place, question in enumerate(asked)
        if (question.dataset, question.image, question.left, question.right) not in done
    )

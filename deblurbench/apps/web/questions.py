"""The questions of a rater: blind, balanced, and a function of the rater's name alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from deblurbench.randomness import generator
from deblurbench.records.votes import Vote
from deblurbench.report.pictures.stored_pictures import has_restored, has_sharp
from deblurbench.report.results import Results

REPEAT_EVERY, REPEATED_FROM = 8, 4  # after 8 new questions one of their first 4 is repeated, with the sides exchanged


@dataclass(frozen=True)
class Question:
    """Which of two restorations of an image looks better?"""

    dataset: str
    image: str
    left: str  # models
    right: str
    is_repeat: bool = False

    @property
    def repeated(self) -> Question:
        """The same question with the sides exchanged."""
        return replace(self, left=self.right, right=self.left, is_repeat=True)


@dataclass(frozen=True)
class RatedPair:
    """Two models of a data set, and the images that both restored."""

    dataset: str
    models: tuple[str, str]
    images: tuple[str, ...]


def rated_pairs(results: Results) -> list[RatedPair]:
    """Return every two models with stored pictures, the blurred input among them; no oracles, which nobody can use."""
    found = []
    for dataset in results.datasets:
        blurred_input = results.input_of(dataset)
        images = [
            image
            for image in blurred_input.image_names
            if has_restored(blurred_input, image) and has_sharp(blurred_input, image)
        ]
        models = sorted((one for one in results.of(dataset) if not one.is_oracle), key=lambda one: one.model)
        stored = {one.model: {image for image in images if has_restored(one, image)} for one in models}
        for first, second in combinations(stored, 2):
            of_both = tuple(image for image in images if image in stored[first] & stored[second])
            if of_both:
                found.append(RatedPair(dataset, (first, second), of_both))
    return found


def questions_for(rater: str, pairs: Sequence[RatedPair]) -> list[Question]:
    """Return all questions of a rater: in each round every pair of models once, on images and sides drawn at random."""
    random = generator("questions", rater)
    orders = [random.permutation(len(pair.images)) for pair in pairs]
    new: list[Question] = []
    for round_number in range(max((len(order) for order in orders), default=0)):
        for index in random.permutation(len(pairs)):
            pair, order = pairs[index], orders[index]
            if round_number < len(order):
                left, right = pair.models if random.integers(2) else pair.models[::-1]
                new.append(Question(pair.dataset, pair.images[order[round_number]], left, right))
    questions: list[Question] = []
    for start in range(0, len(new), REPEAT_EVERY):
        batch = new[start : start + REPEAT_EVERY]
        questions += batch
        if len(batch) == REPEAT_EVERY:
            questions.append(batch[int(random.integers(REPEATED_FROM))].repeated)
    return questions


def unanswered(questions: Sequence[Question], votes: Sequence[Vote]) -> Iterator[int]:
    """Yield the indices of the questions that no vote of this rater has answered, in order."""
    answered = {(vote.dataset, vote.image, vote.left, vote.right) for vote in votes}
    return (
        index
        for index, question in enumerate(questions)
        if (question.dataset, question.image, question.left, question.right) not in answered
    )

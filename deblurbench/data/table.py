"""The table of pairs that every layout makes, and how photographs are split."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from deblurbench.data.dead_leaves import DeadLeaves
from deblurbench.errors import UsageError
from deblurbench.images.idx import IdxImage

SPLITS = TRAIN, VALIDATION, TEST = "train", "validation", "test"
ImageSource = Path | IdxImage | DeadLeaves  # a file, or what stays in memory and gives its `pixels()` and `content`
Anything = TypeVar("Anything")
SHOWN = "shown"  # really blurred, without an aligned sharp counterpart: restored and shown, never scored


@dataclass(frozen=True, slots=True)
class Entry:
    """One photograph: a pair, a sharp one to be blurred, or (split "shown") a blurred one alone.

    `key` is unique in its table and names the picture everywhere; `group` is the scene or person that may not be in two
    splits.
    """

    key: str
    split: str
    group: str
    sharp: ImageSource | None = None
    blurred: ImageSource | None = None

    @property
    def files(self) -> list[ImageSource]:
        """The files behind this entry."""
        return [path for path in (self.blurred, self.sharp) if path is not None]


@dataclass(frozen=True)
class PairTable:
    """The entries of a data set, and what was found wrong with it: one line each, naming the file.

    `unaligned` are pairs of separate exposures, which are pairs only once they are registered.
    """

    entries: tuple[Entry, ...]
    problems: tuple[str, ...] = ()
    unaligned: tuple[Entry, ...] = ()

    def __post_init__(self) -> None:
        seen: dict[str, Entry] = {}
        for entry in self.entries:
            if entry.key in seen:
                raise UsageError(f"{entry.files[0]}: has the same key '{entry.key}' as {seen[entry.key].files[0]}; rename one")
            seen[entry.key] = entry
        splits: dict[str, str] = {}
        for entry in self.entries:
            if entry.split != SHOWN and splits.setdefault(entry.group, entry.split) != entry.split:
                raise UsageError(f"{entry.files[0]}: '{entry.group}' is in two splits, {splits[entry.group]} and {entry.split}")


def evenly_spaced(items: Sequence[Anything], count: int) -> list[Anything]:
    """At most `count` of `items`, evenly spaced and in their order."""
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]


def split_by_hash(groups: Iterable[str], *, validation: float = 0.1, test: float = 0.1) -> dict[str, str]:
    """Group -> split: the same on every machine, whatever the order. Each part is rounded up to one group at least.

    Raises UsageError for fewer than three groups, which cannot be split in three.
    """
    ordered = sorted(set(groups), key=lambda group: hashlib.sha256(group.encode("utf-8", "surrogateescape")).hexdigest())
    _require_three(len(ordered))
    test_count, validation_count = (max(1, round(fraction * len(ordered))) for fraction in (test, validation))
    return {
        group: TEST if place < test_count else VALIDATION if place < test_count + validation_count else TRAIN
        for place, group in enumerate(ordered)
    }


def split_in_blocks(keys: Iterable[str]) -> dict[str, str]:
    """Key -> split: the last tenth by name is the test, the tenth before it validation, for names that may be frames.

    Neighbouring names are often frames of one sequence, and scattered ones would be in two splits. Raises UsageError for
    fewer than three keys.
    """
    ordered = sorted(keys)
    _require_three(len(ordered))
    tenth = max(1, round(len(ordered) / 10))
    train = len(ordered) - 2 * tenth
    return {key: TRAIN if place < train else VALIDATION if place < train + tenth else TEST for place, key in enumerate(ordered)}


def carve_validation(entries: Sequence[Entry], problems: Sequence[str] = ()) -> tuple[Entry, ...]:
    """The last groups of the training entries by name, about a tenth, become validation; shipped test entries stay so.

    Whole scenes move, never a part of one. Raises UsageError where one training group leaves none; where there is no
    training entry at all, with the first of `problems`.
    """
    train = [entry for entry in entries if entry.split == TRAIN]
    if not train:
        raise UsageError(f"no usable training images; {problems[0] if problems else 'give the whole download'}")
    sizes = Counter(entry.group for entry in train)
    if len(sizes) < 2:
        raise UsageError(f"{train[0].files[0]}: one photograph or scene to train leaves none for validation; give at least 2")
    carved: set[str] = set()
    wanted = round(len(train) / 10)
    for group in sorted(sizes, reverse=True)[:-1]:
        carved.add(group)
        wanted -= sizes[group]
        if wanted <= 0:
            break
    return tuple(replace(entry, split=VALIDATION) if entry.group in carved else entry for entry in entries)


def _require_three(count: int) -> None:
    if count < 3:
        raise UsageError(f"{count} photographs are too few to split into train, validation and test; give at least 3")

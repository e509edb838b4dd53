"""The table of pairs that a layout gives, and the splits into train, validation and test."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from deblurbench.data.drawn_image import DrawnImage
from deblurbench.errors import UsageError
from deblurbench.images.idx import IdxImage

SPLITS = TRAIN, VALIDATION, TEST = "train", "validation", "test"
# A file, or an image in memory with its `size`, `pixels()` and `file_digest`.
ImageSource = Path | IdxImage | DrawnImage
Element = TypeVar("Element")
SHOWN = "shown"  # really blurred, without an aligned sharp counterpart: restored and shown, never scored


@dataclass(frozen=True, slots=True)
class PairEntry:
    """One photograph: a pair, a sharp one to be blurred, or (split "shown") a blurred one alone.

    `key` is unique in its table and names the image everywhere; `group` is the scene or person that may not be in two
    splits.
    """

    key: str
    split: str
    group: str
    sharp: ImageSource | None = None
    blurred: ImageSource | None = None

    @property
    def sources(self) -> list[ImageSource]:
        """The sides that the entry has, blurred before sharp."""
        return [source for source in (self.blurred, self.sharp) if source is not None]


@dataclass(frozen=True)
class PairTable:
    """The entries of a data set, and its problems: one line each, which names the file.

    `unaligned` are pairs of separate exposures, which are pairs only once they are registered.
    """

    entries: tuple[PairEntry, ...]
    problems: tuple[str, ...] = ()
    unaligned: tuple[PairEntry, ...] = ()

    def __post_init__(self) -> None:
        seen: dict[str, PairEntry] = {}
        for entry in self.entries:
            if entry.key in seen:
                raise UsageError(
                    f"{entry.sources[0]}: has the same key '{entry.key}' as {seen[entry.key].sources[0]}; rename one"
                )
            seen[entry.key] = entry
        splits: dict[str, str] = {}
        for entry in self.entries:
            if entry.split != SHOWN and splits.setdefault(entry.group, entry.split) != entry.split:
                raise UsageError(
                    f"{entry.sources[0]}: '{entry.group}' is in two splits, {splits[entry.group]} and {entry.split}"
                )


def evenly_spaced(items: Sequence[Element], count: int) -> list[Element]:
    """Return at most `count` of `items`, evenly spaced and in their order."""
    count = min(count, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def split_by_hash(groups: Iterable[str], where: str = "", *, validation: float = 0.1, test: float = 0.1) -> dict[str, str]:
    """Split `groups` by the hash of their names: the same on every machine, whatever their order. Returns group -> split.

    `validation` and `test` are fractions of the groups; each split has at least one group.

    Raises UsageError, with `where` before it, for fewer than three groups, which cannot be split in three.
    """
    ordered = sorted(set(groups), key=lambda group: hashlib.sha256(group.encode("utf-8", "surrogateescape")).hexdigest())
    _require_three(len(ordered), where)
    test_count, validation_count = (max(1, round(fraction * len(ordered))) for fraction in (test, validation))
    return {
        group: TEST if rank < test_count else VALIDATION if rank < test_count + validation_count else TRAIN
        for rank, group in enumerate(ordered)
    }


def split_in_blocks(keys: Iterable[str], where: str = "") -> dict[str, str]:
    """Split `keys` into blocks by name: the last tenth is test, the tenth before it validation. Returns key -> split.

    Neighbouring names are often frames of one sequence, which a random split would put into several splits. Raises
    UsageError, with `where` before it, for fewer than three keys.
    """
    ordered = sorted(keys)
    _require_three(len(ordered), where)
    tenth = max(1, round(len(ordered) / 10))
    train = len(ordered) - 2 * tenth
    return {key: TRAIN if rank < train else VALIDATION if rank < train + tenth else TEST for rank, key in enumerate(ordered)}


def carve_validation(entries: Sequence[PairEntry], problems: Sequence[str] = ()) -> tuple[PairEntry, ...]:
    """Move the last groups of the training entries by name, about a tenth of these, to validation; test entries stay.

    Groups are moved as a whole. Raises UsageError where one training group leaves none; where there is no
    training entry at all, with the first of `problems`.
    """
    train = [entry for entry in entries if entry.split == TRAIN]
    if not train:
        raise UsageError(f"no usable training images; {problems[0] if problems else 'give the whole download'}")
    sizes = Counter(entry.group for entry in train)
    if len(sizes) < 2:
        raise UsageError(f"{train[0].sources[0]}: one photograph or scene to train leaves none for validation; give at least 2")
    carved: set[str] = set()
    wanted = round(len(train) / 10)
    for group in sorted(sizes, reverse=True)[:-1]:
        carved.add(group)
        wanted -= sizes[group]
        if wanted <= 0:
            break
    return tuple(replace(entry, split=VALIDATION) if entry.group in carved else entry for entry in entries)


def _require_three(count: int, where: str) -> None:
    if count < 3:
        number = "1 photograph is" if count == 1 else f"{count} photographs are"
        prefix = f"{where}: " if where else ""
        raise UsageError(f"{prefix}{number} too few to split into train, validation and test; give at least 3")

"""The table of pairs that every layout makes, and how photographs are split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deblurbench.errors import UsageError

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SHOWN = "shown"  # really blurred, without an aligned sharp twin: restored and shown, never scored
SPLITS = (TRAIN, VALIDATION, TEST, SHOWN)


@dataclass(frozen=True)
class Entry:
    """One photograph: a pair, a sharp one to be blurred, or (split "shown") a blurred one alone.

    `key` is unique in its table and names the picture everywhere; `group` is the scene or person that may not be in two
    splits.
    """

    key: str
    split: str
    group: str
    sharp: Path | None = None
    blurred: Path | None = None

    @property
    def files(self) -> list[Path]:
        """The files behind this entry."""
        return [path for path in (self.blurred, self.sharp) if path is not None]


@dataclass(frozen=True)
class Table:
    """The entries of a data set, and what was found wrong with it: one line each, naming the file."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        seen: dict[str, Entry] = {}
        for entry in self.entries:
            if entry.key in seen:
                raise UsageError(f"{entry.files[0]}: has the same key '{entry.key}' as {seen[entry.key].files[0]}; rename one")
            seen[entry.key] = entry


class Layout(Protocol):
    """A way that people have images on disk, named as they got it."""

    def table(self) -> Table:
        """The pairs in it. Raises UsageError where the folder is missing or is something else."""


def split_by_hash(groups: Iterable[str], *, validation: float = 0.1, test: float = 0.1) -> dict[str, str]:
    """Group -> split: the same on every machine, whatever the order. Each share is rounded up to one group at least.

    Raises UsageError for fewer than three groups, which cannot be split in three.
    """
    ordered = sorted(set(groups), key=lambda group: hashlib.sha256(group.encode()).hexdigest())
    if len(ordered) < 3:
        raise UsageError(f"{len(ordered)} photographs are too few to split into train, validation and test; give at least 3")
    test_count, validation_count = (max(1, round(share * len(ordered))) for share in (test, validation))
    return {
        group: TEST if place < test_count else VALIDATION if place < test_count + validation_count else TRAIN
        for place, group in enumerate(ordered)
    }


def match_by_name(blurred: Sequence[Path], sharp: Sequence[Path]) -> tuple[list[tuple[str, Path, Path]], list[str]]:
    """Pairs (stem, blurred, sharp) of files with the same stem, and a problem for every file without a twin."""
    problems: list[str] = []
    blurred_by_stem, sharp_by_stem = _by_stem(blurred, problems), _by_stem(sharp, problems)
    for mine, others, side in ((blurred_by_stem, sharp_by_stem, "sharp"), (sharp_by_stem, blurred_by_stem, "blurred")):
        problems += [f"{path}: has no {side} twin named '{stem}'" for stem, path in mine.items() if stem not in others]
    both = [(stem, path, sharp_by_stem[stem]) for stem, path in blurred_by_stem.items() if stem in sharp_by_stem]
    return both, problems


def _by_stem(paths: Sequence[Path], problems: list[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        if path.stem in found:
            problems.append(f"{path}: has the same name as {found[path.stem].name} but for the suffix")
        else:
            found[path.stem] = path
    return found

"""Inspection of a data set: its images, its problems, and the alignment of its pairs."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from deblurbench.data.alignment.estimation import Alignment, align, is_measurable
from deblurbench.data.cache import PixelCache, unequal_sides
from deblurbench.data.layouts.base import layout_called
from deblurbench.data.parallel import in_threads
from deblurbench.data.table import SHOWN, SPLITS, PairEntry, PairTable, evenly_spaced
from deblurbench.errors import UnreadableImage, one_line
from deblurbench.images.photo import described, other_files
from deblurbench.images.reading import read_photo
from deblurbench.images.sharpness import looks_blurred
from deblurbench.registry import LAYOUTS, Spec

PAIRS_MEASURED = 8
SIZES_LISTED = 5
SHARPNESS_MEASURED = 24  # photographs of a data set
FEWEST_BLURRED, BLURRED_PART = 2, 0.25  # of these that are worth a caution: single photographs are misjudged


class MeasuredPair(NamedTuple):
    """A pair and its alignment; None where no match was found."""

    key: str
    blurred: Path
    sharp: Path
    alignment: Alignment | None


@dataclass
class Inspection:
    """The findings on the data set that `spec` (a `layout` section) describes."""

    spec: Spec
    table: PairTable
    counts: dict[str, int] = field(default_factory=dict)  # of usable entries, by split
    sizes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)  # unpaired, unreadable, of different size: named one by one
    duplicates: list[str] = field(default_factory=list)
    pairs: list[MeasuredPair] = field(default_factory=list)
    measured: int = 0  # sharp sides of own images that were large enough to be judged
    blurred: list[str] = field(default_factory=list)  # the keys of those that look blurred
    other_files: Counter[str] = field(default_factory=Counter)  # by suffix: not read as images

    @property
    def displacements(self) -> list[float]:
        """The displacements of the measured pairs, in pixels."""
        return [pair.alignment.displacement for pair in self.pairs if pair.alignment]

    @property
    def is_aligned(self) -> bool | None:
        """Whether most measured pairs are aligned; None where there is none, or all are too small to tell."""
        found = [pair.alignment is not None and pair.alignment.is_aligned for pair in self.pairs]
        return 2 * sum(found) >= len(found) if found else None

    @property
    def caution(self) -> str:
        """The caution where many sharp sides look blurred already; empty otherwise."""
        if len(self.blurred) < max(FEWEST_BLURRED, BLURRED_PART * self.measured):
            return ""
        return (
            f"caution: {len(self.blurred)} of {self.measured} photographs look blurred already ({self.blurred[0]}, say): "
            "they would be the truth that models are trained towards"
        )

    @property
    def is_mostly_blurred(self) -> bool:
        """Whether these are rather photographs to restore than sharp ones to train on."""
        return bool(self.caution) and 2 * len(self.blurred) > self.measured

    @property
    def is_sound(self) -> bool:
        """Whether there is no problem, no duplicate, and no misalignment that the layout does not expect."""
        unmatched = any(pair.alignment is None for pair in self.pairs)
        unaligned = (self.is_aligned is False or unmatched) and not self.table.unaligned
        return not (self.problems or self.duplicates or unaligned)


class DecodedEntry(NamedTuple):
    """An entry, the sizes and the pixel digests of its sides; or the problem with it."""

    entry: PairEntry
    sizes: tuple[str, ...] = ()
    pixel_digests: tuple[str, ...] = ()
    problem: str | None = None


def inspect(spec: Spec, *, show_progress: bool = False) -> Inspection:
    """Decode everything that `spec` describes and measure a few pairs. Raises UsageError where the layout cannot be read."""
    table = LAYOUTS.build(spec).table()
    found = Inspection(spec, table, problems=list(table.problems))
    usable: list[DecodedEntry] = []
    # Of separate exposures only the blurred side is decoded: its sharp counterpart is among the entries.
    exposures = [replace(entry, sharp=None) for entry in table.unaligned]
    entries = [*table.entries, *exposures]
    cache_off = PixelCache(Path(), limit=0)
    decoded = in_threads(
        lambda entry: _decode(entry, cache_off), entries, description=f"reading {spec['name']}", show_progress=show_progress
    )
    for index, one in enumerate(decoded):
        if one.problem:
            found.problems.append(one.problem)
            continue
        found.sizes.update(one.sizes[:1])
        if index < len(table.entries):
            usable.append(one)
    found.problems = list(dict.fromkeys(found.problems))  # an exposure may be an entry of the split "shown", too
    found.counts = {split: sum(one.entry.split == split for one in usable) for split in (*SPLITS, SHOWN)}
    found.duplicates = list(_duplicates(usable))
    paired = table.unaligned or [one.entry for one in usable if one.entry.sharp and one.entry.blurred]
    found.pairs = list(_measured(evenly_spaced(paired, PAIRS_MEASURED)))
    if not layout_called(spec["name"]).origin.url:  # what is published is as it is
        _measure_sharpness(found, [one.entry for one in usable])
    if Path(spec["path"]).is_dir():
        found.other_files = other_files(Path(spec["path"]), onerror=lambda error: found.problems.append(one_line(error)))
    return found


def sharpness_caution(spec: Spec) -> str:
    """The caution of `spec` alone, without decoding more than a few images; empty where there is none."""
    found = Inspection(spec, LAYOUTS.build(spec).table())
    if not layout_called(spec["name"]).origin.url:
        _measure_sharpness(found, list(found.table.entries))
    return found.caution


def describe(found: Inspection) -> Iterator[str]:
    """The findings as lines of text."""
    yield f"{found.spec['path']}: {found.spec['name']}, {layout_called(found.spec['name']).origin.title}"
    if found.table.unaligned:
        yield f"  pairs of separate exposures: {len(found.table.unaligned)}"
    yield "  images: " + ", ".join(f"{count} {split}" for split, count in found.counts.items() if count or split != SHOWN)
    sizes = found.sizes.most_common(SIZES_LISTED)
    more = f" and {len(found.sizes) - SIZES_LISTED} other sizes" if len(found.sizes) > SIZES_LISTED else ""
    yield "  sizes: " + ", ".join(f"{size} ({count})" for size, count in sizes) + more
    if found.other_files:
        yield f"  files that are not read: {described(found.other_files)}"
    for title, lines in (
        ("unpaired, unreadable or otherwise unusable", found.problems),
        ("in two splits", found.duplicates),
    ):
        yield f"  {title}: {len(lines)}"
        yield from (f"    {one!r}" if "\n" in one else f"    {one}" for one in lines)
    yield from _describe_alignment(found)
    if found.caution:
        yield f"  {found.caution}"


def _describe_alignment(found: Inspection) -> Iterator[str]:
    if not found.pairs:
        has_pairs = any(entry.sharp and entry.blurred for entry in found.table.entries)
        yield "  alignment: " + ("pairs too small to tell" if has_pairs else "sharp photographs only, to be blurred by us")
        return
    if not found.displacements:
        yield f"  alignment: none of {len(found.pairs)} pairs could be matched: do they show one scene? see --picture FILE"
        return
    apart, scales = found.displacements, [pair.alignment.scale for pair in found.pairs if pair.alignment]
    verdict = "aligned" if found.is_aligned else "NOT aligned"
    yield (
        f"  alignment of {len(apart)} pairs: {verdict}; corners {statistics.median(apart):.1f} pixels apart in the median, "
        f"{min(apart):.1f} to {max(apart):.1f}; scale {min(scales):.3f} to {max(scales):.3f}"
    )
    if len(apart) < len(found.pairs):
        unmatched = ", ".join(pair.key for pair in found.pairs if pair.alignment is None)
        yield f"  could not be matched at all (do they show one scene?): {unmatched}"
    if not found.is_aligned:
        yield "  so by default the sharp side is blurred by us (blur: motion, say); register: true registers the pairs instead"


def _decode(entry: PairEntry, cache: PixelCache) -> DecodedEntry:
    try:
        sides = [cache.add(source) for source in entry.sources]
    except UnreadableImage as error:
        return DecodedEntry(entry, problem=str(error))
    if problem := unequal_sides(entry, sides):
        return DecodedEntry(entry, problem=problem)
    return DecodedEntry(
        entry, tuple(side.size for side in sides), tuple(side.pixel_digest for side in sides if side.pixel_digest)
    )


def _measure_sharpness(found: Inspection, usable: list[PairEntry]) -> None:
    """Judge the sharp sides of a few of the `usable` entries."""
    files = [(entry.key, entry.sharp) for entry in usable if isinstance(entry.sharp, Path)]
    for key, path in evenly_spaced(files, SHARPNESS_MEASURED):
        try:
            verdict = looks_blurred(read_photo(path).pixels)
        except UnreadableImage:
            continue  # named already, or by the run
        found.measured += verdict is not None
        if verdict:
            found.blurred.append(key)


def _duplicates(usable: list[DecodedEntry]) -> Iterator[str]:
    """The same pixels in two splits, whatever the names and formats of the files."""
    first: dict[str, PairEntry] = {}
    for one in usable:
        for pixel_digest, source in zip(one.pixel_digests, one.entry.sources, strict=False):
            other = first.setdefault(pixel_digest, one.entry)
            if other.split != one.entry.split and SHOWN not in (other.split, one.entry.split):
                yield f"{source} ({one.entry.split}) is the same picture as {other.sources[0]} ({other.split})"
                break


def _measured(entries: list[PairEntry]) -> Iterator[MeasuredPair]:
    for entry in entries:
        assert isinstance(entry.blurred, Path)  # chosen because they have both sides, which idx files have not
        assert isinstance(entry.sharp, Path)
        try:
            blurred, sharp = (read_photo(path).pixels for path in (entry.blurred, entry.sharp))
        except UnreadableImage:
            continue  # named already
        if blurred.shape == sharp.shape and is_measurable(sharp):
            yield MeasuredPair(entry.key, entry.blurred, entry.sharp, align(blurred, sharp))

"""The truth about a data set: what it holds, what is wrong with it, and whether its pairs are pairs."""

from __future__ import annotations

import os
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
from deblurbench.data.table import SHOWN, SPLITS, Entry, PairTable, evenly_spaced
from deblurbench.errors import UnreadableImage, one_line
from deblurbench.images.photo import is_image_name
from deblurbench.images.reading import read_photo
from deblurbench.registry import LAYOUTS, Spec

PAIRS_MEASURED = 8
SIZES_SAID = 5


class Pair(NamedTuple):
    """A pair that was measured; no alignment where no match was found."""

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
    pairs: list[Pair] = field(default_factory=list)
    other_files: Counter[str] = field(default_factory=Counter)  # by suffix: not read as images

    @property
    def displacements(self) -> list[float]:
        """Pixels by which the measured pairs are apart."""
        return [pair.alignment.displacement for pair in self.pairs if pair.alignment]

    @property
    def is_aligned(self) -> bool | None:
        """Whether most measured pairs are aligned; None where there is none, or all are too small to tell."""
        found = [pair.alignment is not None and pair.alignment.is_aligned for pair in self.pairs]
        return 2 * sum(found) >= len(found) if found else None

    @property
    def is_sound(self) -> bool:
        """Whether there is nothing to complain of."""
        unmatched = any(pair.alignment is None for pair in self.pairs)
        unaligned = (self.is_aligned is False or unmatched) and not self.table.unaligned
        return not (self.problems or self.duplicates or unaligned)


class Seen(NamedTuple):
    """An entry whose sides were decoded: their sizes and digests of their pixels, or what is wrong."""

    entry: Entry
    sizes: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    problem: str | None = None


def inspect(spec: Spec, *, show_progress: bool = False) -> Inspection:
    """Decode everything that `spec` describes and measure a few pairs. Raises UsageError where the layout cannot be read."""
    table = LAYOUTS.build(spec).table()
    found = Inspection(spec, table, problems=list(table.problems))
    usable: list[Seen] = []
    # Of separate exposures the blurred side alone is looked at: its sharp counterpart is among the entries.
    exposures = [replace(entry, sharp=None) for entry in table.unaligned]
    entries = [*table.entries, *exposures]
    doing = f"reading {spec['name']}"
    nothing_kept = PixelCache(Path(), limit=0)
    looked = in_threads(lambda entry: _look_at(entry, nothing_kept), entries, doing=doing, show_progress=show_progress)
    for place, seen in enumerate(looked):
        if seen.problem:
            found.problems.append(seen.problem)
            continue
        found.sizes.update(seen.sizes[:1])
        if place < len(table.entries):
            usable.append(seen)
    found.problems = list(dict.fromkeys(found.problems))  # an exposure may be shown, too
    found.counts = {split: sum(seen.entry.split == split for seen in usable) for split in (*SPLITS, SHOWN)}
    found.duplicates = list(_duplicates(usable))
    paired = table.unaligned or [seen.entry for seen in usable if seen.entry.sharp and seen.entry.blurred]
    found.pairs = list(_measured(evenly_spaced(paired, PAIRS_MEASURED)))
    if Path(spec["path"]).is_dir():
        _count_other_files(found)
    return found


def describe(found: Inspection) -> Iterator[str]:
    """The findings as lines for people."""
    yield f"{found.spec['path']}: {found.spec['name']}, {layout_called(found.spec['name']).origin.title}"
    if found.table.unaligned:
        yield f"  pairs of separate exposures: {len(found.table.unaligned)}"
    yield "  images: " + ", ".join(f"{count} {split}" for split, count in found.counts.items() if count or split != SHOWN)
    sizes = found.sizes.most_common(SIZES_SAID)
    more = f" and {len(found.sizes) - SIZES_SAID} other sizes" if len(found.sizes) > SIZES_SAID else ""
    yield "  sizes: " + ", ".join(f"{size} ({count})" for size, count in sizes) + more
    if found.other_files:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in found.other_files.most_common(8))
        yield f"  files that are not read: {kinds}"
    for title, lines in (
        ("unpaired, unreadable or otherwise unusable", found.problems),
        ("in two splits", found.duplicates),
    ):
        yield f"  {title}: {len(lines)}"
        yield from (f"    {one!r}" if "\n" in one else f"    {one}" for one in lines)
    yield from _describe_alignment(found)


def _describe_alignment(found: Inspection) -> Iterator[str]:
    if not found.pairs:
        has_pairs = any(entry.sharp and entry.blurred for entry in found.table.entries)
        yield "  alignment: " + ("pairs too small to tell" if has_pairs else "sharp photographs only, to be blurred by us")
        return
    if not found.displacements:
        yield f"  alignment: none of {len(found.pairs)} pairs could be matched: are they counterparts? look with --picture FILE"
        return
    apart, scales = found.displacements, [pair.alignment.scale for pair in found.pairs if pair.alignment]
    verdict = "aligned" if found.is_aligned else "NOT aligned"
    yield (
        f"  alignment of {len(apart)} pairs: {verdict}; corners {statistics.median(apart):.1f} pixels apart in the median, "
        f"{min(apart):.1f} to {max(apart):.1f}; scale {min(scales):.3f} to {max(scales):.3f}"
    )
    if len(apart) < len(found.pairs):
        unmatched = ", ".join(pair.key for pair in found.pairs if pair.alignment is None)
        yield f"  could not be matched at all (are they counterparts?): {unmatched}"
    if not found.is_aligned:
        yield "  so by default the sharp side is blurred by us (blur: motion, say); register: true registers the pairs instead"


def _look_at(entry: Entry, cache: PixelCache) -> Seen:
    try:
        sides = [cache.add(source) for source in entry.files]
    except UnreadableImage as error:
        return Seen(entry, problem=str(error))
    if problem := unequal_sides(entry, sides):
        return Seen(entry, problem=problem)
    return Seen(entry, tuple(side.size for side in sides), tuple(side.pixel_digest for side in sides if side.pixel_digest))


def _count_other_files(found: Inspection) -> None:
    """Count files that are not read; folders without permission are problems."""
    for folder, _, names in os.walk(found.spec["path"], onerror=lambda error: found.problems.append(one_line(error))):
        others = (Path(folder, name) for name in names if not is_image_name(Path(name)))
        found.other_files.update(path.suffix.lower() or "no suffix" for path in others)


def _duplicates(usable: list[Seen]) -> Iterator[str]:
    """The same pixels in two splits, whatever the files are called or packed as."""
    first: dict[str, Entry] = {}
    for seen in usable:
        for content, source in zip(seen.contents, seen.entry.files, strict=False):
            other = first.setdefault(content, seen.entry)
            if other.split != seen.entry.split and SHOWN not in (other.split, seen.entry.split):
                yield f"{source} ({seen.entry.split}) is the same picture as {other.files[0]} ({other.split})"
                break


def _measured(entries: list[Entry]) -> Iterator[Pair]:
    for entry in entries:
        assert isinstance(entry.blurred, Path)  # chosen because they have both sides, which idx files have not
        assert isinstance(entry.sharp, Path)
        try:
            blurred, sharp = (read_photo(path).pixels for path in (entry.blurred, entry.sharp))
        except UnreadableImage:
            continue  # named already
        if blurred.shape == sharp.shape and is_measurable(sharp):
            yield Pair(entry.key, entry.blurred, entry.sharp, align(blurred, sharp))

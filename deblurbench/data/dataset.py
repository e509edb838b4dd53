"""A data set that a `datasets` entry of an experiment describes, and how it is prepared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, NamedTuple

from annotated_types import Interval

from deblurbench.blur.camera import Probability
from deblurbench.data.alignment.notes import misalignment, misalignment_note, registration_note
from deblurbench.data.alignment.registered_pairs import registered_pair
from deblurbench.data.cache import PixelCache, unequal_sides
from deblurbench.data.degradation import Degradation
from deblurbench.data.manifests import Manifests
from deblurbench.data.parallel import in_threads
from deblurbench.data.prepared import FILES, REGISTERED, SYNTHETIC, Item, PreparedDataset
from deblurbench.data.table import SHOWN, SPLITS, TEST, TRAIN, VALIDATION, PairEntry, PairTable, evenly_spaced
from deblurbench.errors import UnreadableImage, UsageError
from deblurbench.images.photo import Pixels
from deblurbench.registry import CAMERAS, LAYOUTS, BlurSpec, CameraSpec, LayoutSpec, PositiveInt

PAIRS_MEASURED = 5  # of a data set, to learn whether its sides are aligned
BLUR_OF_UNALIGNED = "mixed"  # of sharp photographs whose blurred sides are separate exposures
SHOWN_OF_UNALIGNED = 3

Items = dict[str, list[Item]]  # by split
Candidates = Annotated[int, Interval(ge=1, le=64)]
Reduction = Annotated[float, Interval(ge=1, le=4)]
Tones = Annotated[float, Interval(ge=0, le=1)]


class Decoded(NamedTuple):
    """An item, and the displacement of its sides in pixels, if they were registered."""

    item: Item
    displacement: float | None


@dataclass(frozen=True, eq=False, slots=True)
class PairedDataset:
    """A data set that is still to be prepared: pairs of blurred and sharp images, from files or blurred by us.

    `degradation` is needed where sharp photographs have no blurred counterpart, and replaces it where they have one.
    Pairs from files whose sides turn out to be separate exposures, not aligned, are not used as they are: the sharp side is
    blurred by us instead, by the `camera`. Of one to `patch_candidates` random patches of a photograph the most detailed is
    trained on; where it is blurred by us, it is reduced by a factor of at most `patch_reduction`, given other tones
    (`patch_tones`), and made grey with the probability `patch_grey`. With `register` true they are registered, with false
    used as they are. What cannot be used is left out, or an error with `strict`.
    """

    name: str
    table: PairTable
    cache: PixelCache
    degradation: Degradation | None
    camera: CameraSpec
    test_crop: int | None
    patch_candidates: int
    patch_reduction: float
    patch_tones: float
    patch_grey: float
    register: bool | None
    strict: bool

    def __post_init__(self) -> None:
        has_counterparts = all(entry.blurred is not None for entry in self.entries)
        if self.register and (self.degradation is not None or not has_counterparts):
            raise UsageError(
                f"datasets.{self.name}.register: only pairs from files can be registered; leave it out, or leave out blur"
            )
        if self.degradation is None and not has_counterparts:
            raise UsageError(f"datasets.{self.name}.blur: these photographs have no blurred counterparts; say how to blur them")

    @property
    def entries(self) -> tuple[PairEntry, ...]:
        """The entries of the table that are used: those of separate exposures where these are to be registered."""
        return self.table.unaligned if self.register and self.table.unaligned else self.table.entries

    def prepare(self, *, show_progress: bool = False) -> PreparedDataset:
        """Decode every file, on all cores, and leave out what cannot be used. Raises UsageError where a split has nothing."""
        problems, decoded = list(self.table.problems), list[Decoded]()
        for found in in_threads(self._decoded, self.entries, description=f"reading {self.name}", show_progress=show_progress):
            if isinstance(found, Decoded):
                decoded.append(found)
            else:
                problems.append(found)
        items: Items = {split: [one.item for one in decoded if one.item.entry.split == split] for split in (*SPLITS, SHOWN)}
        problems += _leave_out_duplicates(items)
        degradation, notes = self.degradation, []
        if self.register:
            notes.append(registration_note([one.displacement for one in decoded if one.displacement is not None]))
        elif degradation is None and (apart := misalignment(self._sample(items))):
            if self.register is None:
                degradation = Degradation.build(BLUR_OF_UNALIGNED, self.camera, f"datasets.{self.name}")
                items = _unpaired(items)
            notes.append(misalignment_note(apart, used=self.register is False))
        self._refuse(items, problems)
        return PreparedDataset(
            name=self.name,
            pairs=REGISTERED if self.register else FILES if degradation is None else SYNTHETIC,
            splits=_sorted(items) if degradation else _with_blurs(_sorted(items)),
            cache=self.cache,
            degradation=degradation,
            test_crop=self.test_crop,
            patch_candidates=self.patch_candidates,
            patch_reduction=self.patch_reduction,
            patch_tones=self.patch_tones,
            patch_grey=self.patch_grey,
            problems=tuple(problems),
            notes=tuple(notes),
        )

    def _decoded(self, entry: PairEntry) -> Decoded | str:
        """The entry with its decoded sides, or the problem with it."""
        needs_blurred = self.degradation is None or entry.sharp is None
        displacement = None
        try:
            sharp = None if entry.sharp is None else self.cache.add(entry.sharp)
            blurred = None if entry.blurred is None or not needs_blurred else self.cache.add(entry.blurred)
            if sharp and blurred and (problem := unequal_sides(entry, (blurred, sharp))):
                return problem
            if self.register:
                assert sharp is not None  # `__post_init__` has seen that both sides are there
                assert blurred is not None
                blurred, sharp, displacement = registered_pair(self.cache, blurred, sharp)
        except UnreadableImage as error:
            return str(error)
        return Decoded(Item(entry, sharp, blurred), displacement)

    def _sample(self, items: Items) -> Iterator[tuple[Pixels, Pixels]]:
        """A few pairs from files, evenly spaced, (blurred, sharp)."""
        for item in evenly_spaced([item for split in SPLITS for item in items[split]], PAIRS_MEASURED):
            assert item.sharp is not None  # SPLITS have both sides where nothing is blurred by us
            assert item.blurred is not None
            yield self.cache.pixels(item.blurred), self.cache.pixels(item.sharp)

    def _refuse(self, items: Items, problems: Sequence[str]) -> None:
        """Raise UsageError where a split has nothing, or anything was left out although the data set is `strict`."""
        if self.strict and problems:
            raise UsageError(f"datasets.{self.name}: {problems[0]} ({len(problems)} such problems, strict: true)")
        for split in SPLITS:
            if not items[split]:
                why = f"; {len(problems)} were left out, the first: {problems[0]}" if problems else ""
                raise UsageError(f"datasets.{self.name}: no usable {split} images{why}")


def open_dataset(
    name: str,
    cache: PixelCache,
    *,
    layout: LayoutSpec,
    blur: BlurSpec | None = None,
    camera: CameraSpec = "sensor",
    test_crop: PositiveInt | None = None,
    patch_candidates: Candidates = 1,
    patch_reduction: Reduction = 1.0,
    patch_tones: Tones = 0.0,
    patch_grey: Probability = 0.0,
    register: bool | None = None,
    strict: bool = False,
) -> PairedDataset:
    """The data set that a `datasets` entry of an experiment describes; its keyword arguments are the entry's schema."""
    where = f"datasets.{name}"
    reader = LAYOUTS.build(layout, f"{where}.layout")
    degradation = None if blur is None else Degradation.build(blur, camera, where)
    CAMERAS.build(camera, f"{where}.camera")  # its errors are raised here even where nothing needs to be blurred
    return PairedDataset(
        name=name, table=reader.table(), cache=cache, degradation=degradation, camera=camera, test_crop=test_crop,
        patch_candidates=patch_candidates, patch_reduction=patch_reduction, patch_tones=patch_tones,
        patch_grey=patch_grey, register=register, strict=strict,
    )  # fmt: skip


def _leave_out_duplicates(items: Items) -> Iterator[str]:
    """Remove from train and validation the images that are in a later split, too, and yield a problem for each."""
    seen: dict[str, Item] = {}
    for split in (TEST, VALIDATION, TRAIN):
        kept = []
        for item in items[split]:
            digests = [side.pixel_digest for side in (item.sharp, item.blurred) if side and side.pixel_digest]
            duplicate = next((seen[one] for one in digests if one in seen and seen[one].entry.split != split), None)
            if duplicate is None:
                kept.append(item)
                seen.update((one, item) for one in digests)
            else:
                first, other = item.entry.sources[0], duplicate.entry.sources[0]
                yield f"{first}: holds the same picture as {other} of the {duplicate.entry.split} split; left out of {split}"
        items[split] = kept


def _unpaired(items: Items) -> Items:
    """`items` without their blurred sides, which match no sharp one; a few of the test split go to the split "shown"."""
    shown = []
    for item in items[TEST][:SHOWN_OF_UNALIGNED]:
        key = f"{item.entry.key}-as-photographed"
        entry = PairEntry(key, SHOWN, item.entry.group, blurred=item.entry.blurred)
        shown.append(Item(entry, None, item.blurred))
    return {
        **{split: [replace(item, blurred=None) for item in items[split]] for split in SPLITS},
        SHOWN: [*items[SHOWN], *shown],
    }


def _sorted(items: Items) -> dict[str, tuple[Item, ...]]:
    return {split: tuple(sorted(found, key=lambda item: item.entry.key)) for split, found in items.items()}


def _with_blurs(items: dict[str, tuple[Item, ...]]) -> dict[str, tuple[Item, ...]]:
    """`items`, those of the test split with the blur that manifests beside their files record."""
    manifests = Manifests()

    def known(item: Item) -> Item:
        path = item.entry.blurred
        return replace(item, blur=manifests.blur_of(path)) if isinstance(path, Path) else item

    return {**items, TEST: tuple(map(known, items[TEST]))}

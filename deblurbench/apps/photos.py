"""Deblurring photographs: files in, files out; one is read and one written while another is restored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from deblurbench.apps.before_after import before_and_after, measure_change
from deblurbench.apps.deblur_outcome import DeblurOutcome, advance, failure_named, percent_bar
from deblurbench.apps.photo_plan import comparison_path
from deblurbench.apps.photo_restorers import PhotoRestorer, restore_photo
from deblurbench.background import ahead, behind
from deblurbench.images.photo import Photo
from deblurbench.images.reading import read_photo
from deblurbench.images.sharpness import looks_blurred
from deblurbench.images.writing import write_photo


def deblur_photos(
    restorer: PhotoRestorer, plan: Sequence[tuple[Path, Path]], outcome: DeblurOutcome, *, draws_comparison: bool = False
) -> None:
    """Restore each photograph of `plan`: same size, orientation, depth and transparency out. One that fails is named."""
    # Each thread holds one photograph at most.
    with closing(ahead(_read(plan))) as read, behind() as write, percent_bar() as bar:
        for number, (source, target, photo) in enumerate(read):
            with failure_named(outcome, source, target):
                if isinstance(photo, Exception):
                    raise photo
                restored = restore_photo(restorer, photo, partial(advance, bar, "photograph", number, len(plan)))
                if outcome.tiling_difference is None:
                    outcome.tiling_difference = restorer.tiling_difference(photo.pixels)
                write(_write, outcome, source, target, (photo, restored), restorer.how.strength, draws_comparison)
            advance(bar, "photograph", number, len(plan), 1.0)


def _read(plan: Sequence[tuple[Path, Path]]) -> Iterator[tuple[Path, Path, Photo | Exception]]:
    """Each source and target with the photograph, or why it could not be read."""
    for source, target in plan:
        try:
            yield source, target, read_photo(source)
        except Exception as error:
            yield source, target, error


def _write(
    outcome: DeblurOutcome, source: Path, target: Path, sides: tuple[Photo, Photo], strength: float, draws_comparison: bool
) -> None:
    """Write the restored one of `sides`, and what is to be said of it into `outcome`."""
    photo, restored = sides
    with failure_named(outcome, source, target):
        write_photo(target, restored)
        outcome.written.append(target)
        if draws_comparison:
            write_photo(comparison_path(target), before_and_after(photo, restored))
        if photo.frames > 1:
            outcome.notes.append(f"{source}: only the first of its {photo.frames} frames was restored")
        change = measure_change(photo, restored, strength)
        outcome.changes.append(f"{source}: values were changed by {change.rms:.2f} of 255 (root mean square)")
        if strength > 0 and not change.is_visible:
            outcome.notes.append(f"{source}: {_why_hardly_changed(photo)}")


def _why_hardly_changed(photo: Photo) -> str:
    whys = {
        True: "it looks blurred, but more or otherwise than what the model was trained on",
        False: "it is sharp already",
        None: "it is sharp already, or blurred more or otherwise than what the model was trained on",
    }
    why = whys[looks_blurred(photo.pixels)]
    return f"was changed by less than one can see (99.9 % of its values by at most 4 of 255); {why}"

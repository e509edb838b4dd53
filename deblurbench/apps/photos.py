"""Deblurring photographs: files in, files out; one is read and one written while another is restored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from deblurbench.apps.before_after import before_and_after, measure_change
from deblurbench.apps.photo_restorers import PhotoRestorer, restore_photo
from deblurbench.errors import DeblurbenchError, one_line
from deblurbench.images.photo import Photo
from deblurbench.images.reading import read_photo
from deblurbench.images.writing import write_photo
from deblurbench.progress import progress_bar

COMPARED = "-before-after.jpg"
PERCENT = 100


@dataclass
class DeblurOutcome:
    """Files that were written, messages of those that failed, and the effect of tiles on the first photograph that needed them.

    `notes` has a line for each file of which only the first frame was restored, or that hardly changed; `changes` one for each
    that was restored, with how much there was to do.
    """

    written: list[Path] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    tiling_difference: float | None = None  # in [0, 1]; None where tiles change nothing


def deblur_files(
    restorer: PhotoRestorer, plan: Sequence[tuple[Path, Path]], *, draws_comparison: bool = False
) -> DeblurOutcome:
    """Restore each photograph of `plan`: same size, orientation, depth and transparency out. One that fails is named."""
    outcome = DeblurOutcome()
    # Two threads besides, since decoding and encoding leave the interpreter to others; each holds one photograph at most.
    with (
        ThreadPoolExecutor(1) as reader,
        ThreadPoolExecutor(1) as writer,
        progress_bar(total=PERCENT, desc="deblurring", unit="%") as bar,
    ):
        reading = reader.submit(read_photo, plan[0][0])
        writing: Future[None] | None = None
        for number, (source, target) in enumerate(plan):
            read = reading
            if number + 1 < len(plan):
                reading = reader.submit(read_photo, plan[number + 1][0])
            with _failure_named(outcome, target):
                photo = read.result()
                restored = restore_photo(restorer, photo, partial(_advance, bar, number, len(plan)))
                if outcome.tiling_difference is None:
                    outcome.tiling_difference = restorer.tiling_difference(photo.pixels)
                if writing is not None:
                    writing.result()
                writing = writer.submit(_write, outcome, source, target, (photo, restored), draws_comparison)
            _advance(bar, number, len(plan), 1.0)
    return outcome


def describe(outcome: DeblurOutcome, out: Path, *, tile: int, verbose: bool) -> Iterator[str]:
    """Yield lines on what was done, for people; `verbose` adds how much each photograph was changed."""
    if outcome.tiling_difference is not None:
        change = f"tiles of {tile} changed values by up to {outcome.tiling_difference * 255:.1f} of 255"
        yield f"note: this network looks at the whole image at once; {change}"
    if verbose:
        yield from outcome.changes
    yield from (f"note: {note}" for note in outcome.notes)
    if len(outcome.written) == 1:
        yield f"wrote {outcome.written[0]}"
    elif outcome.written:
        yield f"wrote {len(outcome.written)} photographs to {out}"


def _write(outcome: DeblurOutcome, source: Path, target: Path, sides: tuple[Photo, Photo], draws_comparison: bool) -> None:
    """Write the restored one of `sides`, and what is to be said of it into `outcome`."""
    photo, restored = sides
    with _failure_named(outcome, target):
        write_photo(target, restored)
        if draws_comparison:
            write_photo(target.with_name(f"{target.stem}{COMPARED}"), before_and_after(photo, restored))
        outcome.written.append(target)
        if photo.frames > 1:
            outcome.notes.append(f"{source}: only the first of its {photo.frames} frames was restored")
        change = measure_change(photo, restored)
        outcome.changes.append(f"{source}: values were changed by {change.rms:.2f} of 255 (root mean square)")
        if not change.is_visible:
            outcome.notes.append(
                f"{source}: was changed by less than one can see (99.9 % of its values by at most 4 of 255); it is sharp "
                "already, or blurred more or otherwise than what the model was trained on"
            )


@contextmanager
def _failure_named(outcome: DeblurOutcome, target: Path) -> Iterator[None]:
    """Put whatever fails within into `outcome`; the other photographs are still to be tried."""
    try:
        yield
    except DeblurbenchError as error:
        outcome.failed.append(str(error))
    except Exception as error:  # out of memory, a full disk
        outcome.failed.append(f"{target}: {getattr(error, 'strerror', None) or one_line(error)}")


def _advance(bar: tqdm[Any], number: int, count: int, fraction: float) -> None:
    """Show that `fraction` of photograph `number` of `count` is restored."""
    bar.set_description(f"photograph {number + 1} of {count}", refresh=False)
    bar.update(int(PERCENT * (number + fraction) / count) - bar.n)

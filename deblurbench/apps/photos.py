"""Deblurring photographs: files in, files out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from deblurbench.apps.before_after import before_and_after, is_visible
from deblurbench.apps.winner import find_winner, load_winner
from deblurbench.errors import DeblurbenchError, UsageError, one_line
from deblurbench.files import require_place
from deblurbench.images.cropping import center_crop
from deblurbench.images.photo import SUFFIXES, WRITTEN, Photo, is_image_name, left_out_note, list_images
from deblurbench.images.reading import read_photo
from deblurbench.images.tensors import to_tensor, with_pixels
from deblurbench.images.writing import write_photo, written_name
from deblurbench.models.base import Restorer
from deblurbench.models.loading import load
from deblurbench.models.restoration import RestoreOptions
from deblurbench.models.windows import CONTEXT
from deblurbench.progress import progress_bar

COMPARED = "-before-after.jpg"


@dataclass(frozen=True)
class Deblurring:
    """How photographs are deblurred: tiles of so many pixels, the seed of samplers, and whether before and after are drawn."""

    device: torch.device
    tile: int
    seed: int = 0
    draws_comparison: bool = False


@dataclass
class DeblurOutcome:
    """Files that were written, messages of those that failed, and the effect of tiles on the first photograph that needed them.

    `notes` has a line for each file of which only the first frame was restored, or that hardly changed.
    """

    written: list[Path] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tiling_difference: float | None = None  # in [0, 1]; None where tiles change nothing


@dataclass(frozen=True)
class FilePlan:
    """The photographs to deblur, each with the path of the restored one, and lines about what is left as it is."""

    files: tuple[tuple[Path, Path], ...]
    notes: tuple[str, ...]


def choose_restorer(
    checkpoint: Path | None, results: Path | None, dataset: str | None, device: torch.device
) -> tuple[Restorer, list[str]]:
    """The restorer of a checkpoint, or the winner of a results folder, and lines about the choice. Raises UsageError."""
    if (checkpoint is None) == (results is None):
        raise UsageError("--model, --results: give one of them: a checkpoint, or a results folder whose winner is taken")
    if checkpoint is not None:
        if dataset is not None:
            raise UsageError("--dataset: needs --results, the folder whose winner on that data set is taken")
        return load(checkpoint, device=device), []
    assert results is not None
    winner = find_winner(results, dataset)
    lines = [f"with the winner of {results}: {winner.title}{winner.rivals}"]
    if not winner.beats_input:
        lines.append("note: on its test photographs it is not significantly better than doing nothing")
    return load_winner(results, winner, device), lines


def plan_files(inputs: Sequence[Path], out: Path, *, overwrites: bool) -> FilePlan:
    """Plan the files and the images directly in folders. A single file may have a file name as `out`.

    Outputs that exist are left as they are, unless `overwrites`. Raises UsageError for what does not exist, for two that
    would be written to one place, for an input overwritten, and where nothing is left to do.
    """
    photos, notes = _photos(inputs)
    to_one_file = len(photos) == 1 and not inputs[0].is_dir() and is_image_name(out) and not out.is_dir()
    if to_one_file and out.suffix.lower() not in WRITTEN:
        raise UsageError(f"--out: {out}: images are written as {', '.join(WRITTEN)}; choose one of these")
    require_place(out.parent if to_one_file else out, "--out")
    plan = [(photo, out if to_one_file else out / written_name(photo)) for photo in photos]
    sources: dict[Path, Path] = {}
    for photo, target in plan:
        if target in sources:
            raise UsageError(f"{photo}: would be written to {target} like {sources[target]}; deblur them into two folders")
        if target.exists() and target.resolve() == photo.resolve():
            raise UsageError(f"{photo}: would be overwritten; choose another --out")
        sources[target] = photo
    existing = [] if overwrites else [target for _, target in plan if target.exists()]
    if len(existing) == len(plan):
        which = f"{existing[0]}: exists" if len(existing) == 1 else f"{out}: all {len(existing)} outputs exist"
        raise UsageError(f"{which} already; give --overwrite to replace what is there, or another --out")
    if existing:
        notes.append(
            f"{len(existing)} of {len(plan)} outputs exist already in {out} and are left alone; --overwrite replaces them"
        )
    return FilePlan(tuple((photo, target) for photo, target in plan if target not in existing), tuple(notes))


def _photos(inputs: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The photographs among files and folders, and a line about what each folder holds besides."""
    photos: list[Path] = []
    notes: list[str] = []
    for path in inputs:
        if path.is_dir():
            found = list_images(path)
            if not found:
                raise UsageError(f"{path}: holds no images ({', '.join(SUFFIXES)}); give a folder that does")
            photos += found
            notes += filter(None, [left_out_note(path)])
        elif path.is_file():
            photos.append(path)
        elif path.exists():
            raise UsageError(f"{path}: is a pipe, a socket or a device; give a file or a folder")
        else:
            raise UsageError(f"{path}: there is no such file or folder")
    return photos, notes


def deblur_files(model: Restorer, plan: Sequence[tuple[Path, Path]], how: Deblurring) -> DeblurOutcome:
    """Restore each photograph of `plan`: same size, orientation, depth and transparency out. One that fails is named."""
    outcome = DeblurOutcome()
    for source, target in progress_bar(plan, desc="deblurring", unit="photo"):
        try:
            photo = read_photo(source)
            restored = _restore(model, photo, how)
            write_photo(target, restored)
            if how.draws_comparison:
                write_photo(target.with_name(f"{target.stem}{COMPARED}"), before_and_after(photo, restored))
            if outcome.tiling_difference is None and max(photo.pixels.shape[:2]) > how.tile:
                outcome.tiling_difference = _tiling_difference(model, photo, how)
        except DeblurbenchError as error:
            outcome.failed.append(str(error))
        except Exception as error:  # out of memory, a full disk: whatever it is, the others are still to be tried
            outcome.failed.append(f"{target}: {getattr(error, 'strerror', None) or one_line(error)}")
        else:
            outcome.written.append(target)
            if photo.frames > 1:
                outcome.notes.append(f"{source}: only the first of its {photo.frames} frames was restored")
            if not is_visible(photo, restored):
                outcome.notes.append(
                    f"{source}: was changed by less than one can see (99.9 % of its values by at most 4 of 255); it is sharp "
                    "already, or blurred more or otherwise than what the model was trained on"
                )
    return outcome


def _tiling_difference(model: Restorer, photo: Photo, how: Deblurring) -> float | None:
    """The largest change of the center crop of `photo` by tiles; None where no network sees the whole image."""
    if not model.sees_whole_image:
        return None
    rows, columns = (center_crop(side, how.tile + 2 * CONTEXT) for side in photo.pixels.shape[:2])  # two tiles a side
    part = to_tensor(photo.pixels[rows, columns]).to(how.device)
    tiled, whole = (model.restore(part, RestoreOptions(seed=how.seed, tile=size)) for size in (how.tile, None))
    return float((tiled - whole).abs().max())


def _restore(model: Restorer, photo: Photo, how: Deblurring) -> Photo:
    options = RestoreOptions(seed=how.seed, tile=how.tile)
    return with_pixels(photo, model.restore(to_tensor(photo.pixels).to(how.device), options))

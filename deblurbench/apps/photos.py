"""Deblurring photographs: files in, files out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from deblurbench.errors import DeblurbenchError, UsageError, one_line
from deblurbench.files import require_place
from deblurbench.images.cropping import center_crop
from deblurbench.images.photo import SUFFIXES, Photo, is_image_name, list_images
from deblurbench.images.reading import read_photo
from deblurbench.images.tensors import to_tensor, with_pixels
from deblurbench.images.writing import write_photo
from deblurbench.models.base import Restorer
from deblurbench.models.restoration import RestoreOptions
from deblurbench.models.windows import CONTEXT
from deblurbench.progress import progress_bar


@dataclass
class DeblurOutcome:
    """Files that were written, messages of those that failed, and the effect of tiles on the first photograph that needed them.

    `in_part` has a line for each file of which only the first frame was restored.
    """

    written: list[Path] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    in_part: list[str] = field(default_factory=list)
    tiling_difference: float | None = None  # in [0, 1]; None where tiles change nothing


def plan_files(inputs: Sequence[Path], out: Path) -> list[tuple[Path, Path]]:
    """Return (photograph, path of the restored one) for files and folders. A single file may have a file name as `out`.

    Raises UsageError for what does not exist, for two that would be written to one place, and for an input overwritten.
    """
    photos: list[Path] = []
    for path in inputs:
        if path.is_dir():
            found = list_images(path)
            if not found:
                raise UsageError(f"{path}: holds no images ({', '.join(SUFFIXES)}); give a folder that does")
            photos += found
        elif path.is_file():
            photos.append(path)
        elif path.exists():
            raise UsageError(f"{path}: is a pipe, a socket or a device; give a file or a folder")
        else:
            raise UsageError(f"{path}: there is no such file or folder")
    to_one_file = len(photos) == 1 and not inputs[0].is_dir() and is_image_name(out) and not out.is_dir()
    require_place(out.parent if to_one_file else out, "--out")
    plan = [(photo, out if to_one_file else out / photo.name) for photo in photos]
    sources: dict[Path, Path] = {}
    for photo, target in plan:
        if target in sources:
            raise UsageError(f"{photo}: would be written to {target} like {sources[target]}; deblur them into two folders")
        if target.exists() and target.resolve() == photo.resolve():
            raise UsageError(f"{photo}: would be overwritten; choose another --out")
        sources[target] = photo
    return plan


def deblur_files(
    model: Restorer, plan: Sequence[tuple[Path, Path]], *, tile: int, seed: int, device: torch.device
) -> DeblurOutcome:
    """Restore each photograph of `plan`: same size, orientation, depth and transparency out. One that fails is named."""
    outcome = DeblurOutcome()
    for source, target in progress_bar(plan, desc="deblurring", unit="photo"):
        try:
            photo = read_photo(source)
            write_photo(target, _restore(model, photo, tile, seed, device))
            if outcome.tiling_difference is None and max(photo.pixels.shape[:2]) > tile:
                outcome.tiling_difference = _tiling_difference(model, photo, tile, seed, device)
        except DeblurbenchError as error:
            outcome.failed.append(str(error))
        except Exception as error:  # out of memory, a full disk: whatever it is, the others are still to be tried
            outcome.failed.append(f"{target}: {getattr(error, 'strerror', None) or one_line(error)}")
        else:
            outcome.written.append(target)
            if photo.frames > 1:
                outcome.in_part.append(f"{source}: only the first of its {photo.frames} frames was restored")
    return outcome


def _tiling_difference(model: Restorer, photo: Photo, tile: int, seed: int, device: torch.device) -> float | None:
    """The largest change of the center crop of `photo` by tiles; None where no network sees the whole image."""
    if not model.sees_whole_image:
        return None
    rows, columns = (center_crop(side, tile + 2 * CONTEXT) for side in photo.pixels.shape[:2])  # two tiles a side
    part = to_tensor(photo.pixels[rows, columns]).to(device)
    tiled, whole = (model.restore(part, RestoreOptions(seed=seed, tile=size)) for size in (tile, None))
    return float((tiled - whole).abs().max())


def _restore(model: Restorer, photo: Photo, tile: int, seed: int, device: torch.device) -> Photo:
    return with_pixels(photo, model.restore(to_tensor(photo.pixels).to(device), RestoreOptions(seed=seed, tile=tile)))

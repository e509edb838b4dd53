"""Which photographs and videos are deblurred, and where each restored one is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from deblurbench.errors import UsageError
from deblurbench.files import require_place
from deblurbench.images.photo import (
    RAW,
    SUFFIXES,
    USUAL_MEGAPIXELS,
    WRITTEN,
    is_image_name,
    left_out_note,
    list_images,
)
from deblurbench.images.writing import written_name
from deblurbench.video.clip import SUFFIXES as CONTAINERS
from deblurbench.video.clip import is_video_name, require_video

VIDEO_MEGAPIXELS = 1000.0
OTHER_CONTAINERS = (".mts", ".m2ts", ".ts", ".mpg", ".mpeg", ".wmv", ".3gp", ".flv", ".ogv")
COMPARED = "-before-after.jpg"


@dataclass(frozen=True)
class FilePlan:
    """The photographs and videos to deblur, each with the path of the restored one, and lines about what is left as it is."""

    files: tuple[tuple[Path, Path], ...]
    notes: tuple[str, ...]

    @property
    def photos(self) -> list[tuple[Path, Path]]:
        """Those that are no videos."""
        return [pair for pair in self.files if not is_video_name(pair[0])]

    @property
    def videos(self) -> list[tuple[Path, Path]]:
        """Those that are videos."""
        return [pair for pair in self.files if is_video_name(pair[0])]

    @property
    def megapixels(self) -> float:
        """The megapixels of all photographs, as their headers say; unknown ones count as a usual photograph, videos as many."""
        return sum(VIDEO_MEGAPIXELS if is_video_name(source) else _megapixels(source) for source, _ in self.files)


def comparison_path(target: Path) -> Path:
    """Where before and after of the photograph that is written to `target` are drawn."""
    return target.with_name(f"{target.stem}{COMPARED}")


def plan_files(inputs: Sequence[Path], out: Path, *, overwrites: bool, draws_comparison: bool = False) -> FilePlan:
    """Plan the files, photographs and videos, and the images directly in folders. A single file may have a file name as `out`.

    Outputs that exist are left as they are, unless `overwrites`. Raises UsageError for what does not exist or has a format that
    is not written, for two that would be written to one place, for an input overwritten, and where nothing is left to do.
    """
    photos, notes = _photos(inputs)
    to_one_file = len(photos) == 1 and not inputs[0].is_dir() and _names_file(out, photos[0]) and not out.is_dir()
    if not to_one_file and _is_file_name(out) and not out.is_dir():
        raise UsageError(f"--out: {out}: names a file, and there may be several to write; give a folder")
    require_place(out.parent if to_one_file else out, "--out")
    plan = [(photo, out if to_one_file else out / _written_name(photo)) for photo in photos]
    sources: dict[Path, Path] = {}
    existing: dict[Path, Path] = {}  # by target: the first of its outputs that exists
    for photo, target in plan:
        outputs = [target, comparison_path(target)] if draws_comparison and not is_video_name(photo) else [target]
        for output in outputs:
            if output in sources:
                raise UsageError(f"{photo}: would be written to {output} like {sources[output]}; deblur them into two folders")
            if output.exists() and output.resolve() == photo.resolve():
                raise UsageError(f"{photo}: would be overwritten; choose another --out")
            sources[output] = photo
        if not overwrites and (found := next(filter(Path.exists, outputs), None)):
            existing[target] = found
    if len(existing) == len(plan):
        which = (
            f"{next(iter(existing.values()))}: exists" if len(existing) == 1 else f"{out}: all {len(existing)} outputs exist"
        )
        raise UsageError(f"{which} already; give --overwrite to replace what is there, or another --out")
    if draws_comparison and any(is_video_name(photo) for photo in photos):
        notes.append("note: --compare draws before and after of photographs, not of videos")
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


def _names_file(out: Path, source: Path) -> bool:
    """Whether `out` names the file for what `source` holds. Raises UsageError where it names one of another kind."""
    if not _is_file_name(out):
        return False
    if is_video_name(source):
        if not is_video_name(out):
            raise UsageError(f"--out: {out}: videos are written as {', '.join(CONTAINERS)}; choose one of these")
        require_video()
    elif out.suffix.lower() not in WRITTEN:
        raise UsageError(f"--out: {out}: images are written as {', '.join(WRITTEN)}; choose one of these")
    return True


def _is_file_name(out: Path) -> bool:
    """Whether `out` has the suffix of an image or a video, of any format."""
    is_other_image = out.suffix.lower() in Image.registered_extensions()
    return is_image_name(out) or is_video_name(out) or is_other_image or out.suffix.lower() in OTHER_CONTAINERS


def _written_name(source: Path) -> str:
    """The name of the restored file in a folder."""
    if is_video_name(source):
        require_video()
        return source.name
    name = Path(written_name(source))
    if name.suffix.lower() in OTHER_CONTAINERS:
        raise UsageError(f"{source}: videos are read from {', '.join(CONTAINERS)}; convert it first, by FFmpeg, say")
    if name.suffix.lower() not in WRITTEN:
        raise UsageError(f"{source}: images are written as {', '.join(WRITTEN)}; give --out a file name with one of these")
    return name.name


def _megapixels(path: Path) -> float:
    if not path.is_file() or path.suffix.lower() in RAW:  # a pipe would wait for ever; a raw file begins with its preview
        return USUAL_MEGAPIXELS
    try:
        with Image.open(path) as image:  # reads the header only
            return image.width * image.height / 1e6
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return USUAL_MEGAPIXELS

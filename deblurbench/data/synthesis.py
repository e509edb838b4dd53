"""Synthesis of a paired data set from sharp photographs, in files for use anywhere."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np

from deblurbench.blur.base import spread
from deblurbench.blur.camera import blur_image
from deblurbench.data.layouts.side_names import split_folders
from deblurbench.data.manifests import MANIFEST
from deblurbench.errors import DeblurbenchError, UnreadableImage, UsageError
from deblurbench.files import digest, read_json, write_json, write_whole
from deblurbench.images.photo import Photo, list_images
from deblurbench.images.reading import decode_photo, read_file
from deblurbench.images.writing import write_photo
from deblurbench.progress import progress_bar
from deblurbench.randomness import generator
from deblurbench.registry import BLURS, CAMERAS, Spec

BLURRED, SHARP, KERNELS = "blur", "sharp", "kernels"
SAVE_INTERVAL = 10.0  # seconds between manifests while pairs are made
Format = Literal["png", "jpg"]
Facts = dict[str, Any]  # of one pair, in the manifest


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """How pairs are made: the resolved specs of blur and camera, the seed, and the format of the files."""

    blur: Spec
    camera: Spec
    seed: int
    file_format: Format

    def in_manifest(self) -> dict[str, Any]:
        """The settings by their keys in the manifest."""
        return {"blur": self.blur, "camera": self.camera, "seed": self.seed, "format": self.file_format}


@dataclass(frozen=True)
class Task:
    """A photograph to blur: its file, and the name of its two sides and its kernel below the split's folder."""

    source: Path
    split: str  # "" where the photographs are not split
    name: str

    @property
    def key(self) -> str:
        """The key of the pair in the manifest, of which its random numbers are a function."""
        return f"{self.split}/{self.name}" if self.split else self.name


def plan_pairs(source: Path) -> list[Task]:
    """List the photographs in `source`, or in its train/, validation/ and test/.

    Raises UsageError where there are none, or two with the same name.
    """
    loose, splits = list_images(source), split_folders(source)
    tasks = [Task(path, split, path.stem) for split, folder in (splits or {"": source}).items() for path in list_images(folder)]
    if splits and loose:
        raise UsageError(f"{loose[0]}: lies beside {', '.join(splits)}; move it into one of them, or away")
    if not tasks:
        raise UsageError(f"{source}: holds no images; give a folder of sharp photographs")
    seen: dict[str, Task] = {}
    for task in tasks:
        other = seen.setdefault(task.key, task)
        if other is not task:
            raise UsageError(f"{task.source}: has the same name as {other.source.name} but for the suffix; rename one")
    return tasks


def make_pairs(
    tasks: list[Task], out: Path, settings: PairSettings, *, workers: int, say: Callable[[str], None]
) -> tuple[int, list[str]]:
    """Write `blur/`, `sharp/`, `kernels/` and the manifest below `out`. Returns the number of pairs, and the failures.

    The same seed gives the same files, whatever the order, the number of workers and the interruptions: each photograph's
    random numbers are a function of the seed and its key. Pairs that are done, of files that have not changed since, are
    kept. Raises UsageError where `out` holds pairs of other settings.
    """
    done = _read_manifest(out, settings)
    if done:
        say(f"{out}: {len(done)} pairs are there already")
    failed: list[str] = []
    made = dict(done)
    _write_manifest(out, settings, made)  # first of all: an interrupted run recognises its own folder by it
    saved = time.monotonic()
    try:
        earlier = [(task, done.get(task.key)) for task in tasks]
        for task, outcome in zip(tasks, _in_processes(partial(_make_pair, out, settings), earlier, workers), strict=True):
            if isinstance(outcome, str):
                failed.append(outcome)
                made.pop(task.key, None)
            else:
                made[task.key] = outcome
            if time.monotonic() - saved > SAVE_INTERVAL:
                _write_manifest(out, settings, made)
                saved = time.monotonic()
    finally:
        _write_manifest(out, settings, made)
    return sum(task.key in made for task in tasks), failed


def _in_processes(
    function: Callable[[tuple[Task, Facts | None]], Facts | str], tasks: list[tuple[Task, Facts | None]], workers: int
) -> Iterator[Facts | str]:
    """Yield the result of `function` for each of `tasks`, in their order."""
    bar = progress_bar(total=len(tasks), desc="blurring", unit="photo")
    with bar:
        if workers <= 1:
            for task in tasks:
                yield function(task)
                bar.update()
            return
        # Spawned processes: forked ones would inherit OpenCV's thread pool without its threads.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            try:
                for outcome in pool.map(function, tasks, chunksize=4):
                    yield outcome
                    bar.update()
            except BrokenProcessPool as error:
                raise DeblurbenchError("a process was killed, perhaps for memory; run again with fewer --workers") from error


def _make_pair(out: Path, settings: PairSettings, task_and_facts: tuple[Task, Facts | None]) -> Facts | str:
    """Make one pair, unless its files are there and fit the facts of an earlier run.

    Returns the facts of the pair, or the problem with its photograph.
    """
    task, earlier = task_and_facts
    try:
        data = read_file(task.source)
        file_digest = digest(data, length=32)
        files = {side: out / task.split / side / f"{task.name}.{settings.file_format}" for side in (SHARP, BLURRED)}
        kernel_file = out / task.split / KERNELS / f"{task.name}.npy"
        if earlier and earlier["digest"] == file_digest:
            expected = [*files.values(), *([kernel_file] if "spread" in earlier else [])]
            if all(path.is_file() for path in expected):
                return earlier
        photo = decode_photo(data, task.source)
    except UnreadableImage as error:
        return str(error)
    except OSError as error:
        return f"{task.source}: cannot be read ({error.strerror}); replace or remove it"
    random = generator(settings.seed, "pair", task.key)
    blurred, drawn = blur_image(photo.pixels, BLURS.build(settings.blur), CAMERAS.build(settings.camera), random)
    for side, pixels in ((SHARP, photo.pixels), (BLURRED, blurred)):
        is_grey = photo.is_grey and side == SHARP  # noise is coloured, and a grey profile would not describe it
        profile = photo.icc_profile if is_grey == photo.is_grey else None
        try:
            write_photo(files[side], Photo(pixels, is_grey=is_grey, icc_profile=profile))
        except DeblurbenchError as error:  # too large for the format, say
            return str(error)
    height, width = photo.pixels.shape[:2]
    facts = {"source": task.source.name, "digest": file_digest, "width": width, "height": height, **drawn.parameters}
    if drawn.kernel is not None:
        buffer = io.BytesIO()
        np.save(buffer, drawn.kernel, allow_pickle=False)
        write_whole(kernel_file, buffer.getvalue())
        facts["spread"] = round(spread(drawn.kernel), 4)
    return facts


def _read_manifest(out: Path, settings: PairSettings) -> dict[str, Facts]:
    """The facts of the pairs in `out` by their keys, from its manifest; none where there is no manifest."""
    path = out / MANIFEST
    if not path.is_file():
        if out.exists() and any(out.iterdir()):
            raise UsageError(f"{out}: is not empty and holds no {MANIFEST}; choose another folder")
        return {}
    try:
        manifest = read_json(path)
        earlier = {key: manifest[key] for key in settings.in_manifest()}
        pairs: dict[str, Facts] = manifest["pairs"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: is no manifest of deblurbench data blur; choose another folder") from error
    for key, value in settings.in_manifest().items():
        if earlier[key] != value:
            raise UsageError(f"{out}: was made with another {key} ({earlier[key]}, not {value}); choose another folder")
    return pairs


def _write_manifest(out: Path, settings: PairSettings, made: dict[str, Facts]) -> None:
    made_by = f"deblurbench {version('deblurbench')}"
    write_json(out / MANIFEST, {"made_by": made_by, **settings.in_manifest(), "pairs": dict(sorted(made.items()))})

"""Making a paired data set from sharp photographs, for use anywhere."""

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

from deblurbench.blur.camera import blur_whole
from deblurbench.blur.kernels import spread
from deblurbench.data.manifests import MANIFEST
from deblurbench.data.table import SPLITS
from deblurbench.errors import DeblurbenchError, UnreadableImage, UsageError
from deblurbench.files import digest, read_json, write_json, write_whole
from deblurbench.images.photo import Photo, list_images
from deblurbench.images.reading import decode_photo, read_file
from deblurbench.images.writing import write_photo
from deblurbench.progress import progress_bar
from deblurbench.randomness import generator
from deblurbench.registry import BLURS, CAMERAS, Spec

BLURRED, SHARP, KERNELS = "blur", "sharp", "kernels"
SAVED_EVERY = 10.0  # seconds between manifests while it goes on
Format = Literal["png", "jpg"]
ToDo = tuple["Task", dict[str, Any] | None]  # and what an earlier run noted of it


@dataclass(frozen=True)
class Task:
    """One photograph: its file, and the name that its two sides and its kernel get below the split's folder."""

    source: Path
    split: str  # "" where the photographs are not split
    name: str

    @property
    def key(self) -> str:
        """What it is called in the manifest, and what its random numbers depend on."""
        return f"{self.split}/{self.name}" if self.split else self.name


def plan_pairs(source: Path) -> list[Task]:
    """The photographs in `source`, or in its train/, validation/ and test/. Raises UsageError for none, or two of one name."""
    splits = [split for split in SPLITS if (source / split).is_dir()]
    tasks = [Task(path, split, path.stem) for split in splits or [""] for path in list_images(source / split)]
    if splits and (loose := list_images(source)):
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
    tasks: list[Task], out: Path, *, blur: Spec, camera: Spec, seed: int, file_format: Format, workers: int,
    say: Callable[[str], None],
) -> tuple[int, list[str]]:  # fmt: skip
    """Write `blur/`, `sharp/`, `kernels/` and the manifest below `out`. Returns how many pairs there are, and what failed.

    The same seed gives the same files, whatever the order, the number of workers and the interruptions: each photograph's
    random numbers are a function of the seed and its name. Pairs that are done, of files that have not changed since, are
    kept. Raises UsageError where `out` holds pairs that were made otherwise.
    """
    settings = {"blur": blur, "camera": camera, "seed": seed, "format": file_format}
    done = _made_before(out, settings)
    if done:
        say(f"{out}: {len(done)} pairs are there already")
    failed: list[str] = []
    made = dict(done)
    _write_manifest(out, settings, made)  # first of all: it is by this that an interrupted run knows its own
    saved = time.monotonic()
    work = partial(_make_one, out=out, blur=blur, camera=camera, seed=seed, file_format=file_format)
    try:
        before = [(task, done.get(task.key)) for task in tasks]
        for task, outcome in zip(tasks, _everywhere(work, before, workers), strict=True):
            if isinstance(outcome, str):
                failed.append(outcome)
                made.pop(task.key, None)
            else:
                made[task.key] = outcome
            if time.monotonic() - saved > SAVED_EVERY:
                _write_manifest(out, settings, made)
                saved = time.monotonic()
    finally:
        _write_manifest(out, settings, made)
    return sum(task.key in made for task in tasks), failed


def _everywhere(work: Callable[[ToDo], Any], tasks: list[ToDo], workers: int) -> Iterator[Any]:
    """What `work` gives for each of `tasks`, in their order."""
    bar = progress_bar(total=len(tasks), desc="blurring", unit="photo")
    with bar:
        if workers <= 1:
            for task in tasks:
                yield work(task)
                bar.update()
            return
        # Fresh processes: forked ones would inherit threads of OpenCV that are not there.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            try:
                for outcome in pool.map(work, tasks, chunksize=4):
                    yield outcome
                    bar.update()
            except BrokenProcessPool as error:
                raise DeblurbenchError("a process was killed, perhaps for memory; run again with fewer --workers") from error


def _make_one(to_do: ToDo, *, out: Path, blur: Spec, camera: Spec, seed: int, file_format: Format) -> dict[str, Any] | str:
    """The manifest's facts about one pair, which is made unless it is there; or what is wrong with its photograph."""
    task, before = to_do
    try:
        data = read_file(task.source)
        content = digest(data, length=32)
        files = {side: out / task.split / side / f"{task.name}.{file_format}" for side in (SHARP, BLURRED)}
        kernel_file = out / task.split / KERNELS / f"{task.name}.npy"
        if before and before["digest"] == content and all(path.is_file() for path in (*files.values(), kernel_file)):
            return before
        photo = decode_photo(data, task.source)
    except UnreadableImage as error:
        return str(error)
    except OSError as error:
        return f"{task.source}: cannot be read ({error.strerror}); replace or remove it"
    random = generator(seed, "pair", task.key)
    blurred, drawn = blur_whole(photo.pixels, BLURS.build(blur), CAMERAS.build(camera), random)
    for side, pixels in ((SHARP, photo.pixels), (BLURRED, blurred)):
        is_grey = photo.is_grey and side == SHARP  # noise has colours, and a profile of grey would lie of them
        profile = photo.icc_profile if is_grey == photo.is_grey else None
        try:
            write_photo(files[side], Photo(pixels, is_grey=is_grey, icc_profile=profile))
        except DeblurbenchError as error:  # too large for the format, say
            return str(error)
    buffer = io.BytesIO()
    np.save(buffer, drawn.kernel, allow_pickle=False)
    write_whole(kernel_file, buffer.getvalue())
    height, width = photo.pixels.shape[:2]
    return {"source": task.source.name, "digest": content, "width": width, "height": height,
            **drawn.facts, "spread": round(spread(drawn.kernel), 4)}  # fmt: skip


def _made_before(out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """What the manifest in `out` says of the pairs there; none where there is no manifest."""
    path = out / MANIFEST
    if not path.is_file():
        if out.exists() and any(out.iterdir()):
            raise UsageError(f"{out}: is not empty and holds no {MANIFEST}; choose another folder")
        return {}
    try:
        manifest = read_json(path)
        before = {key: manifest[key] for key in settings}
        pairs: dict[str, Any] = manifest["pairs"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: is no manifest of deblurbench data blur; choose another folder") from error
    for key, value in settings.items():
        if before[key] != value:
            raise UsageError(f"{out}: was made with another {key} ({before[key]}, not {value}); choose another folder")
    return pairs


def _write_manifest(out: Path, settings: dict[str, Any], made: dict[str, Any]) -> None:
    write_json(
        out / MANIFEST, {"made_by": f"deblurbench {version('deblurbench')}", **settings, "pairs": dict(sorted(made.items()))}
    )

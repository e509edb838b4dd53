"""A results folder of any size, as a run leaves it, with invented scores: for measuring and testing reports."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from deblurbench.files import write_csv, write_json, write_whole
from deblurbench.records.paths import (
    BLURRED,
    COMPARISON,
    ENVIRONMENT,
    EXPERIMENT,
    HISTORY,
    NOTES,
    PER_IMAGE,
    PROBLEMS,
    RESTORED,
    RUNS,
    SHARP,
)
from deblurbench.yaml_files import to_yaml

METRICS = {  # column -> the value of a blurred input, and what a gain of one decibel changes
    "psnr": (25.0, 1.0), "ssim": (0.75, 0.02), "mse": (0.003, -0.0003), "gmsd": (0.10, -0.008), "spectrum-error": (8.0, -0.5),
    "fine-detail": (-10.0, 0.8), "color-error": (3.0, -0.2), "color-error-95": (8.0, -0.5),
}  # fmt: skip
KINDS = ("gaussian", "disk", "motion")


def write_results(
    folder: Path, *, datasets: Sequence[str], gains: Mapping[str, float], images: int, noise: float = 0.5,
    scenes: int | None = None, seeds: Sequence[int] = (0,), size: tuple[int, int] = (64, 96),
) -> Path:  # fmt: skip
    """Write `folder`: models whose PSNR is above the input's by `gains` on average, `noise` being its deviation over images.

    Images belong to so many `scenes`, each to its own by default. Every picture is one and the same, (H, W) = `size`.
    """
    random = np.random.default_rng(0)
    pictures = _write_pictures(folder, size)
    comparison: list[dict[str, Any]] = []
    per_image: list[dict[str, Any]] = []
    for dataset in datasets:
        difficulty = random.normal(0, 3, images)
        facts = [_facts(number, images, scenes or images) for number in range(images)]
        names = [fact["image"] for fact in facts]
        _link_all(pictures["sharp"], folder / RUNS / dataset / SHARP, names)
        for place, (model, gain) in enumerate({BLURRED: 0.0, **gains}.items()):
            for seed in seeds[:1] if model == BLURRED else seeds:
                scores = _scores(random.normal(gain, noise if model != BLURRED else 0, images), difficulty)
                cell = folder / RUNS / dataset / model / f"seed-{seed}"
                _link_all(pictures["blurred" if model == BLURRED else "restored"], cell / RESTORED, names)
                if model != BLURRED:
                    _write_history(cell)
                named = {"dataset": dataset, "model": model, "seed": seed, "pairs": "synthetic"}
                per_image += [
                    {**named, **fact, **{metric: float(values[number]) for metric, values in scores.items()}}
                    for number, fact in enumerate(facts)
                ]
                means = {metric: float(values.mean()) for metric, values in scores.items()}
                comparison.append({"dataset": dataset, "model": model, **_method(place, seed), **means})
    write_csv(folder / COMPARISON, comparison[0], comparison)
    write_csv(folder / PER_IMAGE, per_image[0], per_image)
    _write_experiment(folder, datasets, gains, seeds)
    return folder


def _facts(number: int, images: int, scenes: int) -> dict[str, Any]:
    """What per_image.csv says of a test image."""
    return {
        "image": f"image-{number:04d}",
        "scene": f"scene-{number * scenes // images:04d}",
        "blur": KINDS[number % len(KINDS)],
        "spread": 1.0 + 5 * number / images,
    }


def _scores(gains: NDArray[np.float64], difficulty: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Every metric's values of images that gained so many decibels."""
    scores = {metric: start + each * gains for metric, (start, each) in METRICS.items()}
    return {**scores, "psnr": scores["psnr"] + difficulty}


def _method(place: int, seed: int) -> dict[str, Any]:
    """What comparison.csv says of the model in this place of the list; the first is the untouched input."""
    return {
        "family": "cnn" if place else "identity",
        "network": "unet" if place else "",
        "seed": seed,
        "inference": "",
        "oracle": False,
        "pairs": "synthetic",
        "params": 1000 * place,
        "evaluations": place,
        "macs": 10**8 * place,
        "train_seconds": 60.0 * place,
        "ms_per_megapixel": 100.0 * place,
        "ms_per_megapixel_spread": 0.04,
        "data": "0" * 16,
        "weights": "",
    }


def _write_experiment(folder: Path, datasets: Sequence[str], models: Iterable[str], seeds: Sequence[int]) -> None:
    experiment = {
        "question": "Which is best?",
        "datasets": {name: {} for name in datasets},
        "models": {name: {"variants": {}, "training": {}} for name in models},
        "training": {"steps": 1},
        "seeds": list(seeds),
        "recipe": "deblurbench@2",
        "metrics": [],
    }
    write_whole(folder / EXPERIMENT, to_yaml(experiment))
    for name, value in ((ENVIRONMENT, []), (PROBLEMS, {}), (NOTES, {})):
        write_json(folder / name, value)


def _write_pictures(folder: Path, size: tuple[int, int]) -> dict[str, Path]:
    sharp = Image.fromarray(data.astronaut()).resize(size[::-1])
    small = sharp.resize((size[1] // 4, size[0] // 4))
    blurred = small.resize(size[::-1], Image.Resampling.BILINEAR)
    pictures = {"sharp": sharp, "blurred": blurred, "restored": Image.blend(blurred, sharp, 0.5)}
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        picture.save(folder / "pictures" / f"{name}.png")
    return {name: folder / "pictures" / f"{name}.png" for name in pictures}


def _link_all(picture: Path, folder: Path, names: Sequence[str]) -> None:
    folder.mkdir(parents=True)
    for name in names:
        os.link(picture, folder / f"{name}.png")


def _write_history(cell: Path) -> None:
    training = [{"step": step, "losses": {"charbonnier": 1 / (1 + step)}} for step in range(20, 2001, 20)]
    validation = [{"step": step, "psnr": 30 - 100 / step, "ssim": 0.9} for step in range(200, 2001, 200)]
    write_json(cell / HISTORY, {"training": training, "validation": validation, "seconds": 60.0})

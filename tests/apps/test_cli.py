"""The command line as a person meets it: what it says, and its exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from deblurbench import __version__
from deblurbench.apps.cli import app
from deblurbench.errors import DeblurbenchError
from deblurbench.models.loading import save_model
from deblurbench.randomness import seed_torch
from deblurbench.registry import MODELS, Spec
from tests.conftest import TINY_UNET

Write = Callable[..., Path]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def checkpoint(path: Path, spec: Spec) -> Path:
    seed_torch(0)
    resolved = MODELS.resolve(spec)
    save_model(path, MODELS.build(resolved), resolved)
    return path


@pytest.fixture
def cnn(tmp_path: Path) -> Path:
    return checkpoint(tmp_path / "cnn.safetensors", {"name": "cnn", "network": TINY_UNET})


def test_deblur_gives_each_photograph_back_as_it_came(tmp_path: Path, photo: np.ndarray, cnn: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    small = Image.fromarray(photo[:61, :83])
    exif = small.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    small.save(folder / "turned.jpg", exif=exif)
    small.save(folder / "plain.PNG")
    small.convert("L").save(folder / "grey.tif")
    small.save(folder / "web.webp")
    Image.fromarray(np.dstack([photo[:61, :83], photo[:61, :83, 0]])).save(folder / "clear.png")
    Image.fromarray(np.full((50, 40), 40_000, np.uint16)).save(folder / "deep.png")
    result = invoke("deblur", folder, "--model", cnn, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert f"wrote 6 photographs to {tmp_path / 'out'}" in result.output
    images = {path.name: Image.open(path) for path in (tmp_path / "out").iterdir()}
    assert {name: image.size for name, image in images.items()} == {
        "turned.jpg": (61, 83), "plain.PNG": (83, 61), "grey.tif": (83, 61), "web.webp": (83, 61), "clear.png": (83, 61), "deep.png": (40, 50),
    }  # fmt: skip
    assert {name: image.mode for name, image in images.items() if name != "deep.png"} == {
        "turned.jpg": "RGB", "plain.PNG": "RGB", "grey.tif": "L", "web.webp": "RGB", "clear.png": "RGBA",
    }  # fmt: skip
    assert images["deep.png"].mode.startswith("I")
    assert images["turned.jpg"].getexif().get(0x0112, 1) == 1


def test_deblur_one_photograph_to_a_file(tmp_path: Path, photo: np.ndarray, cnn: Path) -> None:
    Image.fromarray(photo).save(tmp_path / "cat.png")
    result = invoke("deblur", tmp_path / "cat.png", "--model", cnn, "--out", tmp_path / "new" / "sharp cat.jpg")
    assert result.exit_code == 0, result.output
    assert f"wrote {tmp_path / 'new' / 'sharp cat.jpg'}" in result.output
    assert Image.open(tmp_path / "new" / "sharp cat.jpg").size == (451, 300)


def test_deblur_in_tiles_is_deblur_at_once(tmp_path: Path, photo: np.ndarray, cnn: Path) -> None:
    Image.fromarray(np.tile(photo, (2, 2, 1))).save(tmp_path / "large.png")
    outputs = []
    for tile in (256, 2048):
        invoke("deblur", tmp_path / "large.png", "--model", cnn, "--out", tmp_path / f"{tile}.png", "--tile", tile)
        outputs.append(np.asarray(Image.open(tmp_path / f"{tile}.png")).astype(int))
    assert np.abs(outputs[0] - outputs[1]).max() <= 1


def test_deblur_says_what_tiles_changed_where_they_do(tmp_path: Path, photo: np.ndarray) -> None:
    resnet = {"name": "resnet", "width": 4, "blocks": 1, "normalization": "instance"}
    path = checkpoint(tmp_path / "resnet.safetensors", {"name": "cnn", "network": resnet})
    for number, pixels in enumerate((photo, np.tile(photo[:150], (1, 4, 1)))):  # the second one is narrow
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        result = invoke("deblur", tmp_path / f"{number}.png", "--model", path, "--out", tmp_path / "out", "--tile", 256)
        assert result.exit_code == 0, result.output
        found = re.search(r"looks at the whole image at once; tiles of 256 changed values by up to ([\d.]+) of", result.output)
        assert found
        assert float(found[1]) > 0


def test_deblur_samples_by_seed(tmp_path: Path, photo: np.ndarray) -> None:
    path = checkpoint(tmp_path / "d.safetensors", {"name": "diffusion", "network": TINY_UNET, "sampling_steps": 2})
    Image.fromarray(photo[:40, :40]).save(tmp_path / "cat.png")
    pictures = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        invoke("deblur", tmp_path / "cat.png", "--model", path, "--out", tmp_path / f"{name}.png", "--seed", seed)
        pictures.append((tmp_path / f"{name}.png").read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


def test_a_photograph_that_fails_is_named_and_the_others_go_on(tmp_path: Path, photo: np.ndarray, cnn: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(photo[:30, :30]).save(folder / "good.png")
    (folder / "broken.jpg").write_text("no image")
    result = invoke("deblur", folder, "--model", cnn, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert f"failed: {folder / 'broken.jpg'}: not an image of a known format" in result.output
    assert (tmp_path / "out" / "good.png").is_file()


def test_nothing_is_overwritten_and_nothing_guessed(tmp_path: Path, photo: np.ndarray, cnn: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        Image.fromarray(photo[:30, :30]).save(folder / "cat.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "clip.mts").write_bytes(b"of a camcorder")
    before = (first / "cat.png").read_bytes()
    cases = {
        (first, "--model", cnn, "--out", first): "would be overwritten; choose another --out",
        (first / "cat.png", "--model", cnn, "--out", first / "cat.png"): "would be overwritten",
        (first, second, "--model", cnn, "--out", tmp_path / "out"): "deblur them into two folders",
        (tmp_path / "none.png", "--model", cnn, "--out", tmp_path / "out"): "there is no such file or folder",
        (tmp_path / "empty", "--model", cnn, "--out", tmp_path / "out"): "holds no images",
        (first, "--model", tmp_path / "no.safetensors", "--out", tmp_path / "out"): "there is no such checkpoint",
        (first, "--model", first / "cat.png", "--out", tmp_path / "out"): "not a whole safetensors file",
        (first, "--model", cnn, "--out", tmp_path / "out", "--tile", 20): "--tile: 20 is too small; give at least 256",
        (first, "--model", "photo-fast", "--out", tmp_path / "out", "--tile", 256): "256 is too small; give at least 512",
        (first, "--model", cnn, "--out", tmp_path / "out", "--device", "tpu"): "--device tpu: choose one of",
        (first, "--model", cnn, "--out", tmp_path / "out", "--codec", "libx264"): "--codec: is for videos, of which none is",
        (first, "--model", cnn, "--out", tmp_path / "out", "--quality", 20): "--quality: is for videos, of which none is",
        (first, "--model", cnn, "--out", tmp_path / "out", "--no-deflicker"): "--deflicker: is for videos, of which none is",
        (first, second, "--model", cnn, "--out", tmp_path / "out.jpg"): "out.jpg: names a file, and there may be several",
        (first / "cat.png", "--model", cnn, "--out", tmp_path / "out.gif"): "images are written as .jpg",
        (tmp_path / "clip.mts", "--model", cnn, "--out", tmp_path / "out"): "clip.mts: videos are read from .mp4",
    }
    for arguments, message in cases.items():
        result = invoke("deblur", *arguments)
        assert result.exit_code == 2, arguments
        assert message in result.output.replace("\n", " "), arguments
        assert "Traceback" not in result.output
    assert (first / "cat.png").read_bytes() == before
    assert not (tmp_path / "out").exists()


def test_a_gpu_that_was_asked_for_and_is_not_there_is_an_error(
    cnn: Path, tmp_path: Path, write_experiment: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    result = invoke("run", write_experiment(), "--out", tmp_path / "out", "--device", "cuda")
    assert result.exit_code == 2
    assert "--device cuda: this machine (or this build of torch) has none; use --device cpu" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "quickstrat"], "error: unknown experiment 'quickstrat'; did you mean 'quickstart'?"),
        (["run", "quickstart", "training.stepz=3"], "training.stepz: unknown key of a training; did you mean 'steps'?"),
        (["run", "celebrity", "datasets.celebrity.layout.path=/nowhere"], "/nowhere: there is no such folder"),
        (["run", "celebrity", f"datasets.celebrity.layout.path={'x' * 5000}"], "File name too long"),
        (
            ["run", "kaggle-blur", *(f"datasets.kaggle-{kind}.layout.path=/nowhere" for kind in ("gaussian", "motion"))],
            "run deblurbench data get kwentar-blur, or say where it is, after the experiment: "
            "datasets.kaggle-gaussian.layout.path=DIR datasets.kaggle-motion.layout.path=DIR",
        ),
        (
            ["run", "gopro", "datasets.gopro.layout.path=/nowhere"],
            "get it from https://seungjunnah.github.io/Datasets/gopro, or say where it is, after the experiment: datasets.gopro.layout.path=DIR",
        ),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = invoke(*arguments, "--out", tmp_path / "out", "--device", "cpu")
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_debug_shows_the_traceback() -> None:
    result = invoke("run", "quickstrat", "--debug")
    assert isinstance(result.exception, DeblurbenchError)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "quickstart", "--device", "cpu", "--out", "{out}"],
        ["report", "{folder}", "--out", "{out}"],
        ["deblur", "{folder}/cat.png", "--model", "{folder}/cnn.safetensors", "--out", "{out}"],
        ["data", "blur", "{folder}/photos", "{out}", "--kind", "disk"],
    ],
    ids=["run", "report", "deblur", "data blur"],
)
def test_a_file_in_the_way_of_a_folder_is_said_at_once(
    tmp_path: Path, photo: np.ndarray, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    for path in (tmp_path / "cat.png", tmp_path / "photos" / "cat.png"):
        Image.fromarray(photo[:30, :30]).save(path)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("deblurbench.models.loading.load", lambda *_, **__: pytest.fail("work has begun"))
    monkeypatch.setattr("deblurbench.experiment.experiment.load_experiment", lambda *_: pytest.fail("work has begun"))
    cases = {
        "file": f"{tmp_path / 'file'} is a file; give a folder",
        "file/below": f"{tmp_path / 'file'} is a file; give a folder",
        "x" * 300: "the name is too long for this file system; give a shorter one",
    }
    for name, message in cases.items():
        result = invoke(*(part.format(folder=tmp_path, out=tmp_path / name) for part in arguments))
        assert (result.exit_code, result.output.strip().count("\n")) == (2, 0)
        assert result.output.endswith(f"{message}\n")
    assert (tmp_path / "file").read_text() == "in the way"


def test_seeds_are_what_64_bits_hold(tmp_path: Path, photo: np.ndarray, cnn: Path) -> None:
    Image.fromarray(photo[:30, :30]).save(tmp_path / "cat.png")
    for seed, code in ((2**64, 2), (-(2**63) - 1, 2), ("1.5", 2), (2**64 - 1, 0)):
        arguments = ("deblur", tmp_path / "cat.png", "--model", cnn, "--out", tmp_path / "out")
        assert invoke(*arguments, f"--seed={seed}").exit_code == code


def test_models_lists_every_family_and_network() -> None:
    from deblurbench.registry import NETWORKS

    result = invoke("models")
    assert result.exit_code == 0
    for name in (*MODELS.names(), *NETWORKS.names()):
        assert f"  {name} " in result.output
    lines = {line.split()[0]: line for line in result.output.splitlines() if line.startswith("  ")}
    assert "0.82 M" in lines["unet"]
    assert "0.32 M" in lines["nafnet-tiny"]
    assert "cnn-nafnet, " in result.output


def test_help_says_all_that_is_meant() -> None:
    overview = invoke("--help")
    assert overview.exit_code == 0
    assert "..." not in overview.output.replace("[ARGS]...", "")  # every summary fits its line
    for command in ("run", "report", "deblur", "models"):
        assert command in overview.output
        assert invoke(command, "--help").exit_code == 0
    assert "[default: results/NAME]" in invoke("run", "--help").output
    assert "'[mae, {name: lpips," in invoke("evaluate", "--help").output
    assert str(2**63) not in invoke("data", "blur", "--help").output


def test_version_is_said() -> None:
    assert invoke("--version").output == f"deblurbench {__version__}\n"


def test_a_reader_that_has_seen_enough_ends_it_quietly() -> None:
    command = [sys.executable, "-m", "deblurbench", "data", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()  # as `head` does; nothing was written yet
        assert (process.stderr.read(), process.wait()) == (b"", 141)

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from deblurbench.apps.cli import app
from deblurbench.blur.convolution import convolve
from deblurbench.blur.light import decode, encode
from deblurbench.data import synthesis
from deblurbench.data.cache import PixelCache
from deblurbench.data.dataset import open_dataset
from deblurbench.data.table import TEST, TRAIN
from deblurbench.images.cropping import window
from deblurbench.images.reading import read_photo

Blur = Callable[..., tuple[int, str]]


@pytest.fixture
def sharp(tmp_path: Path, photo: np.ndarray) -> Path:
    folder = tmp_path / "sharp photos"
    folder.mkdir()
    for number in range(5):
        Image.fromarray(photo[10 * number :][:90, :120]).save(folder / f"photo {number}.jpg", quality=95)
    return folder


@pytest.fixture
def blur(sharp: Path, tmp_path: Path) -> Blur:
    def run(out: str, *options: str, source: Path = sharp) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["data", "blur", str(source), str(tmp_path / out), "--workers", "1", *options])
        return result.exit_code, result.output

    return run


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("kind", ["gaussian", "disk", "motion", "mixed"])
def test_a_paired_set_is_made_with_its_kernels_and_a_manifest(blur: Blur, tmp_path: Path, kind: str) -> None:
    code, text = blur("out", "--kind", kind, "--seed", "3")
    assert code == 0, text
    out = tmp_path / "out"
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["seed"] == 3
    assert manifest["blur"]["name"] == kind
    assert len(manifest["blur"]) > 1  # every parameter, defaults too
    assert manifest["camera"]["shot_noise"] == 0.01
    assert list(manifest["pairs"]) == [f"photo {number}" for number in range(5)]
    for name, facts in manifest["pairs"].items():
        assert facts["kind"] == kind or kind == "mixed"
        assert facts["spread"] > 0
        assert (out / "sharp" / f"{name}.png").is_file()
        kernel = np.load(out / "kernels" / f"{name}.npy", allow_pickle=False)
        assert kernel.sum() == pytest.approx(1, abs=1e-5)
        assert not np.array_equal(
            read_photo(out / "blur" / f"{name}.png").pixels, read_photo(out / "sharp" / f"{name}.png").pixels
        )


def test_blur_that_varies_over_the_picture_has_no_kernel_and_is_resumed_all_the_same(blur: Blur, tmp_path: Path) -> None:
    assert blur("out", "--kind", "rotation")[0] == 0
    out = tmp_path / "out"
    facts = json.loads((out / "manifest.json").read_text())["pairs"]["photo 0"]
    assert facts["kind"] == "rotation"
    assert "spread" not in facts
    assert not (out / "kernels").exists()
    before = (out / "blur" / "photo 0.png").stat().st_mtime_ns
    code, text = blur("out", "--kind", "rotation")
    assert code == 0, text
    assert (out / "blur" / "photo 0.png").stat().st_mtime_ns == before


def test_the_saved_kernel_is_the_one_that_was_used(blur: Blur, tmp_path: Path) -> None:
    camera = "{name: sensor, shot_noise: 0, read_noise: 0}"
    assert blur("out", "--kind", "motion", "--camera", camera)[0] == 0
    for number in range(5):
        sharp, blurred = (read_photo(tmp_path / "out" / side / f"photo {number}.png").pixels for side in ("sharp", "blur"))
        kernel = np.load(tmp_path / "out" / "kernels" / f"photo {number}.npy")
        radius = kernel.shape[0] // 2
        around = window(sharp, -radius, -radius, 90 + 2 * radius, 120 + 2 * radius)
        again = encode(np.clip(convolve(decode(np.ascontiguousarray(around)), kernel), 0, 1), np.dtype(np.uint8))
        assert np.abs(again.astype(int) - blurred).max() <= 1


def test_the_same_seed_gives_the_same_files_on_any_number_of_cores(blur: Blur, tmp_path: Path) -> None:
    assert blur("one", "--kind", "mixed")[0] == 0
    assert blur("two", "--kind", "mixed", "--workers", "2")[0] == 0
    assert blur("other", "--kind", "mixed", "--seed", "1")[0] == 0
    first, second, third = (content(tmp_path / name) for name in ("one", "two", "other"))
    assert first == second
    assert first["blur/photo 0.png"] != third["blur/photo 0.png"]
    assert first["sharp/photo 0.png"] == third["sharp/photo 0.png"]


def test_it_goes_on_where_it_stopped(blur: Blur, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert blur("whole", "--kind", "disk")[0] == 0
    original, calls = synthesis._make_pair, []

    def stop_after_two(*given: Any) -> object:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(given)
        return original(*given)

    with monkeypatch.context() as patched:
        patched.setattr(synthesis, "_make_pair", stop_after_two)
        assert blur("out", "--kind", "disk")[0] == 130
    assert len(json.loads((tmp_path / "out" / "manifest.json").read_text())["pairs"]) == 2
    before = (tmp_path / "out" / "blur" / "photo 0.png").stat().st_mtime_ns
    code, text = blur("out", "--kind", "disk")
    assert code == 0
    assert "2 pairs are there already" in text
    assert (tmp_path / "out" / "blur" / "photo 0.png").stat().st_mtime_ns == before
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_it_goes_on_after_being_killed_at_once(blur: Blur, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tidied up after a kill: what is needed to go on must be there before the first pair."""
    original = synthesis._write_manifest
    with monkeypatch.context() as patched:
        calls: list[int] = []
        patched.setattr(
            synthesis, "_write_manifest", lambda *rest: (calls.append(1), original(*rest) if len(calls) == 1 else None)
        )
        patched.setattr(synthesis, "_make_pair", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert blur("out", "--kind", "disk")[0] == 130
    assert blur("out", "--kind", "disk")[0] == 0


def test_a_photograph_that_the_format_cannot_hold_is_named(blur: Blur, sharp: Path) -> None:
    Image.fromarray(np.zeros((1, 65_600, 3), np.uint8)).save(sharp / "wide.png")
    code, text = blur("out", "--kind", "gaussian", "--format", "jpg")
    assert code == 1
    assert "wide.jpg: cannot be encoded" in text
    assert "wrote 5 pairs" in text


def test_photographs_beside_splits_are_not_overlooked(blur: Blur, sharp: Path) -> None:
    (sharp / "train").mkdir()
    code, text = blur("out", "--kind", "disk")
    assert code == 2
    assert "photo 0.jpg: lies beside train" in text


def test_photographs_that_changed_are_made_anew(blur: Blur, tmp_path: Path, sharp: Path, photo: np.ndarray) -> None:
    assert blur("out", "--kind", "disk")[0] == 0
    before = content(tmp_path / "out")
    Image.fromarray(photo[100:190, 100:220]).save(sharp / "photo 2.jpg")
    assert blur("out", "--kind", "disk")[0] == 0
    after = content(tmp_path / "out")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"blur/photo 2.png", "sharp/photo 2.png", "manifest.json"}


def test_what_was_made_otherwise_is_never_mixed_in(blur: Blur, tmp_path: Path) -> None:
    assert blur("out", "--kind", "disk")[0] == 0
    code, text = blur("out", "--kind", "disk", "--seed", "7")
    assert code == 2
    assert "was made with another seed (0, not 7); choose another folder" in text
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "a.txt").touch()
    code, text = blur("holiday", "--kind", "disk")
    assert code == 2
    assert "is not empty and holds no manifest.json" in text
    (tmp_path / "holiday" / "manifest.json").write_text("[1]")
    assert blur("holiday", "--kind", "disk")[0] == 2


def test_splits_are_kept_and_the_result_is_read_as_a_data_set(
    blur: Blur, tmp_path: Path, sharp: Path, cache: PixelCache
) -> None:
    root = tmp_path / "split"
    for split, numbers in (("train", (0, 1)), ("val", (2,)), ("test", (3, 4))):
        (root / split).mkdir(parents=True)
        for number in numbers:
            (sharp / f"photo {number}.jpg").rename(root / split / f"photo {number}.jpg")
    assert blur("out", "--kind", "gaussian", "--format", "jpg", source=root)[0] == 0
    images = open_dataset("made", cache, layout={"name": "paired-folder", "path": str(tmp_path / "out")}).prepare()
    assert images.pairs == "files"
    assert [item.entry.key for item in images.items(TEST)] == ["test-photo 3", "test-photo 4"]
    assert len(images.items(TRAIN)) == 2
    assert all(path.suffix == ".jpg" for item in images.items(TEST) for path in item.entry.sources if isinstance(path, Path))


def test_what_cannot_be_read_is_named_and_the_rest_is_made(blur: Blur, sharp: Path) -> None:
    (sharp / "broken.png").write_bytes(b"no image")
    (sharp / "notes.txt").touch()
    code, text = blur("out", "--kind", "gaussian")
    assert code == 1
    assert "failed: " in text
    assert "broken.png: not an image" in text
    assert f"left out of {sharp}: 1 file (1 .txt): not images that are read" in text
    assert "wrote 5 pairs" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kind", "gausian"], "did you mean 'gaussian'"),
        (["--kind", "{name: disk, size: [5, 1]}"], r"size is \[lowest, highest\]"),
        (["--kind", "disk", "--camera", "{name: sensor, jepg: [3, 4]}"], "did you mean 'jpeg'"),
        (["--kind", "disk", "--format", "webp"], "neither png nor jpg"),
    ],
)
def test_what_is_asked_wrongly_is_said_before_any_work(blur: Blur, tmp_path: Path, options: list[str], message: str) -> None:
    import re

    code, text = blur("out", *options)
    assert code == 2
    assert re.search(message, text)
    assert not (tmp_path / "out").exists()


def test_no_photographs_and_two_of_one_name_are_refused(blur: Blur, tmp_path: Path, sharp: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert blur("out", "--kind", "disk", source=tmp_path / "empty")[0] == 2
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(sharp / "photo 1.png")
    code, text = blur("out", "--kind", "disk")
    assert code == 2
    assert "has the same name as photo 1.jpg but for the suffix" in text

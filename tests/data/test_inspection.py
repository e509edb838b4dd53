"""`deblurbench data check`: everything that is wrong is named and counted, and nothing crashes."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter
from typer.testing import CliRunner

from deblurbench.apps.cli import app
from deblurbench.data.cache import PixelCache
from deblurbench.data.dataset import open_dataset
from deblurbench.data.table import TRAIN
from deblurbench.errors import UsageError
from deblurbench.images.reading import read_photo
from deblurbench.yaml_files import parse_yaml

WritePairs = Callable[..., Path]


def check(path: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["data", "check", str(path), *options])
    return result.exit_code, result.output


@pytest.fixture
def sound(tmp_path: Path, write_pairs: WritePairs) -> Path:
    root = tmp_path / "pairs"
    for number, split in enumerate(("train", "validation", "test")):
        write_pairs(root / split, [f"{split}{place}.png" for place in range(3)], size=160, start=5 * number)
    return root


def test_a_sound_data_set_is_described(sound: Path) -> None:
    code, text = check(sound)
    assert code == 0, text
    assert "paired-folder" in text
    assert "images: 3 train, 3 validation, 3 test" in text
    assert "sizes: 160x160 (9)" in text
    assert "unusable: 0" in text
    assert "in two splits: 0" in text
    assert "alignment of 8 pairs: aligned; corners 0." in text
    line = next(line for line in text.splitlines() if "in YAML: " in line)
    assert parse_yaml(line.partition("in YAML: ")[2], "") == {"layout": {"name": "paired-folder", "path": str(sound)}}


def png(width: int, height: int) -> bytes:
    """A PNG that announces this size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def ruin(sound: Path) -> dict[str, str]:
    """Everything that has been seen on people's disks -> what has to be said of it."""
    blur, sharp = sound / "train" / "blur", sound / "train" / "sharp"
    good = (sharp / "train0.png").read_bytes()
    jpeg = sound / "whole.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)).save(jpeg)
    files = {
        "empty.png": (b"", "not an image of a known format"),
        "cut.jpg": (jpeg.read_bytes()[:3000], "cannot be decoded"),
        "text.png": (b"hello, I am a text\n", "not an image of a known format"),
        "bomb.png": (png(30000, 30000), "more pixels than are decoded safely"),
        "lies.png": (png(4000, 4000), "cannot be decoded"),
    }
    jpeg.unlink()
    for name, (data, _) in files.items():
        (blur / name).write_bytes(data)
        (sharp / name).write_bytes(good)
    said = {name: message for name, (_, message) in files.items()}
    Image.fromarray(np.zeros((80, 160, 3), np.uint8)).save(blur / "wide.png")
    (sharp / "wide.png").write_bytes(good)
    said["wide.png"] = "differ in size (160x80 and 160x160)"
    (blur / "loop.png").symlink_to(blur / "loop.png")
    (sharp / "loop.png").write_bytes(good)
    said["loop.png"] = "cannot be read (Too many levels of symbolic links)"
    (blur / "alone.png").write_bytes(good)
    said["alone.png"] = "has no sharp counterpart named 'alone'"
    (blur / "Case.png").write_bytes(good)
    (sharp / "case.png").write_bytes(good)
    said["Case.png"] = "case.png differs in case"
    return said


def test_everything_that_is_wrong_is_named(sound: Path) -> None:
    said = ruin(sound)
    (sound / "readme.txt").write_text("x")
    (sound / "train" / "sharp" / "raw.xmp").write_bytes(b"x")
    code, text = check(sound)
    assert code == 1
    for name, message in said.items():
        assert any(name in line and message in line for line in text.splitlines()), (name, text)
    assert f"unusable: {len(said) + 1}" in text  # `case.png` has no blurred counterpart either
    assert "files that are not read: 1 .txt, 1 .xmp" in text or "files that are not read: 1 .xmp, 1 .txt" in text
    assert "images: 3 train, 3 validation, 3 test" in text
    assert "Traceback" not in text


def test_the_same_files_are_named_when_training_and_errors_when_strict(sound: Path, cache: PixelCache) -> None:
    said = ruin(sound)
    layout = {"name": "paired-folder", "path": str(sound)}
    images = open_dataset("mine", cache, layout=layout).prepare()
    assert len(images.items(TRAIN)) == 3
    for name, message in said.items():
        assert any(name in problem and message in problem for problem in images.problems), (name, images.problems)
    with pytest.raises(UsageError, match=rf"\({len(said) + 1} such problems, strict: true\)"):
        open_dataset("mine", cache, layout=layout, strict=True).prepare()


def test_a_file_that_the_system_refuses_is_named(sound: Path, monkeypatch: pytest.MonkeyPatch, cache: PixelCache) -> None:
    """Told to `read_bytes`, because no permission stops whoever runs the tests as administrator."""
    refused = sound / "train" / "blur" / "train1.png"
    original = Path.read_bytes

    def read(path: Path) -> bytes:
        if path == refused:
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    code, text = check(sound)
    assert code == 1
    assert "train1.png: cannot be read (Permission denied)" in text
    images = open_dataset("mine", cache, layout={"name": "paired-folder", "path": str(sound)}).prepare()
    assert len(images.items(TRAIN)) == 2
    assert "train1.png: cannot be read (Permission denied)" in images.problems[0]


def test_odd_kinds_of_images_are_read(tmp_path: Path) -> None:
    root = tmp_path / "odd"
    values = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    for kind in ("blur", "sharp"):
        (root / kind).mkdir(parents=True)
        image = Image.fromarray(values if kind == "sharp" else values[::-1])
        image.convert("CMYK").save(root / kind / "cmyk.jpg")
        image.convert("P").save(root / kind / "palette.png")
        image.crop((0, 0, 1, 1)).save(root / kind / "one.png")
        image.convert("L").save(root / kind / "grey.png")
        for turn, name in enumerate(("a b", 'it\'s "quoted"', "new\nline", "фото", "写真", "100%"), 1):
            Image.fromarray(np.roll(np.asarray(image), 5 * turn, axis=0)).save(root / kind / f"{name}.png")
    _, text = check(root)
    assert "unusable: 0" in text
    assert "in two splits: 0" in text
    assert "images: 8 train, 1 validation, 1 test" in text
    assert "60x60 (9), 1x1 (1)" in text


def test_a_broken_file_with_a_line_break_in_its_name_stays_one_line(sound: Path) -> None:
    for kind in ("blur", "sharp"):
        (sound / "train" / kind / "two\nlines.png").write_bytes(b"")
    code, text = check(sound)
    assert code == 1
    assert any("two\\nlines.png" in line and "not an image" in line for line in text.splitlines())


def test_the_same_picture_in_two_splits_is_named_whatever_it_is_packed_as(sound: Path) -> None:
    for kind in ("blur", "sharp"):
        pixels = read_photo(sound / "test" / kind / "test1.png").pixels
        Image.fromarray(pixels).save(sound / "train" / kind / "holiday.bmp")
    code, text = check(sound)
    assert code == 1
    assert "in two splits: 1" in text
    assert "holiday.bmp (train)" in text
    assert "test1.png (test)" in text or "test1.png" in text


def test_separate_exposures_are_told_and_drawn(tmp_path: Path, photo: np.ndarray) -> None:
    for number in range(4):
        sharp = np.roll(photo, 60 * number, axis=1)
        for kind, image in (("sharp", sharp), ("blur", np.roll(sharp, 24, axis=0))):
            (tmp_path / "pairs" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(tmp_path / "pairs" / kind / f"{number}.png")
    picture = tmp_path / "picture.png"
    code, text = check(tmp_path / "pairs", "--picture", str(picture))
    assert code == 1
    assert "NOT aligned; corners 24." in text
    assert "register: true" in text
    drawn = read_photo(picture).pixels
    assert drawn.shape[1] > 1500
    cells = [drawn[40:200, 6 + 366 * column :][:, :360].astype(float) for column in range(5)]
    assert cells[4].mean() < cells[3].mean() / 3  # the difference is gone once registered


def test_nothing_to_look_at_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert check(tmp_path / "empty")[0] == 2
    assert check(tmp_path / "nowhere")[0] == 2
    for kind in ("blur",):
        (tmp_path / "half" / kind).mkdir(parents=True)
        (tmp_path / "half" / kind / "a.png").touch()
    code, text = check(tmp_path / "half")
    assert code == 2
    assert "half: has blur/ and no sharp/ (or gt/)" in text


def test_a_picture_of_sharp_photographs_alone_is_refused(tmp_path: Path, photo: np.ndarray) -> None:
    for number in range(4):
        Image.fromarray(np.roll(photo, number, 0)).save(tmp_path / f"{number}.png")
    assert check(tmp_path)[0] == 0
    code, text = check(tmp_path, "--picture", str(tmp_path / "out.png"))
    assert code == 2
    assert "there are no pairs to draw" in text


def test_any_path_can_be_pasted_into_yaml(sound: Path) -> None:
    odd = sound.rename(sound.parent / "my, photos: 'x' {")
    _, text = check(odd)
    line = next(line for line in text.splitlines() if "in YAML: " in line)
    assert parse_yaml(line.partition("in YAML: ")[2], "")["layout"]["path"] == str(odd)


def test_names_that_are_no_utf_8_are_only_names(sound: Path, cache: PixelCache) -> None:
    """As archives of old systems leave them."""
    name = os.fsdecode(b"caf\xe9.png")
    for kind in ("blur", "sharp"):
        pixels = read_photo(sound / "train" / kind / "train0.png").pixels
        Image.fromarray(pixels[::-1]).save(sound / "train" / kind / name)
        (sound / "train" / kind / os.fsdecode(b"broken\xe9.png")).write_bytes(b"")
    code, text = check(sound)
    assert code == 1
    assert "images: 4 train" in text
    assert "broken\\udce9.png: not an image" in text
    images = open_dataset("mine", cache, layout={"name": "paired-folder", "path": str(sound)}).prepare()
    assert len(images.items(TRAIN)) == 4
    for number in range(7):
        (sound.parent / "photos").mkdir(exist_ok=True)
        Image.fromarray(np.full((20, 20, 3), number, np.uint8)).save(
            sound.parent / "photos" / os.fsdecode(b"\xe9%d.png" % number)
        )
    assert check(sound.parent / "photos")[0] == 0


def test_folders_that_may_not_be_read_are_passed_by(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lost+found`, say. Told to `os`, because no permission stops whoever runs the tests as administrator."""
    (sound.parent / "lost+found").mkdir()

    def refusing(original: Callable[..., Any]) -> Callable[..., Any]:
        def look(path: object = ".") -> Any:
            if "lost+found" in str(path):
                raise PermissionError(13, "Permission denied", str(path))
            return original(path)

        return look

    for name in ("listdir", "scandir"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
    code, text = check(sound.parent)
    assert code == 0, text
    assert "images: 3 train, 3 validation, 3 test" in text
    with pytest.raises(UsageError, match=r"lost\+found: cannot be read \(Permission denied\)"):
        open_dataset(
            "mine", PixelCache(sound), layout={"name": "sharp-folder", "path": str(sound.parent / "lost+found")}, blur="disk"
        )


def test_what_macs_put_into_archives_is_no_data_set(sound: Path) -> None:
    for kind in ("blur", "sharp"):
        (sound.parent / "__MACOSX" / "pairs" / kind).mkdir(parents=True)
        (sound.parent / "__MACOSX" / "pairs" / kind / "._train0.png").write_bytes(b"x")
    code, text = check(sound.parent)
    assert code == 0, text


@pytest.mark.parametrize("size", [96, 160])
def test_wrong_counterparts_are_named_and_not_trained_on(
    tmp_path: Path, photo: np.ndarray, size: int, cache: PixelCache
) -> None:
    """Paired by listing order, as notebooks do: none matches, and that is not called aligned."""
    for number in range(6):
        for kind, place in (("sharp", number), ("blur", (number + 3) % 6)):
            (tmp_path / "pairs" / kind).mkdir(parents=True, exist_ok=True)
            top, left = 60 * (place // 3), 140 * (place % 3)
            Image.fromarray(photo[top : top + size, left : left + size]).save(tmp_path / "pairs" / kind / f"{number}.png")
    code, text = check(tmp_path / "pairs")
    assert code == 1
    assert "could be matched: do they show one scene?" in text or "NOT aligned" in text
    images = open_dataset("mine", cache, layout={"name": "paired-folder", "path": str(tmp_path / "pairs")}).prepare()
    assert images.pairs == "synthetic"
    assert "its pairs are not aligned" in images.notes[0]


def test_a_picture_is_a_png(sound: Path) -> None:
    code, text = check(sound, "--picture", "out.gif")
    assert code == 2
    assert "out.gif is no name of a PNG file" in text


def test_a_csv_of_pairs_is_inspected_like_a_folder(sound: Path) -> None:
    lines = ["sharp,blurred,split"]
    for split in ("train", "validation", "test"):
        lines += [f"{split}/sharp/{split}{number}.png,{split}/blur/{split}{number}.png,{split}" for number in range(3)]
    (sound / "pairs.csv").write_text("\n".join([*lines, "train/sharp/gone.png,train/blur/gone.png,train"]))
    code, text = check(sound / "pairs.csv")
    assert code == 1
    assert "pairs-csv" in text
    assert "images: 3 train, 3 validation, 3 test" in text
    assert "unusable: 1" in text
    assert "gone.png: cannot be read (No such file or directory)" in text


def test_mnist_is_inspected(tmp_path: Path) -> None:
    for name, count in (("train-images-idx3-ubyte", 12), ("t10k-images-idx3-ubyte", 4)):
        digits = np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        (tmp_path / name).write_bytes(struct.pack(">4I", 2051, *digits.shape) + digits.tobytes())
    code, text = check(tmp_path)
    assert code == 0, text
    assert "images: 11 train, 1 validation, 4 test" in text
    assert "sizes: 28x28 (16)" in text
    assert "sharp photographs only" in text


def test_a_folder_of_blurred_photographs_is_not_called_sharp_without_a_caution(tmp_path: Path, photo: np.ndarray) -> None:
    for number in range(8):
        crop = Image.fromarray(photo[10 * number :, 20 * number :][:200, :260])
        for name, image in (("sharp", crop), ("soft", crop.filter(ImageFilter.GaussianBlur(2)))):
            (tmp_path / name).mkdir(exist_ok=True)
            image.save(tmp_path / name / f"{name}{number}.png")
    code, text = check(tmp_path / "sharp")
    assert code == 0
    assert "caution" not in text
    code, text = check(tmp_path / "soft")
    assert code == 0
    assert "caution: 8 of 8 photographs look blurred already (soft0, say): they would be the truth that" in text

"""Damaged results folders: one line that names the file, the line or key, and what to do."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from deblurbench.apps.cli import app
from deblurbench.report.findings.comparison import compare
from deblurbench.report.page import write_report
from deblurbench.report.pictures.median_image import median_image_name
from deblurbench.report.reading import read_results
from tests.report.invented import invent

RECORD = "runs/photos/cnn/seed-0/cell.json"
HISTORY = "runs/photos/cnn/seed-0/history.json"
IDENTITIES = {"training_identity": "a", "scoring_identity": "b"}
Damage = Callable[[str], str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return invent(tmp_path_factory.mktemp("stored") / "whole", images=6, cnn=2.0, gan=1.0)


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def replaced(old: str, new: str) -> Damage:
    def damage(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return damage


def written(value: object) -> Damage:
    return lambda _: json.dumps(value)


def without_line(number: int) -> Damage:
    return lambda text: "".join(line for place, line in enumerate(text.splitlines(keepends=True), 1) if place != number)


def twice(number: int) -> Damage:
    return lambda text: text + text.splitlines(keepends=True)[number - 1]


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("comparison.csv", lambda text: text[:300], r"comparison\.csv: line \d has no end, the rest is missing; run the exp"),
        ("comparison.csv", lambda text: "", r"comparison\.csv: line 1 has no end"),
        ("comparison.csv", lambda text: "\0\x7f\n" * 9, r"comparison\.csv: has no column '.*', as an earlier version"),
        ("comparison.csv", replaced("psnr", "snr"), r"comparison\.csv: has no column 'psnr', as an earlier version"),
        ("comparison.csv", replaced("network", "net"), r"comparison\.csv: has no column 'network', as an earlier version"),
        ("comparison.csv", without_line(3), r"comparison\.csv: holds nothing of photos / cnn / seed 0, which is in per_image\.csv"),
        ("comparison.csv", twice(3), r"comparison\.csv: line 5 is the second of photos / cnn / 0; run"),
        ("comparison.csv", replaced("cnn,cnn,unet,0", "cnn,cnn,unet,zero"), r"line 3: seed: 'zero' is no whole number; run"),
        ("comparison.csv", replaced("cnn,cnn,unet,0", "cnn,cnn,unet,00"), r"line 3: seed: '00' is no whole number; run"),
        ("comparison.csv", replaced("cnn,cnn,unet,0", "cnn,cnn,unet," + "9" * 5000), "line 3: seed: '9+' is no whole number"),
        ("comparison.csv", replaced("False", "maybe"), "line 2: oracle: 'maybe' is no True or False; run"),
        ("comparison.csv", replaced(",1000,", ",many,"), "line 3: params: 'many' is no amount; run"),
        ("comparison.csv", replaced(",1000,", ",nan,"), "line 3: params: 'nan' is no amount; run"),
        ("comparison.csv", replaced("photos,cnn", "../../x,cnn"), "line 3: dataset: '../../x' is no name of a folder; run"),
        ("comparison.csv", replaced("photos,cnn", "a,photos,cnn"), "line 3 has not as many cells as the first line; run"),
        ("comparison.csv", replaced("photos,cnn", '"photos'), "comparison.csv: line 3 has not as many cells"),
        ("comparison.csv", lambda text: "a" * 200_000 + "\n" + text, r"comparison\.csv: is no CSV in UTF-8 \(field larger"),
        ("per_image.csv", lambda text: text[:-3], r"per_image\.csv: line 19 has no end, the rest is missing; run"),
        ("per_image.csv", lambda text: text.splitlines(keepends=True)[0], r"per_image\.csv: holds nothing of photos / blurred"),
        ("per_image.csv", without_line(2), "was not scored on the test images of 'photos'|is not complete|scored on"),
        ("per_image.csv", twice(2), r"per_image\.csv: line 20 is the second of photos / blurred / 0 / image-0000; run"),
        ("per_image.csv", replaced("image-0002", "nowhere/else"), "image: 'nowhere/else' is no name of an image; run"),
        ("per_image.csv", replaced(",1,", ",wide,"), r"per_image\.csv: line 2: spread: 'wide' is no number of pixels; run"),
        ("per_image.csv", replaced(",1,", ",1e300,"), r"per_image\.csv: line 2: spread: '1e300' is no number of pixels; run"),
        ("per_image.csv", replaced(",0.75,", ",nan,"), r"per_image\.csv: line 2: ssim: 'nan' is no score; run"),
        ("per_image.csv", replaced(",0.75,", ",1e300,"), r"per_image\.csv: line 2: ssim: '1e300' is no score; run"),
        ("experiment.yaml", lambda text: "", r"experiment\.yaml: expected keys and values"),
        ("experiment.yaml", lambda text: "question: [", r"experiment\.yaml: line 1:"),
        ("experiment.yaml", replaced("question: Which is best?", "question: 5"), r"experiment\.yaml: question: Input should be a v"),
        ("experiment.yaml", replaced("- 0", "- zero"), r"experiment\.yaml: seeds\.0: Input should be a valid integer; run the"),
        ("experiment.yaml", replaced("models:", "modals:"), r"experiment\.yaml: models: Field required; run the experiment again"),
        ("experiment.yaml", replaced("deblurbench@2", "ssim@1"), r"experiment\.yaml: recipe: unknown recipe 'ssim'"),
        ("experiment.yaml", replaced("  gan:", "  ../gan:"), r"experiment\.yaml: models\.\.\./gan\.\[key\]: String should match"),
        ("environment.json", lambda text: text[:-2], r"environment\.json: is no JSON \(.*\); run the experiment again"),
        ("environment.json", written({"versions": 1}), r"environment\.json: Input should be a valid array; run"),
        ("problems.json", written([]), r"problems\.json: Input should be an object; run"),
        ("problems.json", written(None), r"problems\.json: Input should be an object; run"),
        ("notes.json", written({"photos": "a note"}), r"notes\.json: photos: Input should be a valid array; run"),
        ("notes.json", written({"photos": [""]}), r"notes\.json: photos\.0: String should have at least 1 character; run"),
        ("notes.json", lambda text: '{"a":' * 20_000, r"notes\.json: is no JSON \(recursion limit exceeded.*\); run"),
        (RECORD, written({"status": "failed"}), r"cell\.json: training_identity: Field required; run the experiment again with"),
        (RECORD, written({"status": "done", "chosen": "../..", **IDENTITIES}), r"cell\.json: chosen: String should match"),
        (RECORD, written({"status": "done", "chosen": "a", **IDENTITIES}), r"cell\.json: settings: lack those of 'a'"),
        (
            RECORD,
            written({"status": "done", "chosen": "a", "settings": {}, "validation_psnr": {"a": 1.0}, **IDENTITIES}),
            r"cell\.json: settings: lack those of 'a'",
        ),
        (HISTORY, written({"training": []}), r"history\.json: validation: Field required; put a whole copy in its place, or"),
        (HISTORY, replaced('"psnr": 29.5', '"psnr": NaN'), r"history\.json: validation\.0\.psnr is no score"),
        (HISTORY, lambda text: text[::-1].replace("reinnobrahc", "rehto", 1)[::-1], r"training\.99\.losses: lack 'charbonnier'"),
        (HISTORY, replaced('"charbonnier": ', '"charbonnier": "low", "x": '), r"history\.json: training\.0\.losses\.charbonnier: "),
    ],
)  # fmt: skip
def test_damage_is_named_in_one_line(name: str, damage: Damage, message: str, folder: Path) -> None:
    path = folder / name
    path.write_text(damage(path.read_text() if path.is_file() else ""))
    result = CliRunner().invoke(app, ["report", str(folder)])
    assert result.exit_code == 2, result.output
    (line,) = result.output.splitlines()
    assert line.startswith(f"error: {folder}")
    assert re.search(message, line), line


@pytest.mark.parametrize(
    "name", ["comparison.csv", "per_image.csv", "experiment.yaml", "environment.json", "notes.json", HISTORY]
)
@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x00", "Ü".encode("utf-16")])
def test_other_encodings_are_named(name: str, content: bytes, folder: Path) -> None:
    (folder / name).write_bytes(content)
    result = CliRunner().invoke(app, ["report", str(folder)])
    assert result.exit_code == 2
    assert result.output.startswith(f"error: {folder / name}: ")
    assert len(result.output.splitlines()) == 1


def shown(folder: Path) -> str:
    """The photograph that the grid shows."""
    name = median_image_name(compare(read_results([folder]), "photos"))
    assert name is not None
    return name


def test_pictures_of_the_images_that_may_be_shown_are_shown_alone(folder: Path) -> None:
    """All others count in every number; a grid of an earlier report is removed where it may not be shown."""
    names = read_results([folder]).results[0].image_names
    allowed = next(name for name in names if name != shown(folder))
    code = CliRunner().invoke(app, ["report", str(folder), "--show", allowed]).exit_code
    page = (folder / "report.html").read_text()
    assert code == 0
    assert f"pictures of 1 of {len(names)} test images are shown" in page.lower()
    assert f"{allowed} blurred" in page
    assert not any(f"{other} blurred" in page or f"'{other}', sharp" in page for other in names if other != allowed)
    assert f"{allowed} of photos, the photograph of median PSNR" in page
    assert (folder / "per_image.csv").read_text().count("\n") > len(names)
    assert (folder / "grids" / "photos.png").is_file()
    assert CliRunner().invoke(app, ["report", str(folder), "--show", ""]).exit_code == 0
    assert "data:image" not in (folder / "report.html").read_text()
    assert not (folder / "grids" / "photos.png").exists()
    result = CliRunner().invoke(app, ["report", str(folder), "--show", "nobody"])
    assert result.exit_code == 2
    assert "--show: no test image is called 'nobody'" in result.output


@pytest.mark.parametrize("place", ["cnn/seed-0/restored", "blurred/seed-0/restored", "sharp"])
@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"", lambda data: b"\0" * len(data)])
def test_a_damaged_picture_is_named_as_missing(place: str, damage: Callable[[bytes], bytes], folder: Path) -> None:
    name = f"photos/{place}/{shown(folder)}.png"
    path = folder / "runs" / name
    data = path.read_bytes()
    path.unlink()  # all are links to one file
    path.write_bytes(damage(data))
    page = write_report(read_results([folder]), folder).page.read_text()
    for text in (page, (folder / "report.md").read_text()):
        assert f"Pictures that are missing or damaged, and left out: {name}; run the experiment again, which restores" in text


def test_a_picture_of_another_size_is_no_picture_of_it(folder: Path) -> None:
    name = f"photos/cnn/seed-0/restored/{shown(folder)}.png"
    (folder / "runs" / name).unlink()
    Image.new("RGB", (9, 9)).save(folder / "runs" / name)
    assert f"left out: {name}; run" in write_report(read_results([folder]), folder).page.read_text()


def test_an_empty_history_draws_no_curve(folder: Path) -> None:
    (folder / HISTORY).write_text('{"training": [], "validation": [], "seconds": 0}')
    assert write_report(read_results([folder]), folder).page.is_file()

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from deblurbench.apps.cli import app
from deblurbench.files import read_csv
from tests.metrics import references


@pytest.fixture
def folders(tmp_path: Path, photo: np.ndarray) -> tuple[Path, Path]:
    """Two folders as some other program has left them: grey and 16-bit ones, of odd size, in a subfolder."""
    restored, sharp = tmp_path / "theirs", tmp_path / "truth"
    for number, name in enumerate(("a", "scene/b", "scene/c")):
        for folder in (restored, sharp):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        image = photo[40 + number : 111 + number, 100:203]
        soft = cv2.GaussianBlur(image, (0, 0), 1.2)
        if name == "scene/b":
            image, soft = image[..., 0], soft[..., 0]
        if name == "scene/c":
            cv2.imwrite(str(sharp / f"{name}.png"), image.astype(np.uint16) * 257)
            cv2.imwrite(str(restored / f"{name}.tif"), soft.astype(np.uint16) * 257)
            continue
        Image.fromarray(image).save(sharp / f"{name}.png")
        Image.fromarray(soft).save(restored / f"{name}.png")
    return restored, sharp


def evaluate(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)])
    return result.exit_code, result.output


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    return {row["image"]: row for row in read_csv(path)}


def test_a_folder_is_scored_by_all_recipes_side_by_side(folders: tuple[Path, Path], tmp_path: Path) -> None:
    restored, sharp = folders
    code, output = evaluate("--restored", restored, "--sharp", sharp, "--recipe", "all", "--out", tmp_path / "scores.csv")
    assert code == 0, output
    rows = rows_of(tmp_path / "scores.csv")
    assert set(rows) == {"a", "scene/b", "scene/c"}
    pair = [np.asarray(Image.open(folder / "a.png")) for folder in folders]
    for name in ("deblurbench", "gopro-matlab", "basicsr-y", "skimage-default", "realblur"):
        psnr, ssim = getattr(references, name.replace("-", "_"))(*pair)
        assert float(rows["a"][f"psnr ({name})"]) == pytest.approx(psnr, abs=1e-4)
        assert float(rows["a"][f"ssim ({name})"]) == pytest.approx(ssim, abs=1e-6)
        mean = np.mean([float(row[f"psnr ({name})"]) for row in rows.values()])
        assert f"PSNR (dB) {mean:.2f}" in next(line for line in output.splitlines() if line.strip().startswith(f"{name}@"))
    assert "wrote" in output
    assert "3 images" in output


def test_one_recipe_and_further_metrics(folders: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    arguments = (
        "--restored",
        folders[0],
        "--sharp",
        folders[1],
        "--recipe",
        "gopro-matlab",
        "--metrics",
        "[mae]",
        "--out",
        out,
    )
    assert evaluate(*arguments)[0] == 0
    assert list(rows_of(out)["a"]) == ["image", "psnr", "ssim", "mae"]
    assert evaluate(*(argument if argument != "[mae]" else "mae, gmsd" for argument in arguments))[0] == 0
    assert list(rows_of(out)["a"]) == ["image", "psnr", "ssim", "mae", "gmsd"]
    several = (
        "--restored",
        folders[0],
        "--sharp",
        folders[1],
        "--recipe",
        "realblur, float,float@1",
        "--metrics",
        "[mae]",
        "--out",
        out,
    )
    code, output = evaluate(*several)
    assert code == 0, output
    assert list(rows_of(out)["a"])[1:] == [f"{name} ({recipe})" for recipe, names in
        (("realblur", ("psnr", "ssim")), ("float", ("psnr", "ssim", "mae"))) for name in names]  # fmt: skip
    assert "further metrics were asked for, and it takes none" in output


def test_what_does_not_match_is_named_and_the_rest_scored(folders: tuple[Path, Path], tmp_path: Path) -> None:
    restored, sharp = folders
    (restored / "a.png").rename(restored / "A.png")
    Image.fromarray(np.zeros((70, 103), np.uint8)).save(restored / "scene" / "b.png")
    (restored / "lone.png").write_bytes(b"no image")
    (sharp / "lone.png").write_bytes(b"no image either")
    (restored / "scene" / "c.png").write_bytes((restored / "A.png").read_bytes())
    code, output = evaluate("--restored", restored, "--sharp", sharp, "--out", tmp_path / "scores.csv")
    assert code == 1
    assert f"failed: {restored / 'A.png'}: has no sharp counterpart named 'A'; a.png differs in case: rename one" in output
    assert f"failed: {sharp / 'a.png'}: has no restored counterpart named 'a'; A.png differs in case: rename one" in output
    twin = sharp / "scene" / "b.png"
    assert f"b.png: is 103x70 pixels, and {twin} is 103x71; nothing is resized" in output
    assert "lone.png: not an image of a known format" in output
    assert "c.tif: has the same name as c.png but for the suffix" in output
    assert set(rows_of(tmp_path / "scores.csv")) <= {"scene/c"}


def test_images_that_a_recipe_cannot_take_are_named(folders: tuple[Path, Path], tmp_path: Path) -> None:
    for folder in folders:
        Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(folder / "flat.png")
        Image.fromarray(np.full((40, 40, 3), 90 + 9 * (folder == folders[0]), np.uint8)).save(folder / "dull.png")
        Image.fromarray(np.zeros((9, 40, 3), np.uint8)).save(folder / "thin.png")
    code, output = evaluate("--restored", folders[0], "--sharp", folders[1], "--recipe", "realblur")
    assert code == 1
    assert (
        "dull.png: cannot be registered to its sharp counterpart (ECC does not converge: too little texture) (recipe realblur)"
        in output
    )
    out = tmp_path / "both.csv"
    code, output = evaluate("--restored", folders[0], "--sharp", folders[1], "--recipe", "float,realblur", "--out", out)
    assert code == 1
    dull = rows_of(out)["dull"]
    assert dull["psnr (float)"]  # what one recipe refuses is still scored by the others
    assert dull["psnr (realblur)"] == ""
    mean = np.mean([float(row["psnr (float)"]) for name, row in rows_of(out).items() if name != "flat"])
    assert f"float@1     PSNR (dB) {mean:.2f}" in output
    code, output = evaluate("--restored", folders[0], "--sharp", folders[1])
    assert code == 1
    assert "thin.png: SSIM needs images of at least 11x11 pixels, not 40x9 (recipe deblurbench)" in output
    assert "1 image is identical to its ground truth; that PSNR is infinite, and left out of the mean" in output  # the flat one


def test_without_truth_there_are_scores_without_reference(folders: tuple[Path, Path], tmp_path: Path) -> None:
    code, output = evaluate("--restored", folders[1], "--out", tmp_path / "alone.csv")
    assert code == 0
    assert "variance of the Laplacian" in output
    refused = evaluate("--restored", folders[1], "--recipe", "float")
    assert refused == (2, "error: --recipe: needs --sharp, the folder of the sharp counterparts\n")
    sharp, soft = rows_of(tmp_path / "alone.csv"), tmp_path / "soft.csv"
    evaluate("--restored", folders[0], "--out", soft)
    assert all(
        float(row["laplacian-variance"]) > float(rows_of(soft)[name]["laplacian-variance"]) for name, row in sharp.items()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "matlab"], "--recipe: unknown recipe 'matlab'; did you mean 'gopro-matlab'?"),
        (["--metrics", "[mea]"], "--metrics[0]: unknown metric 'mea'; did you mean"),
        (["--metrics", "[mae"], "--metrics: "),
        (["--recipe", "float, nonsense"], "--recipe: unknown recipe 'nonsense'"),
        (["--out", "scores.txt"], "--out: scores.txt is no name of a CSV file"),
    ],
)
def test_what_was_asked_wrongly_is_said_before_work_begins(
    arguments: list[str], message: str, folders: tuple[Path, Path]
) -> None:
    code, output = evaluate("--restored", folders[0], "--sharp", folders[1], *arguments)
    assert code == 2, output
    assert message in output


def test_folders_without_a_match_are_named(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert evaluate("--restored", tmp_path / "none", "--sharp", folders[1]) == (
        2, f"error: {tmp_path / 'none'}: there is no such folder; give the folder that holds the images\n",
    )  # fmt: skip
    assert "holds no images" in evaluate("--restored", tmp_path / "empty", "--sharp", folders[1])[1]
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(other / "x.png")
    code, output = evaluate("--restored", other, "--sharp", folders[1])
    assert code == 2
    assert "no image has a counterpart of the same name in" in output


def test_files_that_are_not_images_are_counted(folders: tuple[Path, Path]) -> None:
    restored, sharp = folders
    (restored / "scene" / "log.txt").touch()
    for options in (["--sharp", sharp], []):
        code, output = evaluate("--restored", restored, *options)
        assert code == 0, output
        assert f"left out of {restored}: 1 file (1 .txt): not images that are read" in output
        assert output.count("left out of") == 1

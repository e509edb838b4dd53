"""The traps of published sets, on small trees with their true names."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from deblurbench.data.cache import PixelCache
from deblurbench.data.dataset import open_dataset
from deblurbench.data.layouts.base import layout_called
from deblurbench.data.layouts.recognition import recognise
from deblurbench.data.table import TEST, TRAIN, VALIDATION, PairEntry, PairTable
from deblurbench.errors import UsageError
from deblurbench.images.idx import IdxImage
from deblurbench.registry import LAYOUTS


def table(name: str, **arguments: object) -> PairTable:
    built: PairTable = LAYOUTS.build({"name": name, **arguments}).table()
    return built


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def counts(found: PairTable) -> dict[str, int]:
    return {split: sum(entry.split == split for entry in found.entries) for split in (TRAIN, VALIDATION, TEST)}


def groups(found: PairTable) -> dict[str, set[str]]:
    return {split: {entry.group for entry in found.entries if entry.split == split} for split in (TRAIN, VALIDATION, TEST)}


def sides(entry: PairEntry) -> tuple[Path, Path]:
    assert isinstance(entry.sharp, Path)
    assert isinstance(entry.blurred, Path)
    return entry.blurred, entry.sharp


def gopro(root: Path) -> Path:
    for split, sequences in (("train", ["GOPR0372_07_00", "GOPR0374_11_01", "GOPR0881_11_00"]), ("test", ["GOPR0384_11_00"])):
        for sequence in sequences:
            for kind in ("blur", "blur_gamma", "sharp"):
                touch(root / split / sequence / kind, *(f"{number:06}.png" for number in range(47, 52)))
    return root


def rahulbhalley(root: Path) -> Path:
    for kind in ("blur", "sharp"):
        touch(root / "gopro_deblur" / "gopro_deblur" / kind / "images", *(f"{number}.png" for number in range(20)))
    return root


def restormer(root: Path) -> Path:
    names = [f"GOPR{sequence}_11_00-{frame:06}.png" for sequence in ("0372", "0374", "0881") for frame in range(1, 5)]
    for kind in ("input", "target"):
        touch(root / "train" / "GoPro" / kind, *names)
        touch(root / "test" / "GoPro" / kind, "GOPR0384_11_00-000001.png", "GOPR0384_11_00-000002.png")
        touch(root / "test" / "HIDE" / kind, "1fromGOPR1096.png")
    return root


def hide(root: Path) -> Path:
    train = [f"{number}fromGOPR{video}.png" for video in ("0950", "0951", "0976") for number in range(1, 5)]
    touch(root / "train", *train)
    touch(root / "test" / "test-close-ups", "1fromGOPR1096.png", "2fromGOPR1096.png")
    touch(root / "test" / "test-long-shot", "3fromGOPR1096.png")
    touch(root / "GT", *train, *(f"{number}fromGOPR1096.png" for number in (1, 2, 3)))
    return root


def realblur(root: Path) -> Path:
    for variant, folder in (
        ("J", "RealBlur-J_ECC_IMCORR_centroid_itensity_ref"),
        ("R", "RealBlur-R_BM3D_ECC_IMCORR_centroid_itensity_ref"),
    ):
        for split, scenes in (("train", range(1, 5)), ("test", range(5, 7))):
            lines = []
            for scene in scenes:
                for number in (1, 2, 11):
                    here = f"{folder}/scene{scene:03}"
                    touch(root / here / "blur", f"blur_{number}.png")
                    touch(root / here / "gt", f"gt_{number}.png")
                    lines.append(f"{here}/gt/gt_{number}.png {here}/blur/blur_{number}.png ")
            (root / f"RealBlur_{variant}_{split}_list.txt").write_text("\n".join(lines) + "\n")
    return root


def reds(root: Path) -> Path:
    for part, sequences in (("train", range(4)), ("val", range(2))):
        for sequence in sequences:
            for kind in ("sharp", "blur"):
                touch(root / part / f"{part}_{kind}" / f"{sequence:03}", *(f"{frame:08}.png" for frame in range(3)))
    return root


def dpdd(root: Path) -> Path:
    for folder, count in (("train_c", 5), ("val_c", 2), ("test_c", 3)):
        touch(root / folder / "source", *(f"1P0A{number:04}.png" for number in range(100, 100 + 2 * count, 2)))
        touch(root / folder / "target", *(f"1P0A{number:04}.png" for number in range(101, 101 + 2 * count, 2)))
    return root


def celeba(root: Path) -> Path:
    touch(root / "img_align_celeba" / "img_align_celeba", *(f"{number:06}.jpg" for number in range(1, 11)))
    lines = "\n".join(f"{number:06}.jpg,{0 if number < 7 else 1 if number < 9 else 2}" for number in range(1, 11))
    (root / "list_eval_partition.csv").write_text(f"image_id,partition\n{lines}\n")
    return root


def idx(images: np.ndarray) -> bytes:
    return struct.pack(">4I", 2051, *images.shape) + images.tobytes()


def mnist(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for name, count in (("train-images-idx3-ubyte.gz", 30), ("t10k-images.idx3-ubyte", 8)):
        data = idx(random.integers(0, 256, (count, 28, 28), dtype=np.uint8))
        (root / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return root


def dblur(root: Path) -> Path:
    for subset, splits in (("CelebA", ("train", "validation", "test")), ("Gopro", ("train", "test")), ("Wider-Face", ("",))):
        for split in splits:
            for kind in ("blur", "sharp"):
                touch(root / "DBlur" / subset / split / kind, *(f"{number}.png" for number in range(10)))
    return root


def kwentar(root: Path) -> Path:
    for kind, folder in (("S", "sharp"), ("F", "defocused_blurred"), ("M", "motion_blurred")):
        touch(root / "blur_dataset_scaled" / folder, *(f"{number}_IPHONE-SE_{kind}.JPG" for number in range(10)))
    return root


TREES = {
    "gopro-large": gopro,
    "rahulbhalley-gopro": rahulbhalley,
    "restormer": restormer,
    "hide": hide,
    "realblur": realblur,
    "reds": reds,
    "dpdd": dpdd,
    "celeba": celeba,
    "mnist": mnist,
    "dblur": dblur,
    "kwentar-blur": kwentar,
}
KAGGLEHUB = "datasets/somebody/some-set/versions/1"


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("below", ["", KAGGLEHUB])
def test_published_sets_are_recognised_and_read_wherever_they_were_unpacked(tmp_path: Path, name: str, below: str) -> None:
    if below and name == "rahulbhalley-gopro":
        TREES[name](tmp_path / "versions" / "1")  # it nests itself twice more
    else:
        TREES[name](tmp_path / below)
    found = recognise(tmp_path)
    assert {spec["name"] for spec in found} == {name}
    for spec in found:
        by_spec: PairTable = LAYOUTS.build(spec).table()
        above: PairTable = LAYOUTS.build({**spec, "path": str(tmp_path)}).table()
        assert by_spec.problems == ()
        assert by_spec == above
        assert all(count > 0 for count in counts(by_spec).values())
        assert not any(
            first & second
            for first, second in [
                (groups(by_spec)[a], groups(by_spec)[b]) for a, b in ((TRAIN, TEST), (TRAIN, VALIDATION), (VALIDATION, TEST))
            ]
        )


@pytest.mark.parametrize("name", sorted(set(LAYOUTS.names()) - {"skimage-photos", "joined", "printed-pages"}))
def test_every_layout_refuses_other_folders_in_one_line(tmp_path: Path, name: str) -> None:
    touch(tmp_path / "empty" / "deeper")
    for path in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(UsageError) as caught:
            table(name, path=str(path))
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert layout_called(name).recognise(tmp_path / "empty") == []


def test_every_layout_says_where_its_data_comes_from() -> None:
    for name in LAYOUTS.names():
        origin = layout_called(name).origin
        assert origin.title
        assert bool(origin.url) == bool(origin.citation)


def test_gopro_frames_repeat_across_sequences_and_validation_is_a_whole_sequence(tmp_path: Path) -> None:
    found = table("gopro-large", path=str(gopro(tmp_path)))
    assert counts(found) == {TRAIN: 10, VALIDATION: 5, TEST: 5}
    assert groups(found)[VALIDATION] == {"GOPR0881_11_00"}
    assert len({entry.key for entry in found.entries}) == 20
    for entry in found.entries:
        blurred, sharp = sides(entry)
        assert (blurred.parent.parent, blurred.name) == (sharp.parent.parent, sharp.name)
        assert blurred.parent.name == "blur"
    gamma = table("gopro-large", path=str(tmp_path), blur="blur_gamma")
    assert {sides(entry)[0].parent.name for entry in gamma.entries} == {"blur_gamma"}
    assert [entry.key for entry in gamma.entries] == [entry.key for entry in found.entries]
    with pytest.raises(UsageError, match="blur"):
        table("gopro-large", path=str(tmp_path), blur="linear")


def test_gopro_frames_without_a_counterpart_are_named(tmp_path: Path) -> None:
    (gopro(tmp_path) / "train" / "GOPR0372_07_00" / "sharp" / "000049.png").unlink()
    (problem,) = table("gopro-large", path=str(tmp_path)).problems
    assert "GOPR0372_07_00/blur/000049.png: has no sharp counterpart" in problem


def test_rahulbhalleys_set_is_split_in_blocks(tmp_path: Path) -> None:
    found = table("rahulbhalley-gopro", path=str(rahulbhalley(tmp_path)))
    assert counts(found) == {TRAIN: 16, VALIDATION: 2, TEST: 2}
    assert "not the GoPro test set" in (layout_called("rahulbhalley-gopro").__doc__ or "")


def test_restormers_names_tell_sequences_and_other_tests_may_stand_beside(tmp_path: Path) -> None:
    found = table("restormer", path=str(restormer(tmp_path)))
    assert counts(found) == {TRAIN: 8, VALIDATION: 4, TEST: 2}
    assert groups(found)[VALIDATION] == {"train-GOPR0881_11_00"}
    hidden = table("restormer", path=str(tmp_path), test="HIDE")
    assert counts(hidden) == {TRAIN: 8, VALIDATION: 4, TEST: 1}
    with pytest.raises(UsageError, match="test may be one of: GoPro, HIDE"):
        table("restormer", path=str(tmp_path), test="RealBlur_J")


def test_hide_takes_its_truth_from_one_folder_and_validates_on_whole_videos(tmp_path: Path) -> None:
    found = table("hide", path=str(hide(tmp_path)))
    assert counts(found) == {TRAIN: 8, VALIDATION: 4, TEST: 3}
    assert groups(found)[VALIDATION] == {"train-GOPR0976"}
    assert {sides(entry)[1].parent.name for entry in found.entries} == {"GT"}
    (tmp_path / "GT" / "3fromGOPR1096.png").rename(tmp_path / "GT" / "9fromGOPR1096.png")
    problems = table("hide", path=str(tmp_path)).problems
    assert any("test-long-shot/3fromGOPR1096.png: has no sharp counterpart" in problem for problem in problems)
    assert any("GT/9fromGOPR1096.png: has no blurred counterpart" in problem for problem in problems)


@pytest.mark.parametrize("variant", ["J", "R"])
def test_realblur_is_split_by_its_lists_and_validates_on_whole_scenes(tmp_path: Path, variant: str) -> None:
    found = table("realblur", path=str(realblur(tmp_path)), variant=variant)
    assert counts(found) == {TRAIN: 9, VALIDATION: 3, TEST: 6}
    assert groups(found)[TEST] == {"scene005", "scene006"}
    for entry in found.entries:
        blurred, sharp = sides(entry)
        assert f"RealBlur-{variant}_" in str(sharp)
        assert sharp.name == blurred.name.replace("blur", "gt")


def test_realblurs_lists_must_be_there_and_name_what_is_there(tmp_path: Path) -> None:
    realblur(tmp_path)
    folder = "RealBlur-J_ECC_IMCORR_centroid_itensity_ref"
    (tmp_path / folder / "scene001" / "gt" / "gt_2.png").unlink()
    with (tmp_path / "RealBlur_J_test_list.txt").open("a") as file:
        file.write("alone\n")
    problems = table("realblur", path=str(tmp_path)).problems
    assert any("RealBlur_J_train_list.txt: line 2: " in problem and "gt_2.png is not there" in problem for problem in problems)
    assert any("line 7: expected 'GT_PATH BLUR_PATH', not 'alone'" in problem for problem in problems)
    (tmp_path / "RealBlur_J_test_list.txt").unlink()
    with pytest.raises(UsageError, match=r"RealBlur_J_test_list\.txt: is missing"):
        table("realblur", path=str(tmp_path))


def test_reds_is_tested_on_val_or_split_by_sequence(tmp_path: Path) -> None:
    found = table("reds", path=str(reds(tmp_path)))
    assert counts(found) == {TRAIN: 9, VALIDATION: 3, TEST: 6}
    assert groups(found)[VALIDATION] == {"train-003"}
    (tmp_path / "val").rename(tmp_path / "away")
    alone = table("reds", path=str(tmp_path))
    assert counts(alone) == {TRAIN: 6, VALIDATION: 3, TEST: 3}


def test_dpdd_pairs_in_sorted_order_only_where_that_can_mean_something(tmp_path: Path) -> None:
    found = table("dpdd", path=str(dpdd(tmp_path)))
    assert counts(found) == {TRAIN: 5, VALIDATION: 2, TEST: 3}
    blurred, sharp = sides(found.entries[0])
    assert (blurred.name, sharp.name) == ("1P0A0100.png", "1P0A0101.png")
    (tmp_path / "test_c" / "target" / "1P0A0103.png").unlink()
    with pytest.raises(UsageError, match=r"test_c: 3 images in source/ and 2 in target/ cannot be paired in sorted order"):
        table("dpdd", path=str(tmp_path))


def test_celebas_partition_decides_and_differences_are_named(tmp_path: Path) -> None:
    found = table("celeba", path=str(celeba(tmp_path)))
    assert counts(found) == {TRAIN: 6, VALIDATION: 2, TEST: 2}
    assert all(entry.blurred is None for entry in found.entries)
    flat = tmp_path / "official"
    touch(flat / "img_align_celeba", "000001.jpg", "000002.jpg", "000003.jpg", "extra.jpg")
    (flat / "list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n000004.jpg 2\n000005.jpg 7\n")
    problems = table("celeba", path=str(flat)).problems
    assert len(problems) == 3
    assert any("000004.jpg: is listed in list_eval_partition.txt, and is not there" in problem for problem in problems)
    assert any("line 5: expected a file name and 0, 1 or 2" in problem for problem in problems)
    assert any("extra.jpg: is not listed" in problem for problem in problems)


def test_mnists_digits_are_read_from_their_files(tmp_path: Path) -> None:
    found = table("mnist", path=str(mnist(tmp_path)), tested=5)
    assert counts(found) == {TRAIN: 27, VALIDATION: 3, TEST: 5}
    assert found.entries[0].key == "train-00000"
    assert isinstance(found.entries[0].sharp, IdxImage)
    layout = {"name": "mnist", "path": str(tmp_path)}
    images = open_dataset("digits", PixelCache(tmp_path / "cache"), layout=layout, blur="motion").prepare()
    image = images.test_image(images.items(TEST)[0])
    assert image.sharp is not None
    assert image.blurred.shape == image.sharp.shape == (28, 28, 3)
    assert not np.array_equal(image.blurred, image.sharp)


def test_mnist_in_kaggles_folders_is_found_too(tmp_path: Path) -> None:
    mnist(tmp_path)
    for name in ("train-images.idx3-ubyte", "t10k-images.idx3-ubyte"):
        (tmp_path / "kaggle" / name.replace(".", "-")).mkdir(parents=True)
        (tmp_path / "kaggle" / name.replace(".", "-") / name.replace(".", "-")).write_bytes(
            idx(np.zeros((12, 28, 28), np.uint8))
        )
    assert counts(table("mnist", path=str(tmp_path / "kaggle")))[TRAIN] == 11


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "pairs.csv"
        path.write_text(text, encoding="utf-8-sig")  # as spreadsheets save it
        return path

    return write


def test_a_csv_names_pairs_splits_and_groups(write_csv: Callable[[str], Path], tmp_path: Path) -> None:
    path = write_csv("sharp,blurred,split,group\na/1.png,b/x.png,train,g1\na/2.png,b/y.png,train,g2\na/3.png,b/z.png,test,g3\n")
    found = table("pairs-csv", path=str(path))
    assert counts(found) == {TRAIN: 1, VALIDATION: 1, TEST: 1}
    assert sides(found.entries[0]) == (tmp_path / "b" / "x.png", tmp_path / "a" / "1.png")
    assert recognise(path) == [{"name": "pairs-csv", "path": str(path)}]


def test_a_csv_without_splits_is_split_by_group_and_names_may_repeat(write_csv: Callable[[str], Path]) -> None:
    rows = [f"day{day}/{number}.png,blurred{day}/{number}.png,day{day}" for day in range(5) for number in range(3)]
    found = table("pairs-csv", path=str(write_csv("sharp,blurred,group\n" + "\n".join(rows))))
    assert counts(found) == {TRAIN: 9, VALIDATION: 3, TEST: 3}
    assert found.entries[0].key == "0-1"
    sharp_only = table("pairs-csv", path=str(write_csv("sharp\n" + "\n".join(f"{number:02}.png" for number in range(20)))))
    assert counts(sharp_only) == {TRAIN: 16, VALIDATION: 2, TEST: 2}
    assert all(entry.blurred is None for entry in sharp_only.entries)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column 'sharp'"),
        ("sharp,blured\na,b\n", r"unknown column 'blured'; did you mean 'blurred'\?"),
        ("sharp,split\n,train\n", "holds no usable row; .*line 2: has no sharp image"),
        ("sharp,split\na.png,dev\n", "split 'dev' is none of train, validation, test"),
        ("sharp,split\na.png,train\nb.png,\nc.png,test\n", "one training .*|leaves none"),
        ("sharp,split\na.png\n", "line 2: has more or fewer values"),
        ("sharp,split\na.png,train\nb.png,train\n", "has rows of train only"),
    ],
)
def test_a_csv_that_cannot_be_read_is_named(write_csv: Callable[[str], Path], text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        table("pairs-csv", path=str(write_csv(text)))


def test_own_images_are_recognised_last(tmp_path: Path) -> None:
    touch(tmp_path / "photos", "a.jpg", "b.jpg", "c.jpg")
    assert recognise(tmp_path) == [{"name": "sharp-folder", "path": str(tmp_path / "photos")}]
    for kind in ("Blur", "SHARP"):
        touch(tmp_path / "pairs" / kind, "a.jpg", "b.jpg", "c.jpg")
    assert {spec["name"] for spec in recognise(tmp_path)} == {"paired-folder", "sharp-folder"}
    assert counts(table("paired-folder", path=str(tmp_path / "pairs"))) == {TRAIN: 1, VALIDATION: 1, TEST: 1}
    with pytest.raises(UsageError, match="holds no images, nor do folders below it"):
        recognise(tmp_path / "pairs" / "nothing") if (tmp_path / "pairs" / "nothing").mkdir() is None else None


def test_links_that_go_round_end(tmp_path: Path) -> None:
    gopro(tmp_path / "set")
    (tmp_path / "set" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert [spec["name"] for spec in recognise(tmp_path)] == ["gopro-large"]


def test_results_are_no_data(tmp_path: Path) -> None:
    """Restored pictures of all models have the same names, and would be taken for pairs."""
    touch(tmp_path / "photos", "a.jpg", "b.jpg", "c.jpg")
    touch(tmp_path / "results" / "first", "experiment.yaml", "environment.json")
    touch(tmp_path / "results" / "first" / "grids", "a.png")
    assert recognise(tmp_path) == [{"name": "sharp-folder", "path": str(tmp_path / "photos")}]


def test_names_that_differ_in_case_are_named_with_their_likely_counterpart(tmp_path: Path) -> None:
    touch(tmp_path / "blur", "IMG_1.JPG", "b.png", "c.png", "d.png")
    touch(tmp_path / "sharp", "img_1.jpg", "b.png", "c.png", "d.png")
    problems = table("paired-folder", path=str(tmp_path)).problems
    assert any(
        "IMG_1.JPG: has no sharp counterpart named 'IMG_1'; img_1.jpg differs in case: rename one" in problem
        for problem in problems
    )


def test_a_csv_may_blur_one_photograph_in_several_ways_and_part_by_semicolons(
    write_csv: Callable[[str], Path], tmp_path: Path
) -> None:
    rows = [f"s{number}.png;b{number}-{kind}.png" for number in range(4) for kind in "xy"]
    found = table("pairs-csv", path=str(write_csv("sharp;blurred\n" + "\n".join(rows))))
    assert len({entry.key for entry in found.entries}) == 8
    splits: dict[str, set[str]] = {}
    for entry in found.entries:
        splits.setdefault(str(entry.sharp), set()).add(entry.split)
    assert all(len(names) == 1 for names in splits.values())
    assert recognise(tmp_path) == [{"name": "pairs-csv", "path": str(tmp_path / "pairs.csv")}]


def test_nothing_of_a_published_set_is_dropped_without_a_word(tmp_path: Path) -> None:
    touch(reds(tmp_path / "reds") / "train" / "train_blur" / "009", "00000000.png")
    assert any(
        "train_sharp/009: there is no such folder" in problem for problem in table("reds", path=str(tmp_path / "reds")).problems
    )
    touch(kwentar(tmp_path / "kwentar") / "blur_dataset_scaled" / "motion_blurred", "77_IPHONE-SE_M.JPG")
    assert any(
        "77_IPHONE-SE_M.JPG: has no sharp counterpart" in problem
        for problem in table("kwentar-blur", path=str(tmp_path / "kwentar")).problems
    )
    touch(realblur(tmp_path / "rb") / "RealBlur-J_ECC_IMCORR_centroid_itensity_ref" / "scene001" / "blur", "blur_99.png")
    assert any("blur_99.png: is in no list" in problem for problem in table("realblur", path=str(tmp_path / "rb")).problems)
    (hide(tmp_path / "hide") / "test" / "test-long-shot").rename(tmp_path / "away")
    assert any(
        "test-long-shot: there is no such folder" in problem for problem in table("hide", path=str(tmp_path / "hide")).problems
    )


def test_mnist_that_is_not_whole_is_one_error(tmp_path: Path) -> None:
    mnist(tmp_path)
    file = tmp_path / "train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(UsageError, match=r"train-images-idx3-ubyte\.gz: (cannot be read|does not hold)"):
        table("mnist", path=str(tmp_path))


def test_kwentar_is_found_beside_other_sets(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "sharp", "1.png")
    kwentar(tmp_path / "b" / "blur-dataset")
    assert counts(table("kwentar-blur", path=str(tmp_path)))[TRAIN] == 8

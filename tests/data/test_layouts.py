"""Every trap of facts about the data sets, on small trees with their true names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from deblurbench.data.dead_leaves import DeadLeaves
from deblurbench.data.layouts.recognition import recognise
from deblurbench.data.table import SHOWN, TEST, TRAIN, VALIDATION, PairEntry, PairTable, split_by_hash
from deblurbench.errors import UsageError
from deblurbench.registry import LAYOUTS

WritePairs = Callable[..., Path]


def table(name: str, **arguments: object) -> PairTable:
    built: PairTable = LAYOUTS.build({"name": name, **arguments}).table()
    return built


def by_split(entries: tuple[PairEntry, ...]) -> dict[str, list[str]]:
    splits: dict[str, list[str]] = {}
    for entry in entries:
        splits.setdefault(entry.split, []).append(entry.key)
    return splits


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_scikit_images_photographs_are_split_by_photograph() -> None:
    entries = table("skimage-photos").entries
    groups: dict[str, set[str]] = {}
    for entry in entries:
        if isinstance(entry.sharp, Path):
            assert np.asarray(Image.open(entry.sharp)).size > 100_000
        groups.setdefault(entry.group, set()).add(entry.split)
    assert all(len(splits) == 1 for splits in groups.values())
    assert sum(entry.group == "motorcycle" for entry in entries) == 2  # both views of the stereo pair
    assert {TRAIN, VALIDATION, TEST} == set(by_split(entries))


def test_scikit_images_photographs_test_what_training_never_saw() -> None:
    """Test scenes are enough for a test of significance, and real; pictures drawn by code only train and validate."""
    entries = table("skimage-photos").entries
    tested = [entry for entry in entries if entry.split == TEST]
    drawn = {entry.split for entry in entries if isinstance(entry.sharp, DeadLeaves)}
    assert len({entry.group for entry in tested}) == len(tested) == 9
    assert all(isinstance(entry.sharp, Path) for entry in tested)
    assert drawn == {TRAIN, VALIDATION}


@pytest.fixture
def kwentar(tmp_path: Path) -> Path:
    """`kwentar/blur-dataset` as downloaded: mixed suffixes and cases, dashes in the device, a scaled second copy."""
    root = tmp_path / "blur-dataset"
    devices = ["IPHONE-SE", "HONOR-7X", "NIKON-D3400-18-55MM", "IPHONE-6S"]
    suffixes = {"S": "JPG", "F": "jpg", "M": "jpeg"}
    for folder in (root, root / "blur_dataset_scaled"):
        for number in range(20):
            for kind, name in (("S", "sharp"), ("F", "defocused_blurred"), ("M", "motion_blurred")):
                touch(folder / name, f"{number}_{devices[number % 4]}_{kind}.{suffixes[kind]}")
    return root


def test_kwentar_is_read_as_downloaded(kwentar: Path) -> None:
    found = table("kwentar-blur", path=str(kwentar))
    splits = by_split(found.entries)
    assert found.problems == ()
    assert sum(len(splits[split]) for split in (TRAIN, VALIDATION, TEST)) == 20  # once, though there are two copies
    assert {len(splits[VALIDATION]), len(splits[TEST])} == {2}
    assert "2_NIKON-D3400-18-55MM" in splits[TRAIN] + splits[VALIDATION] + splits[TEST]


def test_kwentars_blurred_photographs_are_shown_and_never_paired(kwentar: Path) -> None:
    """They are other exposures, tens of pixels away: a pair made of them teaches the misalignment."""
    found = table("kwentar-blur", path=str(kwentar))
    tested = {entry.group for entry in found.entries if entry.split == TEST}
    shown = [entry for entry in found.entries if entry.split == SHOWN]
    assert {entry.key[-2:] for entry in shown} == {"_F", "_M"}
    assert {entry.group for entry in shown} == tested  # never a scene that was trained on
    assert all(entry.sharp is None for entry in shown)
    assert all(entry.blurred is None for entry in found.entries if entry.split != SHOWN)


def test_kwentar_either_copy_is_accepted_and_never_both(kwentar: Path) -> None:
    keys = {entry.key for entry in table("kwentar-blur", path=str(kwentar)).entries}
    scaled = table("kwentar-blur", path=str(kwentar / "blur_dataset_scaled")).entries
    assert {entry.key for entry in scaled} == keys
    assert all("blur_dataset_scaled" in str(path) for entry in scaled for path in entry.sources)
    for folder in ("sharp", "defocused_blurred", "motion_blurred"):
        (kwentar / folder).rename(kwentar / f"away-{folder}")
    assert {entry.key for entry in table("kwentar-blur", path=str(kwentar)).entries} == keys  # the folder above works too


def test_kwentar_ids_decide_the_split_whatever_the_device(tmp_path: Path) -> None:
    names = [f"{number}_{device}_S.JPG" for number in range(12) for device in ("A", "B-C")]
    touch(tmp_path / "sharp", *names)
    splits: dict[str, set[str]] = {}
    for entry in table("kwentar-blur", path=str(tmp_path)).entries:
        splits.setdefault(entry.group, set()).add(entry.split)
    assert len(splits) == 12
    assert all(len(found) == 1 for found in splits.values())


def test_kwentar_other_names_are_named_and_other_folders_refused(kwentar: Path, tmp_path: Path) -> None:
    touch(kwentar / "sharp", "holiday.jpg", "7_HONOR-7X_F.jpg", "0_IPHONE-SE_S.jpeg")
    problems = table("kwentar-blur", path=str(kwentar)).problems
    assert len(problems) == 3
    assert all(any(name in problem for problem in problems) for name in ("holiday.jpg", "7_HONOR-7X_F.jpg", "0_IPHONE-SE_S.jp"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no folder 'sharp'"):
        table("kwentar-blur", path=str(tmp_path / "empty"))
    touch(tmp_path / "other" / "sharp", "a.jpg")
    with pytest.raises(UsageError, match="holds no image named like 0_IPHONE-SE_S"):
        table("kwentar-blur", path=str(tmp_path / "other"))


@pytest.fixture
def dblur(tmp_path: Path) -> Path:
    """The curated Kaggle list with its celebrity set, at a depth at which kagglehub leaves it."""
    root = tmp_path / "datasets" / "a-curated-list-of-image-deblurring-datasets" / "versions" / "1"
    for split, count in (("train", 8), ("validation", 2), ("test", 3)):
        names = [f"{number:06}.png" for number in range(count)]
        touch(root / "DBlur" / "CelebA" / split / "blur", *names)
        touch(root / "DBlur" / "CelebA" / split / "sharp", *names)
    return root


@pytest.mark.parametrize("below", ["", "DBlur", "DBlur/CelebA"])
def test_the_celebrity_set_is_found_from_any_folder_above_it(dblur: Path, below: str) -> None:
    found = table("dblur", path=str(dblur / below))
    assert {split: len(keys) for split, keys in by_split(found.entries).items()} == {TRAIN: 8, VALIDATION: 2, TEST: 3}
    for entry in found.entries:
        assert entry.sharp is not None
        assert entry.blurred is not None
        assert entry.sharp.name == entry.blurred.name
        assert (entry.blurred.parent.name, entry.sharp.parent.name) == ("blur", "sharp")
    assert len({entry.key for entry in found.entries}) == 13  # file names repeat across splits, keys do not


def test_subsets_without_validation_give_a_contiguous_block_of_training(dblur: Path) -> None:
    """Gopro's flattened names are frames of sequences: scattered ones would be in both splits."""
    names = [f"{number:04}.png" for number in range(20)]
    for split in ("train", "test"):
        touch(dblur / "DBlur" / "Gopro" / split / "blur", *names)
        touch(dblur / "DBlur" / "Gopro" / split / "sharp", *names)
    splits = by_split(table("dblur", path=str(dblur), subset="Gopro").entries)
    assert splits[VALIDATION] == ["train-0018", "train-0019"]
    assert (len(splits[TRAIN]), len(splits[TEST])) == (18, 20)


def test_subsets_without_any_split_are_split_in_blocks(dblur: Path) -> None:
    names = [f"{number:02}.jpg" for number in range(30)]
    touch(dblur / "DBlur" / "Helen" / "blur", *names)
    touch(dblur / "DBlur" / "Helen" / "sharp", *names)
    splits = by_split(table("dblur", path=str(dblur), subset="Helen").entries)
    assert {split: len(keys) for split, keys in splits.items()} == {TRAIN: 24, VALIDATION: 3, TEST: 3}
    assert splits[VALIDATION] == ["24", "25", "26"]
    assert splits[TEST] == ["27", "28", "29"]


def test_a_missing_download_or_subset_is_named(dblur: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder"):
        table("dblur", path=str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="holds no DBlur/HIDE"):
        table("dblur", path=str(dblur), subset="HIDE")


def test_pairs_are_matched_by_name_never_by_listing_order(tmp_path: Path) -> None:
    touch(tmp_path / "train" / "blur", "b.png", "c.JPG", "only-blurred.png")
    touch(tmp_path / "train" / "sharp", "a.png", "b.PNG", "c.jpg")
    touch(tmp_path / "test" / "blur", "b.png")
    touch(tmp_path / "test" / "sharp", "b.png")
    found = table("paired-folder", path=str(tmp_path))
    assert all(entry.sharp and entry.blurred and entry.sharp.stem == entry.blurred.stem for entry in found.entries)
    assert sorted(entry.key for entry in found.entries) == ["test-b", "train-b", "train-c"]
    assert len(found.problems) == 2
    assert any("only-blurred.png: has no sharp counterpart" in problem for problem in found.problems)
    assert any("a.png: has no blurred counterpart" in problem for problem in found.problems)


def test_names_that_differ_only_in_the_suffix_are_named(tmp_path: Path) -> None:
    touch(tmp_path / "blur", "a.png", "a.jpg", "b.png", "c.png", "d.png")
    touch(tmp_path / "sharp", "a.png", "b.png", "c.png", "d.png")
    found = table("paired-folder", path=str(tmp_path))
    assert len(found.entries) == 4
    assert len(found.problems) == 1
    assert "has the same name as a.jpg but for the suffix" in found.problems[0]


def test_odd_names_are_only_names(tmp_path: Path) -> None:
    names = ["a b.png", 'it\'s "quoted".png', "new\nline.png", "фото.png", "写真.png", "100%.png"]
    touch(tmp_path / "blur", *names)
    touch(tmp_path / "sharp", *names)
    assert len(table("paired-folder", path=str(tmp_path)).entries) == len(names)


@pytest.mark.parametrize("layout", ["paired-folder", "sharp-folder"])
def test_empty_and_missing_folders_are_named(tmp_path: Path, layout: str) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match=str(path)):
            table(layout, path=str(path))


def test_one_side_missing_or_nothing_in_common_is_named(tmp_path: Path) -> None:
    touch(tmp_path / "blur", "a.png")
    with pytest.raises(UsageError, match=r"has blur/ and no sharp/ \(or gt/\)"):
        table("paired-folder", path=str(tmp_path))
    touch(tmp_path / "sharp", "b.png")
    with pytest.raises(UsageError, match="no file in blur/ has a counterpart of the same name"):
        table("paired-folder", path=str(tmp_path))


@pytest.mark.parametrize(
    "names",
    ["blur sharp", "Blurry SHARP", "blurred sharp", "input target", "Input GT", "lq gt", "blur gt", "degraded clean", "LR HR"],
)
@pytest.mark.parametrize("places", ["{side}", "{split}/{side}", "{side}/{split}"])
def test_the_names_that_people_give_to_pairs_are_understood(tmp_path: Path, names: str, places: str) -> None:
    blurred, sharp = names.split()
    for split in ("train", "val", "test"):
        for side in (blurred, sharp):
            touch(tmp_path / places.format(side=side, split=split), f"{split}.png")
    assert recognise(tmp_path) == [{"name": "paired-folder", "path": str(tmp_path)}]
    entries = table("paired-folder", path=str(tmp_path)).entries
    assert sorted(entry.split for entry in entries) == ["test", "train", "validation"]
    for entry in entries:
        assert isinstance(entry.blurred, Path)
        assert isinstance(entry.sharp, Path)
        assert blurred in entry.blurred.parts
        assert sharp in entry.sharp.parts
        assert "{split}" not in places or f"{entry.split[:3]}" in entry.blurred.stem


def test_two_possible_pairs_are_not_chosen_from(tmp_path: Path) -> None:
    for side in ("blur", "sharp", "gt"):
        touch(tmp_path / side, "a.png", "b.png", "c.png")
    assert [spec["name"] for spec in recognise(tmp_path)] == ["paired-folder"]
    with pytest.raises(UsageError, match="the pairs may be blur/ and gt/, or blur/ and sharp/; move"):
        table("paired-folder", path=str(tmp_path))


def test_super_resolution_is_refused_by_name(tmp_path: Path, photo: np.ndarray) -> None:
    for number in range(3):
        for side, size in (("LR", 40), ("HR", 80)):
            touch(tmp_path / side)
            Image.fromarray(photo[:size, :size]).save(tmp_path / side / f"{number}.png")
    with pytest.raises(UsageError, match=r"0.png is 40x40 and 80x80 pixels in LR/ and HR/: that is super-resolution"):
        table("paired-folder", path=str(tmp_path))


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["lq"], r"has lq/ and no gt/; a model needs both sides"),
        (
            ["gt"],
            r"has gt/ and no blur/ \(or blurry/, blurred/, input/, lq/\); to have sharp photographs blurred, give .*gt itself",
        ),
        (["train/input", "train/gt", "test/input"], r"test: has input/ and no target/ \(or gt/\)"),
        (
            ["lq", "sharp"],
            "has lq/ and sharp/, which do not go together; accepted are blur/blurry/blurred with sharp/gt; input",
        ),
        (["train/input", "train/gt"], "has train and no test; move some pairs there"),
        (["lq/train", "lq/test", "gt/train"], "has lq/test/ and no gt/test/; add it"),
        (["blur/train", "blur/test", "sharp/train", "sharp/test", "blur"], "a.png: lies beside the folders of splits"),
        (["train/blur", "train/sharp", "val/blur", "validation/blur"], "has val/ and validation/, both for validation"),
    ],
)
def test_what_is_half_there_is_told_from_what_is_missing(tmp_path: Path, folders: list[str], message: str) -> None:
    for folder in folders:
        touch(tmp_path / folder, "a.png", "b.png")
    (spec,) = recognise(tmp_path)
    with pytest.raises(UsageError, match=message):
        table(**spec)


@pytest.mark.parametrize("layout", ["paired-folder", "sharp-folder"])
def test_too_few_to_split_are_named_with_their_folder(tmp_path: Path, layout: str) -> None:
    for folder in ("blur", "sharp"):
        touch(tmp_path / folder, "a.png")
    path = tmp_path if layout == "paired-folder" else tmp_path / "sharp"
    with pytest.raises(UsageError, match=f"^{path}: 1 photograph is too few to split"):
        table(layout, path=str(path))


def test_one_training_pair_leaves_none_to_validate(tmp_path: Path) -> None:
    for split in ("train", "test"):
        touch(tmp_path / split / "blur", "a.png")
        touch(tmp_path / split / "sharp", "a.png")
    with pytest.raises(UsageError, match="leaves none for validation"):
        table("paired-folder", path=str(tmp_path))


def test_sharp_photographs_keep_their_splits_or_are_split_by_name(tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(10)]
    touch(tmp_path / "flat", *names)
    for split in ("Train", "val", "test"):
        touch(tmp_path / "short" / split, f"{split}.jpg")
    assert [entry.split for entry in table("sharp-folder", path=str(tmp_path / "short")).entries] == [TRAIN, VALIDATION, TEST]
    assert {
        split: len(keys) for split, keys in by_split(table("sharp-folder", path=str(tmp_path / "flat")).entries).items()
    } == {
        TRAIN: 8,
        VALIDATION: 1,
        TEST: 1,
    }
    for split, name in ((TRAIN, "a.jpg"), (VALIDATION, "b.jpg"), (TEST, "a.jpg")):
        touch(tmp_path / "split" / split, name)
    entries = table("sharp-folder", path=str(tmp_path / "split")).entries
    assert [entry.key for entry in entries] == ["train-a", "validation-b", "test-a"]
    (tmp_path / "split" / VALIDATION / "b.jpg").rename(tmp_path / "split" / TRAIN / "b.jpg")
    (tmp_path / "split" / VALIDATION).rmdir()
    entries = table("sharp-folder", path=str(tmp_path / "split")).entries
    assert [(entry.key, entry.split) for entry in entries] == [("train-a", TRAIN), ("train-b", VALIDATION), ("test-a", TEST)]


def test_splits_do_not_depend_on_order_or_machine() -> None:
    names = [str(number) for number in range(100)]
    splits = split_by_hash(names)
    assert splits == split_by_hash(reversed(names))
    assert [name for name, split in splits.items() if split == TEST][:5] == ["55", "51", "39", "49", "65"]
    with pytest.raises(UsageError, match="too few to split"):
        split_by_hash(["a", "b"])


def test_a_key_is_unique() -> None:
    with pytest.raises(UsageError, match="has the same key 'a' as one"):
        PairTable((PairEntry("a", TRAIN, "a", Path("one.png")), PairEntry("a", TEST, "b", Path("two.png"))))


def test_no_scene_is_in_two_splits() -> None:
    with pytest.raises(UsageError, match="'scene' is in two splits, train and test"):
        PairTable((PairEntry("a", TRAIN, "scene", Path("one.png")), PairEntry("b", TEST, "scene", Path("two.png"))))
    PairTable((PairEntry("a", TEST, "scene", Path("one.png")), PairEntry("b", SHOWN, "scene", None, Path("two.png"))))


@pytest.fixture
def write_side(tmp_path: Path, photo: np.ndarray) -> Callable[..., None]:
    """Writes crops of the photograph as 0.png to 3.png, perhaps blurred; those from another `start` show something else."""

    def write(folder: str, blur: float = 0.0, start: int = 0) -> None:
        (tmp_path / folder).mkdir(parents=True)
        for number in range(4):
            crop = photo[50 * number :, start + 30 * number :][:100, :100]
            image = Image.fromarray(crop).filter(ImageFilter.GaussianBlur(blur))
            image.save(tmp_path / folder / f"{number}.png")

    return write


@pytest.mark.parametrize("folders", [("a", "b"), ("train/noisy", "train/clean2"), ("noisy/train", "clean2/train")])
def test_pairs_in_folders_of_other_names_are_not_taken_for_sharp_photographs(
    tmp_path: Path, write_side: Callable[..., None], folders: tuple[str, str]
) -> None:
    write_side(folders[0], blur=3.0)
    write_side(folders[1])
    with pytest.raises(
        UsageError,
        match=r"hold the same pictures by name, .* rename the folders \(accepted are blur/blurry/blurred with sharp/gt; input with",
    ):
        recognise(tmp_path)


def test_scenes_and_splits_of_sharp_photographs_are_what_they_are(tmp_path: Path, write_side: Callable[..., None]) -> None:
    """Their frames are numbered alike, too, and show something else; what is in two splits is named by `data check`."""
    write_side("scenes/one")
    write_side("scenes/two", start=200)
    for split in ("train", "val", "test"):
        write_side(f"splits/{split}")
    write_side("alone/photos")
    (tmp_path / "alone" / "notes").mkdir()
    found = recognise(tmp_path)
    assert [spec["name"] for spec in found] == ["sharp-folder"] * 4
    assert sorted(Path(spec["path"]).name for spec in found) == ["one", "photos", "splits", "two"]

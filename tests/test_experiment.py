from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deblurbench.errors import UsageError
from deblurbench.experiment.composition import find_experiment
from deblurbench.experiment.experiment import load_experiment
from deblurbench.yaml_files import parse_yaml, read_yaml, to_yaml

Write = Callable[..., Path]
SHIPPED = sorted((Path(__file__).parent.parent / "experiments").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_experiment_states_its_question_and_is_sound(path: Path) -> None:
    experiment = load_experiment(path)
    assert experiment.question.endswith("?")
    narrower = {
        "steps-vs-quality": {"diffusion", "bridge"},
        "ten-minutes": {"cnn", "bridge", "diffusion", "classical"},
        "weights-card": {"classical"},
        "weights-card-varying": {"classical"},
        "weights-card-old": {"classical"},
        "weights-old-photo": {"cnn"},
        "weights-photo": {"cnn"},
        "weights-photo-fast": {"cnn"},
    }
    compared = narrower.get(path.stem, {"cnn", "gan", "diffusion"})
    assert compared <= {entry.spec["name"] for entry in experiment.models.values()}


def test_the_quickstart_holds_the_bars_of_its_budget() -> None:
    experiment = load_experiment(find_experiment("quickstart"))
    assert list(experiment.datasets) == ["photos-gaussian", "photos-motion"]
    assert all(dataset["test_crop"] <= 512 for dataset in experiment.datasets.values())
    diffusion = experiment.models["diffusion"]
    assert diffusion.spec["sampling_steps"] >= 4
    assert diffusion.spec["samples"] == 8
    assert diffusion.spec["sampling_steps"] * diffusion.spec["samples"] <= 32
    assert [spec["samples"] for spec in diffusion.variants.values()] == [1]


def test_what_is_resolved_resolves_to_itself(write_experiment: Write, tmp_path: Path) -> None:
    experiment = load_experiment(write_experiment())
    again = tmp_path / "again.yaml"
    again.write_text(to_yaml(experiment.resolved))
    assert load_experiment(again).resolved == experiment.resolved
    assert load_experiment(again, ["training.steps=9"]).models["gan"].training.steps == 9  # not hidden by resolved values


def test_overrides_are_laid_over_the_file(write_experiment: Write) -> None:
    path = write_experiment()
    experiment = load_experiment(
        path,
        [
            "training.learning_rate=1e-4",
            "models.cnn.network.widths=[4, 4]",
            "models.gan.adversarial.name=lsgan",
            "seeds=[1, 2]",
        ],
    )
    assert experiment.models["cnn"].training.learning_rate == 1e-4
    assert experiment.models["cnn"].spec["network"]["widths"] == [4, 4]
    assert experiment.models["gan"].spec["adversarial"] == {"name": "lsgan"}
    assert experiment.seeds == [1, 2]
    assert load_experiment(path, ["training=quickstart"]).models["cnn"].training.steps > 100


def test_overrides_choose_drop_and_add_whole_entries(write_experiment: Write) -> None:
    path = write_experiment()
    assert list(load_experiment(path, ["models=[gan, cnn-nafnet]"]).models) == ["gan", "cnn-nafnet"]
    assert load_experiment(path, ["models=gan"]).models["gan"].spec == load_experiment(path).models["gan"].spec
    assert list(load_experiment(path, ["datasets=[photos-gaussian]"]).datasets) == ["photos-gaussian"]
    assert "gan" not in load_experiment(path, ["models.gan=null"]).models
    added = load_experiment(path, ["models.naf=cnn-nafnet", "models.naf.network.width=8", "models.own={name: identity}"])
    assert added.models["naf"].spec["network"]["width"] == 8
    assert added.models["own"].spec["name"] == "identity"
    assert set(load_experiment(path).models) < set(added.models)
    replaced = load_experiment(path, ["models.gan=cnn-nafnet", "models.cnn={base: cnn-nafnet, network: {width: 4}}"])
    assert [replaced.models[name].spec["name"] for name in ("gan", "cnn")] == ["cnn", "cnn"]
    assert replaced.models["cnn"].spec["network"]["width"] == 4
    assert list(load_experiment(path, ["models={only: {name: identity}}"]).models) == ["only"]
    again = load_experiment(path, ["models=[gan, cnn-nafnet]"])
    assert list(again.resolved["models"]) == ["gan", "cnn-nafnet"]


def test_building_blocks_are_found_by_name_and_changed(write_experiment: Write, tmp_path: Path) -> None:
    (tmp_path / "configs" / "models").mkdir(parents=True)
    block = {"name": "cnn", "network": {"name": "unet", "widths": [8, 8], "blocks": 1}, "losses": ["l1"]}
    (tmp_path / "configs" / "models" / "mine.yaml").write_text(to_yaml(block))
    changed = {"base": "mine", "network": {"blocks": 3}, "training": {"steps": 9}}
    experiment = load_experiment(
        write_experiment(models={"a": "mine", "b": changed, "c": {"base": "mine", "network": {"name": "resnet"}}})
    )
    assert experiment.models["a"].spec["network"]["blocks"] == 1
    assert experiment.models["b"].spec["network"] == {
        "name": "unet",
        "widths": [8, 8],
        "blocks": 3,
        "stem_factor": 2,
        "activation": "relu",
    }
    assert (experiment.models["a"].training.steps, experiment.models["b"].training.steps) == (6, 9)
    assert "widths" not in experiment.models["c"].spec["network"]  # another network takes none of the old one's keys


CNN = {"name": "cnn", "network": {"name": "unet", "widths": [8], "blocks": 1}}
SHIPPED_DATA = {"layout": "skimage-photos", "blur": "motion"}


def swept(grid: dict[str, object]) -> dict[str, object]:
    return {**CNN, "sweep": {"grid": {f"training.{key}": values for key, values in grid.items()}}}


def chain(length: int) -> dict[str, object]:
    """Models that each start from the next."""
    return {f"m{place}": {**CNN, "start": f"m{place + 1}"} for place in range(length)} | {f"m{length}": CNN}


def doubling(length: int) -> dict[str, object]:
    """Ensembles of two each, whose members are the one before."""
    return {"m0": CNN} | {
        f"m{place}": {"name": "ensemble", "members": [{"trained": f"m{place - 1}"}] * 2} for place in range(1, length)
    }


CASES: list[tuple[dict[str, object], list[str], str]] = [
    ({"modles": {}}, [], "modles: unknown key of an experiment; did you mean 'models'?"),
    ({"models": {}}, [], "models: give at least one"),
    ({"models": ["cnn-unet-smal"]}, [], "there is no configs/models/cnn-unet-smal.yaml; did you mean 'cnn-unet-small'?"),
    ({"models": {"a/b": "cnn-unet-small"}}, [], "'a/b' cannot name a folder"),
    ({"models": {"blurred": "cnn-unet-small"}}, [], "'blurred' names two things (or is reserved)"),
    (
        {"models": {"a": {"base": "cnn-unet-small", "variants": {"b": {"network": "resnet"}}}}},
        [],
        "models.a.variants.b: network: model",
    ),
    (
        {"training": {"steps": 5, "batchsize": 2}},
        [],
        "training.batchsize: unknown key of a training; did you mean 'batch_size'?",
    ),
    ({"training": {}}, [], "training: the budget is one of steps, minutes and teramacs, and none is given"),
    ({"training": {"steps": 5, "minutes": 2}}, [], "not steps and minutes (null takes one away)"),
    ({"training": {"steps": "many"}}, [], "training.steps: Input should be a valid integer, not 'many'"),
    (
        {"training": {"steps": 5, "precision": "float8"}},
        [],
        "training.precision: Input should be 'float32', 'bfloat16' or 'float16'",
    ),
    ({"seeds": [0, 1, 0]}, [], "seeds: [0, 1, 0]: give at least one, and each once"),
    ({"seeds": []}, [], "seeds: []: give at least one, and each once"),
    ({"training": {"steps": 5, "learning_rate": float("inf")}}, [], "training.learning_rate: expected finite numbers, not inf"),
    ({}, ["models.cnn.network.widths=[]"], "models.cnn.network.widths: Tuple should have at least 1 item"),
    ({}, ["training.stepz=3"], "tiny.yaml with training.stepz=3: training.stepz: unknown key"),
    ({}, ["models.cnn.netwrok=unet"], "tiny.yaml with models.cnn.netwrok=unet: models.cnn.netwrok: unknown key"),
    ({"seeds": [0.5]}, [], "seeds.0: Input should be a valid integer"),
    ({"recipe": "deblurbnch"}, [], "recipe: unknown recipe 'deblurbnch'; did you mean 'deblurbench'?"),
    ({"datasets": {"d": {"layout": {"name": "paired-folder"}}}}, [], "datasets.d.layout.path: missing, but required by layout"),
    ({"datasets": {"d": {"layout": "skimage-photos", "blurr": "motion"}}}, [], "datasets.d.blurr: unknown key of a data set"),
    ({"datasets": {"d": 3}}, [], "datasets.d: expected keys and values, not 3"),
    ({}, ["training.steps"], "training.steps: expected key.path=value"),
    ({}, ["traning.steps=3"], "unknown key of an experiment; did you mean 'training'?"),
    ({}, ["steps=3"], "steps=3: unknown key of an experiment; did you mean 'training.steps'?"),
    ({}, ["models.cn.name=gan"], "names none of the experiment's models; did you mean 'cnn'?"),
    ({}, ["models=[cnn, gna]"], "models=[cnn, gna]: models: unknown name 'gna'; did you mean 'gan'?"),
    ({}, ["models=[cnn-nafnett]"], "models: unknown name 'cnn-nafnett'; did you mean 'cnn-nafnet'?"),
    ({}, ["models=[cnn, cnn]"], "models: 'cnn' is named twice"),
    ({}, ["models=[]"], "models=[]: models: give at least one"),
    ({}, ["models=3"], "models=3: models: give at least one"),
    ({}, ["models.gna=null"], "models.gna=null: names none of the experiment's models; did you mean 'gan'?"),
    ({"models": {"a": CNN}}, ["models.a=null"], "models.a=null: leaves no models; keep one, or add another first"),
    ({}, ["models.new=cnn-nafnett"], "models.new: there is no configs/models/cnn-nafnett.yaml; did you mean 'cnn-nafnet'?"),
    ({}, ["models.n/w=cnn-nafnet"], "'n/w' cannot name a folder"),
    (
        {},
        ["models.cnn.network=nafnet-tinny"],
        "models.cnn.network: unknown network 'nafnet-tinny'; did you mean 'nafnet-tiny'?",
    ),
    ({"models": {"a": {**CNN, "network": "unett"}}}, [], "models.a.network: unknown network 'unett'; did you mean 'unet'?"),
    ({}, ["models.cnn.network.blocks.deep=1"], "'blocks' holds no keys"),
    ({}, ["models.cnn.losses=[l1]", "models.cnn.losses.²=1"], "'losses' is a list: continue with an index, from 0"),
    (
        {},
        ["training.steps=" + "x" * 5000],
        "tiny.yaml with training.steps=" + "x" * 185 + "...: training.steps: Input should be",
    ),
    ({}, ["training." + "a." * 60 + "b=1"], "...: a path of more than 50 keys"),
    (
        {"models": {"a": {"base": ["cnn-unet-small"]}}},
        [],
        "models.a.base: expected the name of a block in configs/models/, not ['cnn-unet-small']",
    ),
    ({"models": ["cnn-unet-small", "cnn-unet-small"]}, [], "models: 'cnn-unet-small' is named twice"),
    ({"models": {"a" * 101: "cnn-unet-small"}}, [], "aaa... is too long for a folder; use at most 100 characters"),
    ({"models": {"a" * 100: {**CNN, "variants": {"b" * 101: {}}}}}, [], "bbb... is too long for a folder"),
    ({"models": {f"m{number}": "cnn-unet-small" for number in range(201)}}, [], "models: 201 are more than 200"),
    (
        {"models": {name: swept({"warmup_steps": list(range(150))}) for name in "ab"}},
        [],
        "models.b: makes more than 200 models",
    ),
    (
        {"models": {"a": swept({"clip_norm": [0.5] * 300, "warmup_steps": [9] * 300})}},
        [],
        "90,000 candidates are more than 200",
    ),
    (
        {"models": {"a": {**CNN, "sweep": {"random": {"training.clip_norm": [1]}, "draws": 65536}}}},
        [],
        "65,536 candidates are more than 200",
    ),
    (
        {"models": {"a": {**CNN, "sweep": {"random": {"training.clip_norm": [1]}, "draws": 10**9}}}},
        [],
        "draws: Input should be less than or equal to 65536",
    ),
    ({"seeds": list(range(1001))}, [], "seeds: List should have at most 1000 items"),
    ({"seeds": [2**64]}, [], "an integer of more than 64 bits"),
    ({"seeds": list(range(1000)), "datasets": dict.fromkeys("abc", SHIPPED_DATA)}, [], "18,000 cells are more than 10,000"),
    ({"training": {"steps": 10**10}}, [], "training.steps: Input should be less than or equal to 1000000000"),
    ({"training": {"steps": 9, "crop_size": 10**10}}, [], "training.crop_size: Input should be less than or equal to 65536"),
    ({"training": {"teramacs": 1e300}}, [], "training.teramacs: Input should be less than or equal to 1000000000000"),
    ({}, ["models.cnn.network.blocks=10000000"], "models.cnn.network.blocks: Input should be less than or equal to 65536"),
    ({}, ["models.cnn.network.blocks=60000"], "network 'unet': has more than 20,000 modules and parameters"),
    (
        {},
        [
            "models.cnn.network={name: nafnet, width: 60000, encoder_blocks: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], decoder_blocks: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}"
        ],
        "network 'nafnet': Storage size calculation overflowed",
    ),
    ({"models": chain(60)}, [], "models.m50: is needed by 50 models, each by the next"),
    ({"models": doubling(12)}, [], "has more than 50 levels or 2,000 values, with all that it refers to"),
]


@pytest.mark.parametrize(("sections", "overrides", "message"), CASES, ids=[case[2][:40] for case in CASES])
def test_mistakes_are_one_line_with_file_and_key(
    write_experiment: Write, sections: dict[str, object], overrides: list[str], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load_experiment(write_experiment(**sections), overrides)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert overrides or str(caught.value).endswith(".yaml") or ".yaml" in str(caught.value)


def test_a_mistake_in_a_building_block_names_the_block(write_experiment: Write, tmp_path: Path) -> None:
    (tmp_path / "configs" / "models").mkdir(parents=True)
    (tmp_path / "configs" / "models" / "mine.yaml").write_text("name: cnn\nnetwrok: unet\n")
    with pytest.raises(UsageError, match=r"configs/models/mine\.yaml: models\.mine\.netwrok: unknown key.*'network'"):
        load_experiment(write_experiment(models=["mine"]))


def test_experiments_are_found_by_name_or_path(tmp_path: Path) -> None:
    assert find_experiment("quickstart").name == "quickstart.yaml"
    with pytest.raises(UsageError, match="unknown experiment 'quickstrat'; did you mean 'quickstart'"):
        find_experiment("quickstrat")
    with pytest.raises(UsageError, match="there is no such experiment file"):
        find_experiment(str(tmp_path / "none.yaml"))
    with pytest.raises(UsageError, match="unknown experiment"):
        find_experiment("q" * 5000)  # more than a file system takes
    with pytest.raises(UsageError, match="there is no such experiment file"):
        find_experiment("q" * 5000 + ".yaml")


def test_yaml_reads_numbers_as_people_write_them() -> None:
    assert parse_yaml("[1e-4, 1E3, 2.5e+2, .5, 1, -3e-1, 1.e2]", "here") == [1e-4, 1000.0, 250.0, 0.5, 1, -0.3, 100.0]
    assert parse_yaml("[e5, 1e, abc]", "here") == ["e5", "1e", "abc"]


BOMB = "a0: &a0 [x]\n" + "".join(f"a{place + 1}: &a{place + 1} [*a{place}, *a{place}]\n" for place in range(40))
DEEP_BY_ALIASES = "a: &a " + "[" * 30 + "]" * 30 + "\nb: " + "[" * 30 + "*a" + "]" * 30


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", r"line 3: the key 'a' is given twice"),
        ("a: [1, 2\n", r"line 2:"),
        ("? [a]\n: 1\n", "line 1: a key must be a name; correct it there"),
        ("a: 2024-13-45\n", "line 1: cannot be read as 'timestamp'; correct it there"),
        ("a: !!timestamp soon\n", "line 1: cannot be read as 'timestamp'; correct it there"),
        ('a: "\\Uffffffff"\n', "correct it there"),
        ("1: a\n'1': b\n", "line 2: the key '1' is given twice"),
        ("a: &a\n  b: [*a]\n", "line 2: an alias refers to a node that contains it"),
        ("a: " + "[" * 3000 + "]" * 3000, "line 1: is nested more than 50 levels deep"),
        (DEEP_BY_ALIASES, "line 2: is nested more than 50 levels deep, aliases expanded"),
        (BOMB, "line 14: holds more than 20,000 values, aliases expanded"),
        ("a: " + "9" * 400, "line 1: an integer of more than 64 bits"),
        ("#" * 1_000_001, "has more than 1,000,000 characters"),
        ("- 1\n- 2\n", "expected keys and values, not list"),
    ],
)
def test_broken_yaml_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_yaml(path)


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"binary\.yaml: cannot be read as a text file"):
        read_yaml(path)

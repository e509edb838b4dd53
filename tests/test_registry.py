from __future__ import annotations

import pytest
import torch

from deblurbench.errors import UsageError
from deblurbench.registry import BLURS, CLASSICAL, DISCRIMINATORS, LAYOUTS, MODELS, NETWORKS, Registry, Spec


def test_defaults_are_filled_in_down_to_the_last() -> None:
    resolved = MODELS.resolve({"name": "gan", "network": "unet"})
    assert resolved["network"] == {"name": "unet", "widths": [32, 64, 96], "blocks": 2, "stem_factor": 2, "activation": "relu"}
    assert resolved["losses"][0] == {"name": "charbonnier", "weight": 1.0, "epsilon": 0.001}
    assert MODELS.resolve(resolved) == resolved


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"name": "gna"}, "models.x: unknown model 'gna'; did you mean 'gan'?"),
        ({"name": "cnn"}, "models.x.network: missing, but required by model 'cnn'"),
        (
            {"name": "cnn", "network": "unet", "losess": []},
            "models.x.losess: unknown key of model 'cnn'; did you mean 'losses'?",
        ),
        (
            {"name": "cnn", "network": {"name": "unet", "blocks": 2.5}},
            "models.x.network.blocks: Input should be a valid integer",
        ),
        (
            {"name": "cnn", "network": {"name": "unet", "blocks": True}},
            "models.x.network.blocks: Input should be a valid integer",
        ),
        ({"name": "cnn", "network": {"name": "unet", "blocks": 0}}, "models.x.network.blocks: Input should be greater than 0"),
        ({"name": "cnn", "network": {"name": "unet", "widths": [8, "a"]}}, "models.x.network.widths.1: Input should be"),
        ({"name": "cnn", "network": {"name": "unet", "in_channels": 1}}, "in_channels: unknown key"),
        ({"name": "cnn", "network": "unet", "losses": "l1"}, "models.x.losses: expected a list"),
        (
            {"name": "cnn", "network": "unet", "losses": ["charbonier"]},
            r"models.x.losses[0]: unknown loss 'charbonier'; did you mean 'charbonnier'?",
        ),
        ({"name": "cnn", "network": "unet", "losses": []}, "models.x: model 'cnn': the list of losses is empty"),
        ({"name": "cnn", "network": "unet", "losses": ["l1", "l1"]}, "a loss is named twice"),
        (["cnn"], "models.x: expected a model: a name, or a mapping with the key 'name'"),
        (
            {"name": "diffusion", "network": "unet", "sampler": "dim"},
            "models.x.sampler: Input should be 'ddim', 'ddpm' or 'dpm-solver'",
        ),
        ({"name": "diffusion", "network": "unet", "sampling_steps": 2000}, "sampling_steps (2000) may not exceed timesteps"),
        (
            {"name": "gan", "network": {"name": "resnet", "normalization": "bacth"}},
            "normalization must be 'none' or 'instance'",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_key(spec: object, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        MODELS.build(spec, "models.x")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("registry", "spec", "message"),
    [
        (BLURS, {"name": "gaussian", "sigma": [1.0, 1e9]}, "x.sigma.1: Input should be less than or equal to 256"),
        (BLURS, {"name": "disk", "size": [1.0, 300.0]}, "x.size.1: Input should be less than or equal to 256"),
        (BLURS, {"name": "motion", "length": [1e5, 1e5]}, "x.length.0: Input should be less than or equal to 256"),
        (CLASSICAL, {"name": "unsharp", "sigma": 1e6}, "x.sigma: Input should be less than or equal to 256"),
        (CLASSICAL, {"name": "wiener", "guessed_sigma": 1e6}, "x.guessed_sigma: Input should be less than or equal to 256"),
        (CLASSICAL, {"name": "fir", "radius": 1000}, "x.radius: Input should be less than or equal to 32"),
        (
            DISCRIMINATORS,
            {"name": "patch", "layers": 15000, "normalization": "none"},
            "x: discriminator 'patch': has more than 20,000 modules",
        ),
        (
            NETWORKS,
            {"name": "restormer", "expansion": 1e300},
            "x: network 'restormer': empty(): argument 'size' failed to unpack",
        ),
        (
            LAYOUTS,
            {"name": "paired-folder", "path": "~nobody-here/pairs"},
            "x: layout 'paired-folder': Could not determine home directory.",
        ),
    ],
)
def test_what_would_take_all_memory_is_refused_before_it_is_built(registry: Registry, spec: Spec, message: str) -> None:
    with torch.device("meta"), pytest.raises(UsageError) as caught:
        registry.build(spec, "x")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_built_is_built_again_without_counting_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deblurbench.registry.MAX_LAYERS", 100)
    for _ in range(5):
        NETWORKS.build({"name": "unet", "widths": [4], "blocks": 1})


def test_an_integer_serves_as_a_float_and_a_list_as_a_tuple() -> None:
    assert BLURS.resolve({"name": "gaussian", "sigma": [1, 3]}) == {"name": "gaussian", "sigma": [1.0, 3.0]}


def test_a_name_is_taken_once() -> None:
    registry = Registry("thing", "deblurbench.networks")
    registry.register("a")(int)
    with pytest.raises(ValueError, match=r"thing 'a' is already builtins\.int"):
        registry.register("a")(str)


def test_an_instance_knows_its_name() -> None:
    assert NETWORKS.name_of(NETWORKS.build({"name": "unet", "widths": [4]})) == "unet"

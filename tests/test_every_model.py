"""One test suite over everything registered: every network, and every network in every family."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from deblurbench import load
from deblurbench.data.batch import Batch
from deblurbench.errors import UsageError
from deblurbench.models.base import Model
from deblurbench.models.loading import save_model
from deblurbench.randomness import seed_torch
from deblurbench.registry import DISCRIMINATORS, MODELS, NETWORKS, Spec
from tests.conftest import tiny_network


def takes_network(family: str) -> bool:
    return "network" in inspect.signature(MODELS.get(family)).parameters


def specs() -> Iterator[Spec]:
    """Every family with every network, and the families that take none."""
    for family in MODELS.names():
        if takes_network(family):
            yield from ({"name": family, "network": tiny_network(network)} for network in NETWORKS.names())
        else:
            yield {"name": family}


def identifier(spec: Spec) -> str:
    return "-".join(filter(None, (spec["name"], spec.get("network", {}).get("name"))))


ALL = pytest.mark.parametrize("spec", list(specs()), ids=identifier)
TRAINED = pytest.mark.parametrize("spec", [spec for spec in specs() if "network" in spec], ids=identifier)
NETWORK = pytest.mark.parametrize("name", NETWORKS.names())


def build(spec: Spec) -> Model:
    seed_torch(0)
    model: Model = MODELS.build(spec)
    return model.to(memory_format=torch.channels_last)  # as training and loading have it


def train(model: Model, batch: Batch, steps: int, same_noise: bool) -> list[dict[str, float]]:
    """A bare training on one batch; returns each step's summed losses by player."""
    optimizers = {player: torch.optim.Adam(module.parameters(), lr=5e-3) for player, module in model.players().items()}
    history = []
    for step in range(steps):
        seed_torch(0, 0 if same_noise else step)
        sums = {}
        for player, losses in model.losses(batch, step):
            total = torch.stack(list(losses.values())).sum()
            optimizers[player].zero_grad()
            total.backward(inputs=list(model.players()[player].parameters()))
            optimizers[player].step()
            sums[player] = total.item()
        history.append(sums)
    return history


@NETWORK
@pytest.mark.parametrize("channels", [(3, 3), (1, 1), (6, 3)])
def test_networks_keep_the_size_and_take_any_channels(name: str, channels: tuple[int, int]) -> None:
    network = NETWORKS.build(tiny_network(name), in_channels=channels[0], out_channels=channels[1])
    side = 8 * getattr(network, "multiple", 1)
    output = network(torch.rand(2, channels[0], side, 2 * side))
    for scale in output if isinstance(output, list) else [output]:
        assert scale.shape[:2] == (2, channels[1])
    finest = output[0] if isinstance(output, list) else output
    assert finest.shape == (2, channels[1], side, 2 * side)


@NETWORK
def test_networks_have_no_global_skip(name: str) -> None:
    """The family adds it: with all weights zero a network gives zero, whatever the image."""
    network = NETWORKS.build(tiny_network(name))
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    output = network(torch.rand(1, 3, 64, 64))
    assert (output[0] if isinstance(output, list) else output).abs().max() == 0


@pytest.mark.parametrize("name", DISCRIMINATORS.names())
def test_discriminators_score_patches_and_pass_gradients(name: str) -> None:
    discriminator = DISCRIMINATORS.build(name, in_channels=3)
    image = torch.rand(2, 3, 64, 64, requires_grad=True)
    scores = discriminator(image)
    assert scores.shape[:2] == (2, 1)
    scores.mean().backward()
    assert image.grad is not None
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in discriminator.parameters())


@ALL
@pytest.mark.parametrize("size", [(64, 64), (37, 53), (5, 3), (1, 1)])
def test_restoring_keeps_any_size_and_the_range(spec: Spec, size: tuple[int, int]) -> None:
    model = build(spec)
    restored = model.restore(torch.rand(2, 3, *size))
    assert restored.shape == (2, 3, *size)
    assert restored.dtype == torch.float32
    assert 0 <= restored.min() <= restored.max() <= 1


@ALL
def test_restoring_leaves_the_model_as_it_was(spec: Spec) -> None:
    model = build(spec)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.restore(torch.rand(1, 3, 16, 16))
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@ALL
def test_other_shapes_are_refused(spec: Spec) -> None:
    model = build(spec)
    for wrong in (torch.rand(3, 16, 16), torch.rand(1, 1, 16, 16), torch.zeros(1, 3, 16, 16, dtype=torch.uint8)):
        with pytest.raises(ValueError, match="expected floats"):
            model.restore(wrong)


@TRAINED
def test_gradients_reach_every_parameter_of_every_player(spec: Spec, batch: Batch) -> None:
    """Within a short training: a hinge loss gives a bias no gradient until the first scores leave its margin."""
    model = build(spec)
    unreached = {(player, name) for player, module in model.players().items() for name, _ in module.named_parameters()}
    for _ in range(10):
        train(model, batch, steps=10, same_noise=False)
        for player, module in model.players().items():
            unreached -= {
                (player, name) for name, value in module.named_parameters() if value.grad is not None and value.grad.any()
            }
        if not unreached:
            break
    assert unreached == set()


@TRAINED
def test_one_batch_is_overfitted(spec: Spec, batch: Batch) -> None:
    """With the same noise at every step, little is left of what a model minimises (but a discriminator's foe moves)."""
    small = Batch(*(images[..., 8:24, 8:24] for images in batch))
    history = train(build(spec), small, steps=400, same_noise=True)
    for player in history[0]:
        if player != "discriminator":
            assert history[-1][player] < 0.3 * history[0][player]


@ALL
def test_saved_and_loaded_it_restores_bit_for_bit(spec: Spec, batch: Batch, tmp_path: Path) -> None:
    model = build(spec)
    train(model, batch, steps=2, same_noise=False)
    save_model(tmp_path / "model.safetensors", model, MODELS.resolve(spec))
    loaded = load(tmp_path / "model.safetensors")
    image = torch.rand(1, 3, 21, 30)
    assert not loaded.training
    assert torch.equal(loaded.restore(image, seed=3), model.restore(image, seed=3))


@TRAINED
def test_tiles_do_not_show(spec: Spec, batch: Batch) -> None:
    """Where no layer looks at the whole image, tiles change less than an 8-bit step, of a model that does something."""
    model = build(spec)
    train(model, batch, steps=100, same_noise=False)
    image = batch.sharp.repeat(1, 1, 12, 9)[:1, :, :, :277]  # (1, 3, 384, 277)
    whole = model.restore(image, seed=1)
    assert (whole - image).abs().max() > 2 / 255
    assert (model.restore(image, seed=1, tile=200) - whole).abs().max() < 1 / 255


@NETWORK
def test_the_noise_level_reaches_every_denoiser(name: str, batch: Batch) -> None:
    """Of any network in the diffusion family the output depends on t; a pair in which it cannot is refused by name."""
    spec = {"name": "diffusion", "network": tiny_network(name)}
    takes_condition = "condition_channels" in inspect.signature(NETWORKS.get(name)).parameters
    normalizes = any(isinstance(module, nn.InstanceNorm2d) for module in NETWORKS.build(spec["network"]).modules())
    if normalizes and not takes_condition:
        with pytest.raises(UsageError, match=f"network '{name}' cannot be a denoiser"):
            build(spec)
        return
    model = build(spec)
    train(model, batch, steps=30, same_noise=False)
    noise = torch.randn_like(batch.blurred)
    early, late = (model.velocity(noise, batch.blurred, torch.full((2,), t)) for t in (0.1, 0.9))
    assert (early - late).abs().max() > 1e-4

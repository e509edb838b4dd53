"""One test suite over everything registered: every network, and every network in every family."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from deblurbench import load
from deblurbench.batch import Batch
from deblurbench.errors import UsageError
from deblurbench.images.tensors import to_tensor
from deblurbench.images.tiles import plan_tiles
from deblurbench.models.base import Model, Restorer
from deblurbench.models.loading import save_model
from deblurbench.models.restoration import RestoreOptions
from deblurbench.models.time import call_at_time
from deblurbench.models.windows import gives_image
from deblurbench.randomness import seed_torch
from deblurbench.registry import CLASSICAL, DISCRIMINATORS, MODELS, NETWORKS, Spec
from tests.conftest import TINY_UNET, tiny_network

REGRESSOR = {"name": "cnn", "network": TINY_UNET}
WITHOUT_NETWORK: dict[str, list[Spec]] = {  # families that need something else; others are built as they come
    "classical": [{"name": "classical", "method": method} for method in CLASSICAL.names()],
    "cascade": [{"name": "cascade", "stages": [REGRESSOR, REGRESSOR]}],
    "onnx": [{"name": "onnx", "file": str(Path(__file__).parent / "runtimes" / "box.onnx"), "multiple": 4}],
    "ensemble": [{"name": "ensemble", "members": [REGRESSOR, {"name": "classical", "method": "unsharp"}]}],
}
ONCE = "unet"  # the network with which what depends on the family alone is tested
IMAGE_TO_IMAGE = ["deblurgan", "deblurgan-v2"]  # they clamp the sum with their input, and so give what they are given
TIMED = ["bridge", "diffusion"]  # these families give a network more channels than they ask of it


def takes_network(family: str) -> bool:
    return "network" in inspect.signature(MODELS.get(family)).parameters


def specs() -> Iterator[Spec]:
    """Every family with every network that it can have, at its tiny preset, and the families that take none."""
    for family in MODELS.names():
        if takes_network(family):
            for network in NETWORKS.names():
                if family in TIMED and network in IMAGE_TO_IMAGE:
                    continue  # refused: tested below
                spec = {"name": family, "network": tiny_network(network)}
                yield {**spec, "discriminator": {"name": "patch", "width": 8}} if family == "gan" else spec
        else:
            yield from WITHOUT_NETWORK.get(family, [{"name": family}])


def identifier(spec: Spec) -> str:
    return "-".join(filter(None, (spec["name"], spec.get("network", {}).get("name"), spec.get("method"))))


def is_trained(spec: Spec) -> bool:
    return issubclass(MODELS.get(spec["name"]), Model)


def is_one_of_each(spec: Spec) -> bool:
    """Every network as a CNN, and every family with one network."""
    return spec["name"] == "cnn" or spec.get("network", {}).get("name", ONCE) == ONCE


ALL = pytest.mark.parametrize("spec", list(specs()), ids=identifier)
ONE_OF_EACH = pytest.mark.parametrize("spec", list(filter(is_one_of_each, specs())), ids=identifier)
TRAINED = pytest.mark.parametrize("spec", list(filter(is_trained, specs())), ids=identifier)
TRAINED_ONE_OF_EACH = pytest.mark.parametrize(
    "spec", [spec for spec in specs() if is_trained(spec) and is_one_of_each(spec)], ids=identifier
)
# They see the whole image, so that tiles change their result.
GLOBAL = {"nafnet", "restormer", "fpn", *IMAGE_TO_IMAGE}
LOCAL_ONE_OF_EACH = pytest.mark.parametrize(
    "spec",
    [
        spec
        for spec in specs()
        if is_trained(spec) and is_one_of_each(spec) and spec.get("network", {}).get("name") not in GLOBAL
    ],
    ids=identifier,
)
NETWORK = pytest.mark.parametrize("name", NETWORKS.names())
DENOISER = pytest.mark.parametrize("name", [name for name in NETWORKS.names() if name not in IMAGE_TO_IMAGE])
OPTIONS = RestoreOptions(seed=3, kernel=torch.ones(3, 3) / 9)  # oracles are given the kernel


def build(spec: Spec) -> Any:
    seed_torch(0)
    model: Restorer = MODELS.build(spec)
    return model.to(memory_format=torch.channels_last)  # as training and loading have it


def train(model: Model, batch: Batch, steps: int, same_noise: bool) -> list[dict[str, float]]:
    """A bare training on one batch; returns each step's summed losses by parameter group."""
    return list(training_steps(model, batch, steps, same_noise))


def training_steps(model: Model, batch: Batch, steps: int, same_noise: bool) -> Iterator[dict[str, float]]:
    parameters = model.trained_parameters()
    optimizers = {group: torch.optim.Adam(values, lr=1e-3) for group, values in parameters.items()}
    for step in range(steps):
        seed_torch(0, 0 if same_noise else step)
        sums = {}
        for step_losses in model.losses(batch, step):
            total = torch.stack(list(step_losses.losses.values())).sum()
            optimizers[step_losses.group].zero_grad()
            total.backward(inputs=parameters[step_losses.group])
            optimizers[step_losses.group].step()
            sums[step_losses.group] = total.item()
        yield sums


@NETWORK
@pytest.mark.parametrize("channels", [(3, 3), (1, 1), (6, 3)])
def test_networks_keep_the_size_and_take_any_channels(name: str, channels: tuple[int, int]) -> None:
    if name in IMAGE_TO_IMAGE and channels[0] != channels[1]:
        with pytest.raises(UsageError, match=f"network '{name}'.* cannot map 6"):
            NETWORKS.build(tiny_network(name), in_channels=6, out_channels=3)
        return
    network = NETWORKS.build(tiny_network(name), in_channels=channels[0], out_channels=channels[1])
    side = 8 * getattr(network, "multiple", 1)
    output = network(torch.rand(2, channels[0], side, 2 * side))
    for scale in output if isinstance(output, list) else [output]:
        assert scale.shape[:2] == (2, channels[1])
    finest = output[0] if isinstance(output, list) else output
    assert finest.shape == (2, channels[1], side, 2 * side)


@pytest.mark.parametrize("family", TIMED)
@pytest.mark.parametrize("name", IMAGE_TO_IMAGE)
def test_a_network_that_cannot_be_a_denoiser_is_refused(family: str, name: str) -> None:
    with pytest.raises(UsageError, match=f"network '{name}'.* as denoisers and bridges must; choose another network"):
        MODELS.build({"name": family, "network": tiny_network(name)})


@NETWORK
def test_networks_have_no_global_skip(name: str) -> None:
    """The family adds it: with all weights zero a network gives zero, whatever the image, or mid-grey if it gives an image."""
    network = NETWORKS.build(tiny_network(name))
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    output = network(torch.rand(1, 3, 64, 64))
    finest = output[0] if isinstance(output, list) else output
    assert torch.equal(finest, torch.full_like(finest, 0.5 if gives_image(network) else 0.0))


@pytest.mark.parametrize("name", DISCRIMINATORS.names())
def test_discriminators_score_patches_and_pass_gradients(name: str) -> None:
    discriminator = DISCRIMINATORS.build({"name": name, "width": 8}, in_channels=3)
    image = torch.rand(2, 3, 64, 64, requires_grad=True)
    maps = discriminator(image)
    assert all(scores.shape[:2] == (2, 1) for scores in maps)
    torch.stack([scores.mean() for scores in maps]).mean().backward()
    assert image.grad is not None
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in discriminator.parameters())


@TRAINED
def test_a_preset_trains_a_step_and_restores_any_photograph(spec: Spec, photo: np.ndarray) -> None:
    """Every network in every family, at its tiny preset: one step of training, then 101 x 67 pixels."""
    model = build(spec)
    before = [value.detach().clone() for values in model.trained_parameters().values() for value in values]
    sharp = to_tensor(photo[100:164, 100:164])
    (losses,) = train(model, Batch(sharp, sharp.flip(3)), steps=1, same_noise=True)
    after = [value for values in model.trained_parameters().values() for value in values]
    assert all(math.isfinite(value) for value in losses.values())
    assert any(not torch.equal(*pair) for pair in zip(before, after, strict=True))
    restored = model.restore(to_tensor(photo[:101, :67]))
    assert restored.shape == (1, 3, 101, 67)


@ONE_OF_EACH
@pytest.mark.parametrize("size", [(64, 64), (37, 53), (5, 3), (1, 1)])
def test_restoring_keeps_any_size_and_the_range(spec: Spec, size: tuple[int, int]) -> None:
    model = build(spec)
    restored = model.restore(torch.rand(2, 3, *size), OPTIONS)
    assert restored.shape == (2, 3, *size)
    assert restored.dtype == torch.float32
    assert 0 <= restored.min() <= restored.max() <= 1


@ONE_OF_EACH
def test_restoring_leaves_the_model_as_it_was(spec: Spec) -> None:
    model = build(spec)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.restore(torch.rand(1, 3, 16, 16), OPTIONS)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@ONE_OF_EACH
def test_progress_is_reported_after_every_evaluation_and_every_tile(spec: Spec) -> None:
    model, image = build(spec), torch.rand(1, 3, 110, 240)
    calls: list[int] = []
    for network in model.networks():
        network.register_forward_pre_hook(lambda *_: calls.append(1))
    multiple = max((getattr(network, "multiple", 1) for network in model.networks()), default=1)
    cut = plan_tiles(110 + -110 % multiple, 240 + -240 % multiple, tile=160, multiple=multiple)
    assert len(cut) > 1
    for tile, tiles in ((None, 1), (160, len(cut))):
        calls.clear()
        fractions: list[float] = []
        model.restore(image, replace(OPTIONS, tile=tile, on_progress=fractions.append))
        assert fractions == sorted(fractions)
        assert fractions[0] > 0
        assert fractions[-1] == 1.0
        if takes_network(spec["name"]):
            assert len(calls) == len(fractions) == tiles * model.evaluations
            assert fractions == pytest.approx([(place + 1) / len(fractions) for place in range(len(fractions))])


@ONE_OF_EACH
@pytest.mark.parametrize("is_training", [True, False])
def test_an_exception_of_on_progress_cancels(spec: Spec, is_training: bool) -> None:
    model = build(spec).train(is_training)
    fractions: list[float] = []

    def cancel(fraction: float) -> None:
        fractions.append(fraction)
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        model.restore(torch.rand(1, 3, 16, 16), replace(OPTIONS, on_progress=cancel))
    assert len(fractions) == 1
    assert {module.training for module in model.modules()} == {is_training}
    assert model.restore(torch.rand(1, 3, 16, 16), OPTIONS).shape == (1, 3, 16, 16)


@ONE_OF_EACH
def test_other_shapes_types_and_seeds_are_refused(spec: Spec) -> None:
    model = build(spec)
    for wrong in (
        torch.rand(3, 16, 16), torch.rand(1, 1, 16, 16), torch.zeros(1, 3, 16, 16, dtype=torch.uint8),
        torch.rand(1, 3, 16, 16).double(), torch.rand(0, 3, 16, 16), torch.rand(1, 3, 0, 16), torch.rand(1, 3, 16, 0),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="expected float32"):
            model.restore(wrong, OPTIONS)
    for seed in (-1, 2**64):
        with pytest.raises(ValueError, match=rf"expected a seed from 0 to 2\^64 - 1, not {seed}"):
            model.restore(torch.rand(1, 3, 16, 16), replace(OPTIONS, seed=seed))


@TRAINED
def test_gradients_reach_every_parameter_of_every_group(spec: Spec, batch: Batch) -> None:
    """Within a short training: a hinge loss gives a bias no gradient until the first scores leave its margin."""
    model = build(spec)
    unreached = {(group, index) for group, values in model.trained_parameters().items() for index in range(len(values))}
    for step in range(100):
        train(model, batch, steps=1, same_noise=step % 2 == 0)
        for group, values in model.trained_parameters().items():
            unreached -= {(group, index) for index, value in enumerate(values) if value.grad is not None and value.grad.any()}
        if not unreached:
            break
    assert unreached == set()


@TRAINED_ONE_OF_EACH
def test_one_batch_is_overfitted(spec: Spec, batch: Batch) -> None:
    """With the same noise at every step, little is left of what a model minimises (but the target of a discriminator changes)."""
    small = Batch(*(images[..., 8:24, 8:24] for images in batch))
    if spec.get("network", {}).get("name") == "dbcnn":
        # The 9-1-5 layers of SRCNN have too few weights to remember a picture; those of its 9-5-5 have enough.
        spec = {**spec, "network": {"name": "dbcnn", "filters": [9, 5, 5], "widths": [128, 64]}}
    steps = training_steps(build(spec), small, steps=400, same_noise=True)
    bounds = {group: 0.3 * loss for group, loss in next(steps).items() if group != "discriminator"}
    assert any(all(losses[group] < bound for group, bound in bounds.items()) for losses in steps)


@ALL
def test_saved_and_loaded_it_restores_bit_for_bit(spec: Spec, batch: Batch, tmp_path: Path) -> None:
    model = build(spec)
    if is_trained(spec):
        train(model, batch, steps=2, same_noise=False)
    save_model(tmp_path / "model.safetensors", model, MODELS.resolve(spec))
    loaded = load(tmp_path / "model.safetensors")
    image = torch.rand(1, 3, 21, 30)
    assert not loaded.training
    assert torch.equal(loaded.restore(image, OPTIONS), model.restore(image, OPTIONS))


@ONE_OF_EACH
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copied", "sent"])
def test_a_loaded_model_can_be_copied_and_sent_to_another_process(
    copied: Callable[[Model], Model], spec: Spec, batch: Batch, tmp_path: Path
) -> None:
    """The copy restores the same, and trains the same."""
    save_model(tmp_path / "model.safetensors", build(spec), MODELS.resolve(spec))
    loaded = load(tmp_path / "model.safetensors")
    copy_of_it = copied(loaded)
    assert torch.equal(loaded.restore(batch.blurred, OPTIONS), copy_of_it.restore(batch.blurred, OPTIONS))
    if is_trained(spec):
        assert train(loaded, batch, steps=2, same_noise=True) == train(copy_of_it, batch, steps=2, same_noise=True)
    assert all(torch.equal(value, copy_of_it.state_dict()[name]) for name, value in loaded.state_dict().items())


@LOCAL_ONE_OF_EACH
def test_tiles_change_less_than_an_8_bit_step(spec: Spec, batch: Batch) -> None:
    """Where no layer sees the whole image, tiles change less than an 8-bit step, of a model that changes the image."""
    model = build(spec)
    train(model, batch, steps=100, same_noise=False)
    image = batch.sharp.repeat(1, 1, 12, 9)[:1, :, :, :277]  # (1, 3, 384, 277)
    whole = model.restore(image)
    assert (whole - image).abs().max() > 2 / 255
    assert (model.restore(image, RestoreOptions(tile=200)) - whole).abs().max() < 1 / 255


@NETWORK
def test_networks_that_see_the_whole_image_say_so(name: str) -> None:
    assert build({"name": "cnn", "network": tiny_network(name)}).sees_whole_image == (name in GLOBAL)


@DENOISER
def test_the_noise_level_reaches_every_denoiser(name: str, batch: Batch) -> None:
    """Of any network in the diffusion family the output depends on t, in each of its defaults."""
    spec = {"name": "diffusion", "network": tiny_network(name)}
    model = build(spec)
    train(model, batch, steps=30, same_noise=False)
    noise = torch.randn_like(batch.blurred)
    early, late = (
        call_at_time(model.network, torch.cat([noise, batch.blurred], dim=1), torch.full((2,), t)) for t in (0.1, 0.9)
    )
    assert (early - late).abs().max() > 1e-4


@NETWORK
def test_half_precision_is_safe(name: str) -> None:
    """In float16, bright images and large features stay finite and near float32: sums are accumulated in float32."""
    seed_torch(0)
    network = NETWORKS.build(tiny_network(name)).eval()
    nn.init.normal_(output_layer(network).weight, std=0.05)
    image = 40 * torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        exact = network(image)
        with torch.autocast("cpu", torch.float16):
            half = network(image)
    exact, half = (output[0] if isinstance(output, list) else output for output in (exact, half))
    assert torch.isfinite(half).all()
    assert (half.float() - exact).abs().mean() < 0.02 * exact.abs().mean()


def output_layer(network: nn.Module) -> nn.Conv2d:
    """The convolution that is made last."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)][-1]

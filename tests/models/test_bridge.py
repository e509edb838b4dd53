"""The bridge starts at the blurred image, is conditioned on time, and ends at the sharp image."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import deblurbench.models.bridge as module
from deblurbench.batch import Batch
from deblurbench.models.bridge import Bridge
from deblurbench.models.restoration import RestoreOptions
from deblurbench.randomness import seed_torch
from tests.conftest import TINY_UNET, tiny_network


def build(**arguments: object) -> Bridge:
    seed_torch(0)
    model = Bridge(network=TINY_UNET, **arguments)  # type: ignore[arg-type]
    nn.init.normal_(model.network.output.weight, std=0.05)  # type: ignore[union-attr,arg-type]
    return model


def test_it_trains_between_the_sharp_and_the_blurred_image(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Tensor] = {}

    def remember(network: nn.Module, images: Tensor, t: Tensor) -> list[Tensor]:
        seen.update(x=images, t=t)
        return [torch.zeros_like(images)]

    monkeypatch.setattr(module, "call_at_time_at_scales", remember)
    model, times = build(), []
    for seed in range(50):
        seed_torch(seed)
        loss = next(model.losses(batch, 0)).losses["l1"]
        time = seen["t"][:, None, None, None]
        assert torch.allclose(seen["x"], (1 - time) * batch.sharp + time * batch.blurred, atol=1e-6)
        assert float(loss) == pytest.approx(float((seen["x"] - batch.sharp).abs().mean()), rel=1e-4)
        times += seen["t"].tolist()
    assert 0 < min(times) < 0.1
    assert 0.9 < max(times) <= 1


def test_it_starts_at_the_blurred_image_and_is_conditioned_on_time(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = build(sampling_steps=3), []
    original = module.call_at_time

    def remember(network: nn.Module, images: Tensor, t: Tensor, context: object) -> Tensor:
        seen.append((images.clone(), float(t[0])))
        return original(network, images, t, context)

    monkeypatch.setattr(module, "call_at_time", remember)
    model.restore(batch.blurred)
    assert torch.equal(seen[0][0], batch.blurred)
    assert [t for _, t in seen] == pytest.approx([1, 2 / 3, 1 / 3])
    early, late = (model.predict(batch.blurred, torch.full((2,), t)) - batch.blurred for t in (0.5, 1.0))
    assert not torch.allclose(late, 2 * early, atol=1e-4)  # beyond the factor t, what the network gives depends on it


def test_it_is_deterministic_and_its_steps_matter(batch: Batch) -> None:
    model = build()
    assert torch.equal(model.restore(batch.blurred), model.restore(batch.blurred, RestoreOptions(seed=1)))
    restored = []
    for steps in (1, 2, 10):
        model.sampling_steps = steps
        restored.append(model.restore(batch.blurred))
    assert not torch.allclose(restored[0], restored[1], atol=1e-4)
    assert not torch.allclose(restored[1], restored[2], atol=1e-4)


def test_the_output_of_a_network_that_gives_an_image_is_interpolated_with_its_input(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_torch(0)
    model = Bridge(network=tiny_network("multiscale"))
    model.network.forward = lambda images: [batch.sharp]  # type: ignore[method-assign]
    assert next(model.losses(batch, 0)).losses["l1"] < batch.blurred.sub(batch.sharp).abs().mean()
    t = torch.tensor([0.25, 1.0])
    mixed = torch.stack([torch.lerp(batch.blurred[0], batch.sharp[0], 0.25), batch.sharp[1]])
    assert torch.allclose(model.predict(batch.blurred, t), mixed, atol=1e-6)


def test_one_step_is_regression(batch: Batch) -> None:
    model = build(sampling_steps=1)
    assert torch.equal(model.restore(batch.blurred), model.predict(batch.blurred, torch.ones(2)).clamp(0, 1))
    assert model.inference == "1 step"


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_a_perfect_network_gives_the_sharp_image(steps: int, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(sampling_steps=steps)
    monkeypatch.setattr(module, "call_at_time", lambda *_: batch.sharp - batch.blurred)
    assert torch.allclose(model.restore(batch.blurred), batch.sharp, atol=1e-5)

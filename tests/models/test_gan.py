"""Ours is a GAN: the adversarial term truly reaches the generator, and the discriminator truly learns."""

from __future__ import annotations

import pytest
import torch

from deblurbench.data.batch import Batch
from deblurbench.models.gan import GAN
from deblurbench.randomness import seed_torch
from deblurbench.registry import ADVERSARIAL_LOSSES
from tests.conftest import TINY_UNET

DISCRIMINATOR = {"name": "patch", "width": 4, "layers": 2}


def build(**arguments: object) -> GAN:
    seed_torch(0)
    return GAN(network=TINY_UNET, discriminator=DISCRIMINATOR, **arguments)  # type: ignore[arg-type]


def generator_gradient(model: GAN, batch: Batch, *names: str) -> torch.Tensor:
    """The generator's gradient of the named losses (of all, without names), the discriminator left as it is."""
    losses = dict(model.losses(batch, 0))["generator"]
    chosen = [value for name, value in losses.items() if not names or name in names]
    gradients = torch.autograd.grad(torch.stack(chosen).sum(), list(model.network.parameters()))
    return torch.cat([gradient.flatten() for gradient in gradients])


@pytest.mark.parametrize("adversarial", ADVERSARIAL_LOSSES.names())
def test_the_generators_gradient_contains_the_adversarial_term(adversarial: str, batch: Batch) -> None:
    whole = generator_gradient(build(adversarial=adversarial, adversarial_weight=0.1), batch)
    content = generator_gradient(build(adversarial=adversarial, adversarial_weight=0), batch)
    alone = generator_gradient(build(adversarial=adversarial, adversarial_weight=0.1), batch, "adversarial")
    assert alone.norm() > 0
    assert torch.allclose(whole, content + alone, atol=1e-8)
    assert not torch.allclose(whole, content, atol=1e-8)


def test_the_adversarial_gradient_comes_through_the_discriminator(batch: Batch) -> None:
    """Another discriminator, another gradient: a constant in its place would give none."""
    model = build()
    before = generator_gradient(model, batch, "adversarial")
    with torch.no_grad():
        for parameter in model.discriminator.parameters():
            parameter.mul_(-1)
    assert torch.nn.functional.cosine_similarity(before, generator_gradient(model, batch, "adversarial"), dim=0) < 0.5


def test_the_discriminators_loss_does_not_touch_the_generator(batch: Batch) -> None:
    losses = dict(build().losses(batch, 0))["discriminator"]["adversarial"]
    model = build()
    player, losses = next(model.losses(batch, 0))
    assert player == "discriminator"
    losses["adversarial"].backward()
    assert all(parameter.grad is None for parameter in model.network.parameters())
    assert all(parameter.grad is not None for parameter in model.discriminator.parameters())


def test_the_generator_faces_the_discriminator_as_it_is_after_its_step(batch: Batch) -> None:
    """The trainer updates a player before it resumes the generator function: the next turn must see that."""
    unchanged, updated = build(), build()
    adversarial = []
    for model in (unchanged, updated):
        turns = model.losses(batch, 0)
        next(turns)
        if model is updated:
            with torch.no_grad():
                model.discriminator.score.bias.add_(1.0)  # type: ignore[union-attr,operator]
        adversarial.append(float(next(turns)[1]["adversarial"].detach()))
    assert adversarial[1] == pytest.approx(adversarial[0] - updated.adversarial_weight, rel=1e-4)


def test_the_discriminator_learns_to_tell_sharp_from_blurred(batch: Batch) -> None:
    model = build()
    optimizer = torch.optim.Adam(model.discriminator.parameters(), lr=5e-3)
    for _ in range(150):
        _, losses = next(model.losses(batch, 0))
        optimizer.zero_grad()
        losses["adversarial"].backward()
        optimizer.step()
    assert model.discriminator(batch.sharp).mean() > model.discriminator(model.restore(batch.blurred)).mean() + 0.1


def test_what_only_training_needs_is_not_saved_for_restoring() -> None:
    assert {name.split(".")[0] for name in build().restoring_state()} == {"network"}

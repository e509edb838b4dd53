"""The adversarial loss has a gradient for the generator, and the discriminator learns."""

from __future__ import annotations

import pytest
import torch

from deblurbench.batch import Batch
from deblurbench.losses.adversarial import WassersteinGradientPenalty
from deblurbench.models.gan import GAN
from deblurbench.randomness import seed_torch
from deblurbench.registry import ADVERSARIAL_LOSSES
from tests.conftest import TINY_UNET

DISCRIMINATOR = {"name": "patch", "width": 4, "layers": 2}


def build(**arguments: object) -> GAN:
    seed_torch(0)
    return GAN(network=TINY_UNET, discriminator=DISCRIMINATOR, **arguments)  # type: ignore[arg-type]


def turns_of(model: GAN, batch: Batch) -> dict[str, dict[str, torch.Tensor]]:
    """The losses of each parameter group; of several loss steps of one, the last."""
    return {step.group: step.losses for step in model.losses(batch, 0)}


def generator_gradient(model: GAN, batch: Batch, *names: str) -> torch.Tensor:
    """The gradient of the named losses (by default of all) for the generator, without a step of the discriminator."""
    losses = turns_of(model, batch)["generator"]
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
    """Another discriminator gives another gradient; a constant would give none."""
    model = build()
    before = generator_gradient(model, batch, "adversarial")
    with torch.no_grad():
        for parameter in model.discriminator.parameters():
            parameter.mul_(-1)
    assert torch.nn.functional.cosine_similarity(before, generator_gradient(model, batch, "adversarial"), dim=0) < 0.5


def test_the_discriminators_loss_does_not_touch_the_generator(batch: Batch) -> None:
    model = build()
    step = next(model.losses(batch, 0))
    assert step.group == "discriminator"
    step.losses["adversarial"].backward()
    assert all(parameter.grad is None for parameter in model.network.parameters())
    assert all(parameter.grad is not None for parameter in model.discriminator.parameters())


def test_the_generator_faces_the_discriminator_as_it_is_after_its_step(batch: Batch) -> None:
    """The trainer updates a parameter group before it resumes the generator function: the next loss step must see that."""
    unchanged, updated = build(), build()
    adversarial = []
    for model in (unchanged, updated):
        steps = model.losses(batch, 0)
        next(steps)
        if model is updated:
            with torch.no_grad():
                model.discriminator.score.bias.add_(1.0)
        adversarial.append(float(next(steps).losses["adversarial"].detach()))
    assert adversarial[1] == pytest.approx(adversarial[0] - updated.adversarial_weight, rel=1e-4)


def test_the_discriminator_learns_to_tell_sharp_from_blurred(batch: Batch) -> None:
    model = build()
    optimizer = torch.optim.Adam(model.discriminator.parameters(), lr=5e-3)
    for _ in range(150):
        step = next(model.losses(batch, 0))
        optimizer.zero_grad()
        step.losses["adversarial"].backward()
        optimizer.step()
    real, fake = (model.discriminator(images)[0] for images in (batch.sharp, model.restore(batch.blurred)))
    assert real.mean() > fake.mean() + 0.1
    assert float(step.observed["sharp_scores_higher"]) > 0.7
    assert float(step.observed["score_sharp"]) == pytest.approx(real.mean().item(), abs=0.2)


def test_the_discriminator_may_take_several_steps(batch: Batch) -> None:
    groups = [step.group for step in build(discriminator_steps=5).losses(batch, 0)]
    assert groups == ["discriminator"] * 5 + ["generator"]


def test_the_penalty_is_that_of_the_critics_gradient(batch: Batch) -> None:
    """A critic that is linear in the image has the norm of its weights everywhere, and a double scale their mean."""
    penalty = WassersteinGradientPenalty(penalty_weight=10)
    weights = torch.randn(3, 32, 32) * 0.05

    def critic(images: torch.Tensor) -> list[torch.Tensor]:
        return [(images * weights).sum(dim=(1, 2, 3), keepdim=True)] * 2

    expected = 10 * (weights.norm() - 1) ** 2
    assert float(penalty.penalty(critic, batch.sharp, batch.blurred)) == pytest.approx(float(expected), rel=1e-4)


def test_the_penalty_reaches_the_critics_weights(batch: Batch) -> None:
    model = GAN(network=TINY_UNET, discriminator={**DISCRIMINATOR, "normalization": "none"}, adversarial="wgan-gp")
    step = next(model.losses(batch, 0))
    assert set(step.losses) == {"adversarial", "gradient_penalty"}
    step.losses["gradient_penalty"].backward()
    first = next(model.discriminator.parameters())
    assert first.grad is not None
    assert first.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in model.network.parameters())


def test_both_scales_of_a_discriminator_count(batch: Batch) -> None:
    seed_torch(0)
    model = GAN(network=TINY_UNET, discriminator={"name": "double-scale", "width": 4, "global_layers": 4})
    before = turns_of(model, batch)["generator"]["adversarial"]
    for scale in (model.discriminator.patch, model.discriminator.whole):
        with torch.no_grad():
            scale.score.bias.add_(1.0)
        after = turns_of(model, batch)["generator"]["adversarial"]
        assert after.item() == pytest.approx(before.item() - 0.5 * model.adversarial_weight, rel=1e-3)
        before = after


@pytest.mark.parametrize("adversarial", ADVERSARIAL_LOSSES.names())
def test_scores_are_squared_in_float32(adversarial: str, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(adversarial=adversarial, adversarial_weight=1.0)
    original = model.discriminator.forward

    def large(images: torch.Tensor) -> list[torch.Tensor]:
        return [(scores + 300).half() for scores in original(images)]

    monkeypatch.setattr(model.discriminator, "forward", large)
    for step in model.losses(batch, 0):
        assert all(value.dtype == torch.float32 and torch.isfinite(value) for value in step.losses.values())


def test_what_only_training_needs_is_not_saved_for_restoring() -> None:
    assert {name.split(".")[0] for name in build().restoring_state()} == {"network"}

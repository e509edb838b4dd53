"""GAN: a generator trained by content losses and against a discriminator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from deblurbench.batch import Batch
from deblurbench.losses.adversarial import AdversarialLoss
from deblurbench.losses.base import ContentLosses
from deblurbench.models.base import LossStep
from deblurbench.models.regression import Regression
from deblurbench.registry import (
    ADVERSARIAL_LOSSES,
    DISCRIMINATORS,
    MODELS,
    AdversarialLossSpec,
    DiscriminatorSpec,
    LossSpec,
    NetworkSpec,
    NonNegativeFloat,
    PositiveInt,
)

ScoreMaps = list[Tensor]  # (B, 1, h, w) for each scale of the discriminator


@MODELS.register("gan")
class GAN(Regression):
    """A generator trained by content losses and against a discriminator, as DeblurGAN (Kupyn et al. 2018).

    The generator restores as a CNN does; the discriminator learns to distinguish restored from sharp patches. The
    generator minimises the content losses and `adversarial_weight` times the adversarial loss. The discriminator is
    updated `discriminator_steps` times for each update of the generator. Observed are the mean scores of sharp and
    restored images, and the fraction of patches whose sharp image scores higher: at 1 the discriminator gives the
    generator little gradient, at 0.5 it cannot distinguish them.
    """

    def __init__(
        self,
        *,
        network: NetworkSpec,
        discriminator: DiscriminatorSpec = "patch",
        losses: Sequence[LossSpec] = ("charbonnier", "edge"),
        adversarial: AdversarialLossSpec = "hinge",
        adversarial_weight: NonNegativeFloat = 0.002,
        discriminator_steps: PositiveInt = 1,
        self_ensemble: bool = False,
        pooling_window: PositiveInt | None = None,
    ) -> None:
        super().__init__(network, self_ensemble=self_ensemble, pooling_window=pooling_window)
        self.discriminator = DISCRIMINATORS.build(discriminator, in_channels=3)
        self.content = ContentLosses(losses)
        self.adversarial: AdversarialLoss = ADVERSARIAL_LOSSES.build(adversarial)
        self.adversarial_weight, self.discriminator_steps = adversarial_weight, discriminator_steps

    def parameter_groups(self) -> dict[str, nn.Module]:
        return {"generator": self.network, "discriminator": self.discriminator}

    def losses(self, batch: Batch, step: int) -> Iterator[LossStep]:
        scales = self.predict_scales(batch.blurred)
        for _ in range(self.discriminator_steps):
            yield self._discriminator_step(batch.sharp, scales[0].detach())
        # Resumed after the update of the discriminator: the generator is scored by the newest one, on the same images.
        fake = self.discriminator(scales[0])
        real = fake
        if self.adversarial.is_relativistic:  # other losses do not use them
            with torch.no_grad():
                real = self.discriminator(batch.sharp)
        adversarial = _mean(self.adversarial.generator, real, fake)
        content = self.content(scales, batch.sharp, self.coarser_targets)
        yield LossStep("generator", {**content, "adversarial": self.adversarial_weight * adversarial})

    def _discriminator_step(self, sharp: Tensor, restored: Tensor) -> LossStep:
        real, fake = self.discriminator(sharp), self.discriminator(restored)
        losses = {"adversarial": _mean(self.adversarial.discriminator, real, fake)}
        penalty = self.adversarial.penalty(self.discriminator, sharp, restored)
        if penalty is not None:
            losses["gradient_penalty"] = penalty
        with torch.no_grad():
            observed = {
                "score_sharp": torch.stack([scores.float().mean() for scores in real]).mean(),
                "score_restored": torch.stack([scores.float().mean() for scores in fake]).mean(),
                "sharp_scores_higher": _mean(lambda sharper, other: (sharper > other).float().mean(), real, fake),
            }
        return LossStep("discriminator", losses, observed)


def _mean(loss: Callable[[Tensor, Tensor], Tensor], real: ScoreMaps, fake: ScoreMaps) -> Tensor:
    """The mean of `loss` over the scales of a discriminator, in float32, because squares overflow half precision."""
    scales = zip(real, fake, strict=True)
    return torch.stack([loss(sharp.float(), restored.float()) for sharp, restored in scales]).mean()

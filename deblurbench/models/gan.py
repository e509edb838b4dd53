"""GAN: a generator trained for content and against a discriminator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from deblurbench.data.batch import Batch
from deblurbench.losses.adversarial import AdversarialLoss
from deblurbench.losses.base import ContentLosses
from deblurbench.models.base import Model, Turn
from deblurbench.models.windows import call_network
from deblurbench.registry import (
    ADVERSARIAL_LOSSES,
    DISCRIMINATORS,
    MODELS,
    NETWORKS,
    AdversarialLossSpec,
    DiscriminatorSpec,
    LossSpec,
    NetworkSpec,
    NonNegativeFloat,
)


@MODELS.register("gan")
class GAN(Model):
    """A generator trained for content and against a discriminator, as DeblurGAN (Kupyn et al. 2018).

    The generator adds to the blurred image what it lacks; the discriminator learns to tell restored from sharp patches,
    and the generator to be taken for sharp. It minimises the content losses and `adversarial_weight` times the adversarial
    one.
    """

    def __init__(
        self,
        *,
        network: NetworkSpec,
        discriminator: DiscriminatorSpec = "patch",
        losses: Sequence[LossSpec] = ("charbonnier", "edge"),
        adversarial: AdversarialLossSpec = "hinge",
        adversarial_weight: NonNegativeFloat = 0.002,
    ) -> None:
        super().__init__()
        self.network = NETWORKS.build(network, in_channels=3, out_channels=3)
        self.discriminator = DISCRIMINATORS.build(discriminator, in_channels=3)
        self.content = ContentLosses(losses)
        self.adversarial: AdversarialLoss = ADVERSARIAL_LOSSES.build(adversarial)
        self.adversarial_weight = adversarial_weight

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.network, "discriminator": self.discriminator}

    def losses(self, batch: Batch, step: int) -> Iterator[Turn]:
        restored = batch.blurred + call_network(self.network, batch.blurred)
        real, fake = self.discriminator(batch.sharp), self.discriminator(restored.detach())
        yield "discriminator", {"adversarial": self.adversarial.discriminator(real, fake)}
        # Resumed after the discriminator's step: the generator faces the newest one, on the same restored images.
        adversarial = self.adversarial_weight * self.adversarial.generator(self.discriminator(restored))
        yield "generator", {**self.content(restored, batch.sharp), "adversarial": adversarial}

    def _restore(self, blurred: Tensor, generator: torch.Generator, tile: int | None) -> Tensor:
        return blurred + call_network(self.network, blurred, tile=tile)

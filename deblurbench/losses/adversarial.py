"""Adversarial losses: what the discriminator minimises, and what the generator minimises against it."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor
from torch.nn import functional as F

from deblurbench.registry import ADVERSARIAL_LOSSES


class AdversarialLoss(Protocol):
    """Two losses over maps of scores, each a mean."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Low where sharp images score high and restored ones low."""

    def generator(self, fake: Tensor) -> Tensor:
        """Low where restored images score high."""


@ADVERSARIAL_LOSSES.register("hinge")
class Hinge:
    """The hinge loss (Lim & Ye 2017): scores beyond the margin of one give no gradient."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

    def generator(self, fake: Tensor) -> Tensor:
        return -fake.mean()


@ADVERSARIAL_LOSSES.register("lsgan")
class LeastSquares:
    """Least squares (Mao et al. 2017): sharp images score one, restored ones zero."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * ((real - 1).square().mean() + fake.square().mean())

    def generator(self, fake: Tensor) -> Tensor:
        return 0.5 * (fake - 1).square().mean()

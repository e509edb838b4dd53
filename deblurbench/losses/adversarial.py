"""Adversarial losses of discriminator and generator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.registry import ADVERSARIAL_LOSSES, PositiveFloat

Discriminator = Callable[[Tensor], list[Tensor]]


class AdversarialLoss(ABC):
    """The losses of discriminator and generator, means over maps of scores: `real` of sharp images, `fake` of restored ones."""

    is_relativistic = False  # whether the generator's loss depends on the scores of sharp images

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Compute the discriminator's loss, which falls as sharp images score higher and restored ones lower."""

    @abstractmethod
    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Compute the generator's loss, which falls as restored images score higher."""

    def penalty(self, discriminator: Discriminator, sharp: Tensor, restored: Tensor) -> Tensor | None:
        """Compute a penalty that is added to the discriminator's loss, or return None (the default)."""
        return None


@ADVERSARIAL_LOSSES.register("hinge")
class Hinge(AdversarialLoss):
    """The hinge loss (Lim & Ye 2017): scores beyond the margin of one have no gradient."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()


@ADVERSARIAL_LOSSES.register("lsgan")
class LeastSquares(AdversarialLoss):
    """Least squares (Mao et al. 2017), with target scores one for sharp images and zero for restored ones."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * ((real - 1).square().mean() + fake.square().mean())

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * (fake - 1).square().mean()


@ADVERSARIAL_LOSSES.register("relativistic-lsgan")
class RelativisticLeastSquares(AdversarialLoss):
    """Relativistic average least squares (Jolicoeur-Martineau 2018; DeblurGAN-v2, equation 3).

    The discriminator's targets: sharp images score one above the mean of restored ones, restored images one below the mean
    of sharp ones; the generator's are swapped. The means are over the batch; DeblurGAN-v2's code uses the last 50 crops.
    """

    is_relativistic = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * ((real - fake.mean() - 1).square().mean() + (fake - real.mean() + 1).square().mean())

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.discriminator(fake, real)


@ADVERSARIAL_LOSSES.register("wgan-gp")
class WassersteinGradientPenalty(AdversarialLoss):
    """The Wasserstein critic with a gradient penalty (Gulrajani et al. 2017; `penalty_weight` 10 in DeblurGAN).

    The gradient of an image's mean score, at random interpolates of sharp and restored images, is pushed to norm one;
    DeblurGAN's code does so for the norm at each pixel, of the gradient of the summed scores.
    """

    def __init__(self, *, penalty_weight: PositiveFloat = 10.0) -> None:
        self.penalty_weight = penalty_weight

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()

    def penalty(self, discriminator: Discriminator, sharp: Tensor, restored: Tensor) -> Tensor:
        alpha = torch.rand(sharp.shape[0], 1, 1, 1, device=sharp.device)
        interpolates = (alpha * sharp + (1 - alpha) * restored).detach().requires_grad_()  # (B, 3, H, W)
        # Scores are averaged over the patches of an image, and do not depend on the other images of the batch.
        score = torch.stack([scores.float().mean(dim=(1, 2, 3)).sum() for scores in discriminator(interpolates)]).mean()
        (gradient,) = torch.autograd.grad(score, interpolates, create_graph=True)
        return self.penalty_weight * (gradient.float().flatten(1).norm(dim=1) - 1).square().mean()

"""Adversarial losses: what the discriminator minimises, and what the generator minimises against it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from deblurbench.registry import ADVERSARIAL_LOSSES, PositiveFloat

Discriminator = Callable[[Tensor], list[Tensor]]


class AdversarialLoss(ABC):
    """Two losses over maps of scores, each a mean; `real` are the scores of sharp images, `fake` of restored ones."""

    is_relativistic = False  # whether what the generator minimises depends on the scores of sharp images

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Low where sharp images score high and restored ones low."""

    @abstractmethod
    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Low where restored images score high."""

    def penalty(self, discriminator: Discriminator, sharp: Tensor, restored: Tensor) -> Tensor | None:
        """What the discriminator is punished with besides, given both images; none by default."""
        return None


@ADVERSARIAL_LOSSES.register("hinge")
class Hinge(AdversarialLoss):
    """The hinge loss (Lim & Ye 2017): scores beyond the margin of one give no gradient."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()


@ADVERSARIAL_LOSSES.register("lsgan")
class LeastSquares(AdversarialLoss):
    """Least squares (Mao et al. 2017): sharp images score one, restored ones zero."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * ((real - 1).square().mean() + fake.square().mean())

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * (fake - 1).square().mean()


@ADVERSARIAL_LOSSES.register("relativistic-lsgan")
class RelativisticLeastSquares(AdversarialLoss):
    """Relativistic average least squares (Jolicoeur-Martineau 2018; DeblurGAN-v2, equation 3).

    A sharp image should score one more than restored ones do on average, and the reverse; the generator wants the opposite.
    The average is that of the batch, where DeblurGAN-v2's code takes the last 50 crops.
    """

    is_relativistic = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * ((real - fake.mean() - 1).square().mean() + (fake - real.mean() + 1).square().mean())

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.discriminator(fake, real)


@ADVERSARIAL_LOSSES.register("wgan-gp")
class WassersteinGradientPenalty(AdversarialLoss):
    """The Wasserstein critic with a gradient penalty (Gulrajani et al. 2017; `penalty_weight` 10 in DeblurGAN).

    The gradient of an image's mean score, at points drawn between sharp and restored images, should have norm one;
    DeblurGAN's code wants that of each pixel's gradient of the summed scores.
    """

    def __init__(self, *, penalty_weight: PositiveFloat = 10.0) -> None:
        self.penalty_weight = penalty_weight

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()

    def penalty(self, discriminator: Discriminator, sharp: Tensor, restored: Tensor) -> Tensor:
        share = torch.rand(sharp.shape[0], 1, 1, 1, device=sharp.device)
        between = (share * sharp + (1 - share) * restored).detach().requires_grad_()
        # Scores of one image are averaged over its patches, and do not depend on the other images.
        score = torch.stack([scores.float().mean(dim=(1, 2, 3)).sum() for scores in discriminator(between)]).mean()
        (gradient,) = torch.autograd.grad(score, between, create_graph=True)
        return self.penalty_weight * (gradient.float().flatten(1).norm(dim=1) - 1).square().mean()

"""What every model is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import torch
from torch import Tensor, nn

from deblurbench.data.batch import Batch
from deblurbench.errors import DeblurbenchError
from deblurbench.losses.base import Loss
from deblurbench.models.windows import sees_whole_image
from deblurbench.registry import MODELS

Turn = tuple[str, dict[str, Tensor]]


class Model(nn.Module, ABC):
    """A family: it gives the losses of a batch, and restores.

    `restoring_modules` names the attributes that `restore` needs, which is what is averaged (EMA), saved and counted as
    the model's parameters. `restoring_parameters` names constructor parameters that change only how it restores, not
    what it learns: they may be varied on one set of trained weights.
    """

    restoring_modules: ClassVar[tuple[str, ...]] = ("network",)
    restoring_parameters: ClassVar[tuple[str, ...]] = ()

    def players(self) -> dict[str, nn.Module]:
        """What is trained: the module that each player owns, by the player's name. A classical model has none."""
        return {name: getattr(self, name) for name in self.restoring_modules}

    @abstractmethod
    def losses(self, batch: Batch, step: int) -> Iterator[Turn]:
        """Yield `(player, weighted losses by name)`, one player after another.

        The sum of the losses is what the player minimises. The trainer updates that player before it resumes the generator.
        """

    @abstractmethod
    def _restore(self, blurred: Tensor, generator: torch.Generator, tile: int | None) -> Tensor:
        """Restore (B, 3, H, W); any noise comes from `generator` (on the CPU), networks are called with `tile`."""

    @torch.no_grad()
    def restore(self, blurred: Tensor, *, seed: int = 0, tile: int | None = None) -> Tensor:
        """Deblur (B, 3, H, W) of values in [0, 1], any H and W -> the same shape, in [0, 1].

        `seed` decides the noise of models that sample. With `tile`, networks see at most `tile` pixels a side at once,
        so that memory stays bounded. Raises ValueError for another shape or integers, DeblurbenchError where the result
        is not finite.
        """
        if blurred.ndim != 4 or blurred.shape[1] != 3 or not blurred.is_floating_point():
            raise ValueError(f"expected floats (B, 3, H, W) in [0, 1], not {blurred.dtype} {tuple(blurred.shape)}")
        with evaluating(self):
            restored = self._restore(blurred, torch.Generator().manual_seed(seed), tile)
        if not torch.isfinite(restored).all():
            raise DeblurbenchError("the model restores to values that are not finite: its training diverged")
        return restored.clamp(0, 1)

    @property
    def sees_whole_image(self) -> bool:
        """Whether tiles would change what it restores."""
        return any(sees_whole_image(getattr(self, name)) for name in self.restoring_modules)

    def prepare_losses(self) -> None:
        """Fetch what training needs (weights of content losses). Raises UsageError where it cannot be had."""
        for module in self.modules():
            if isinstance(module, Loss):
                module.prepare()

    def restoring_state(self) -> dict[str, Tensor]:
        """The tensors that `restore` needs, by the names that they have in the whole model."""
        return {name: tensor for name, tensor in self.state_dict().items() if name.split(".", 1)[0] in self.restoring_modules}


def family(name: str, where: str = "") -> type[Model]:
    """The class of the family called `name`. Raises UsageError as the registry does."""
    found: type[Model] = MODELS.get(name, where)
    return found


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for the length of a `with` block."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)

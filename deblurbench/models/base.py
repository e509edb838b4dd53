"""What every model is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from deblurbench.batch import Batch
from deblurbench.errors import DeblurbenchError
from deblurbench.models.self_ensemble import mean_over_turns
from deblurbench.models.windows import sees_whole_image
from deblurbench.networks.pooling import global_averages, pooling_within
from deblurbench.registry import MODELS, NETWORKS

SEEDS = 2**64  # how many a generator of PyTorch takes


class Turn(NamedTuple):
    """A player's turn in a training step: its weighted losses by name, and what else is worth watching, by name."""

    player: str
    losses: dict[str, Tensor]
    observed: Mapping[str, Tensor] = MappingProxyType({})


@dataclass(frozen=True)
class Restoring:
    """The circumstances of one restoration, handed down to whatever takes part in it."""

    generator: torch.Generator  # of all noise, on the CPU
    tile: int | None = None  # the most pixels a side that a network sees at once
    kernel: Tensor | None = None  # the true blur kernel (h, w), for an oracle


class Model(nn.Module, ABC):
    """A family: it gives the losses of a batch, and restores.

    `restoring_modules` names the networks that `restore` needs, as attributes or, of models within, with dots. They are
    what is averaged (EMA), saved and counted as the model's parameters. `restoring_parameters` names constructor
    parameters that change only how it restores, not what it learns: they may be varied on one set of trained weights.

    Two of these any family may offer. `self_ensemble`: the mean over the eight turns and reflections of the image is
    given (x8, Timofte et al. 2016). `pooling_window`: layers that pool over the whole image pool over so many pixels a
    side instead (TLC, Chu et al. 2022); 1.5 times the training crop is usual.
    """

    restoring_modules: tuple[str, ...] = ("network",)
    restoring_parameters: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, self_ensemble: bool = False, pooling_window: int | None = None) -> None:
        super().__init__()
        self.self_ensemble, self.pooling_window = self_ensemble, pooling_window

    def players(self) -> dict[str, nn.Module]:
        """What is trained: the module that each player owns, by the player's name. A classical model has none."""
        return {name: self.get_submodule(name) for name in self.restoring_modules}

    def trained_parameters(self) -> dict[str, list[nn.Parameter]]:
        """The parameters that training changes, by player. None of a player whose parts were all given trained."""
        parameters = {
            player: [value for value in module.parameters() if value.requires_grad] for player, module in self.players().items()
        }
        return {player: values for player, values in parameters.items() if values}

    @abstractmethod
    def losses(self, batch: Batch, step: int) -> Iterator[Turn]:
        """Yield one player's turn after another.

        The sum of its losses is what the player minimises. The trainer updates that player before it resumes the generator.
        """

    @abstractmethod
    def _restore(self, blurred: Tensor, how: Restoring) -> Tensor:
        """Restore (B, 3, H, W); networks are called with `how.tile`."""

    @torch.no_grad()
    def restore(self, blurred: Tensor, *, seed: int = 0, tile: int | None = None, kernel: Tensor | None = None) -> Tensor:
        """Deblur float32 (B, 3, H, W) of values in [0, 1], any H and W -> the same shape, in [0, 1].

        `seed`, in [0, 2^64), decides the noise of models that sample. With `tile`, networks see at most `tile` pixels a
        side at once, so that memory stays bounded. An oracle must be told the true blur `kernel` (h, w). Raises
        ValueError for another shape, type or seed and for no pixels, DeblurbenchError where the result is not finite.
        """
        if blurred.ndim != 4 or blurred.shape[1] != 3 or blurred.dtype != torch.float32 or not blurred.numel():
            found = f"{blurred.dtype} {tuple(blurred.shape)}"
            raise ValueError(f"expected float32 (B, 3, H, W) of at least one pixel, in [0, 1], not {found}")
        if not 0 <= seed < SEEDS:
            raise ValueError(f"expected a seed from 0 to 2^64 - 1, not {seed}")
        if self.is_oracle and kernel is None:
            raise DeblurbenchError("this model is an oracle: it restores only where the true blur kernel is known")
        restored = self.restored(blurred, Restoring(torch.Generator().manual_seed(seed), tile, kernel))
        if not torch.isfinite(restored).all():
            raise DeblurbenchError("the model restores to values that are not finite: its training diverged")
        return restored

    @torch.no_grad()
    def restored(self, blurred: Tensor, how: Restoring) -> Tensor:
        """What `restore` gives, without its checks: for models that are made of models."""
        with evaluating(self), pooling_within(self._own_networks(), self.pooling_window):
            if self.self_ensemble:
                return mean_over_turns(lambda turned: self._restore(turned, how), blurred).clamp(0, 1)
            return self._restore(blurred, how).clamp(0, 1)

    @property
    def is_oracle(self) -> bool:
        """Whether it must be told the true blur kernel, which nobody knows of a photograph."""
        return False

    @property
    def inference(self) -> str:
        """How it restores, in words for a table; empty where there is nothing to say."""
        parts = ["x8 self-ensemble"] if self.self_ensemble else []
        return "; ".join(parts + ([f"TLC {self.pooling_window}"] if self.pooling_window else []))

    @property
    def method(self) -> str:
        """What it restores with, in words for a table: its networks."""
        return " + ".join(NETWORKS.name_of(network) for network in self.networks())

    @property
    def sees_whole_image(self) -> bool:
        """Whether tiles would change what it restores."""
        return any(sees_whole_image(network) for network in self.networks())

    def _own_networks(self) -> list[nn.Module]:
        """The networks that restore, less those of models within, which restore in their own way."""
        return [self.get_submodule(name) for name in self.restoring_modules if "." not in name]

    def _models_within(self) -> list[Model]:
        return [module for module in self.modules() if isinstance(module, Model) and module is not self]

    def networks(self) -> list[nn.Module]:
        """The networks that restore, its models' own included."""
        return [self.get_submodule(name) for name in self.restoring_modules]

    def prepare_training(self) -> None:
        """Fetch what training needs: trained weights of losses and networks. Raises UsageError where it cannot be had."""
        within = {id(part) for model in self._models_within() for part in model.modules()}
        for module in self.modules():
            prepare = getattr(module, "prepare", None)
            if callable(prepare) and id(module) not in within:  # models within are used as they are
                prepare()

    def restoring_state(self) -> dict[str, Tensor]:
        """The tensors that `restore` needs, by the names that they have in the whole model."""
        prefixes = tuple(f"{name}." for name in self.restoring_modules)
        return {name: tensor for name, tensor in self.state_dict().items() if name.startswith(prefixes)}

    def _require_pooling(self) -> None:
        """Raise ValueError where `pooling_window` would change nothing."""
        if self.pooling_window and not global_averages(self._own_networks()):
            raise ValueError("pooling_window: this network has no layer that pools over the whole image; leave it out")


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

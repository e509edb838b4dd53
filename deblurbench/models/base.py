"""The base classes: a restorer restores; a model is a restorer that learns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from deblurbench.batch import Batch
from deblurbench.errors import DeblurbenchError
from deblurbench.models.restoration import Progress, RestorationContext, RestoreOptions
from deblurbench.models.self_ensemble import SYMMETRIES, self_ensemble_mean
from deblurbench.models.windows import sees_whole_image
from deblurbench.networks.pooling import global_averages, pooling_within
from deblurbench.registry import MODELS, NETWORKS

SEEDS = 2**64  # the number of seeds that a generator of PyTorch takes
DEFAULTS = RestoreOptions()


class Restorer(nn.Module, ABC):
    """Anything that restores an image: blurred in, sharp out.

    `restoring_modules` names the networks that `restore` needs, as attributes or, of nested restorers, with dots. They are
    saved and counted as its parameters. `restoring_parameters` names constructor parameters that change only how it
    restores, not its weights: they may be varied on one set of weights.

    Two of these any restorer may offer. `self_ensemble`: the mean over the eight rotations and reflections of the image
    is returned (x8, Timofte et al. 2016). `pooling_window`: global pooling layers pool over windows of so many pixels a
    side instead (TLC, Chu et al. 2022); 1.5 times the training crop is usual.
    """

    restoring_modules: tuple[str, ...] = ()
    restoring_parameters: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, self_ensemble: bool = False, pooling_window: int | None = None) -> None:
        super().__init__()
        self.self_ensemble, self.pooling_window = self_ensemble, pooling_window

    @abstractmethod
    def _restore(self, blurred: Tensor, context: RestorationContext) -> Tensor:
        """Restore (B, 3, H, W); networks are called with `context`."""

    @torch.no_grad()
    def restore(self, blurred: Tensor, options: RestoreOptions = DEFAULTS) -> Tensor:
        """Deblur float32 (B, 3, H, W) of values in [0, 1], any H and W -> the same shape, in [0, 1].

        Raises ValueError for another shape, type or seed and for no pixels, DeblurbenchError where an oracle is not given
        the kernel or the result is not finite.
        """
        if blurred.ndim != 4 or blurred.shape[1] != 3 or blurred.dtype != torch.float32 or not blurred.numel():
            found = f"{blurred.dtype} {tuple(blurred.shape)}"
            raise ValueError(f"expected float32 (B, 3, H, W) of at least one pixel, in [0, 1], not {found}")
        if not 0 <= options.seed < SEEDS:
            raise ValueError(f"expected a seed from 0 to 2^64 - 1, not {options.seed}")
        if self.is_oracle and options.kernel is None:
            raise DeblurbenchError("this model is an oracle: it restores only where the true blur kernel is known")
        generator = torch.Generator().manual_seed(options.seed)
        progress = Progress(self.evaluations, options.on_progress)
        restored = self.restore_in_context(blurred, RestorationContext(generator, options.tile, options.kernel, progress))
        if not restored.is_meta and not torch.isfinite(restored).all():  # on "meta" costs are counted, without values
            raise DeblurbenchError("the model restores to values that are not finite: its training diverged")
        return restored

    @torch.no_grad()
    def restore_in_context(self, blurred: Tensor, context: RestorationContext) -> Tensor:
        """Restore as `restore` does, without its checks: for restorers that are composed of restorers."""

        def restore_once(image: Tensor) -> Tensor:
            done = context.progress.evaluations + self._evaluations_per_pass
            restored = self._restore(image, context)
            context.progress.finish_evaluations(done)
            return restored

        with evaluation_mode(self), pooling_within(self._own_networks(), self.pooling_window):
            restored = self_ensemble_mean(restore_once, blurred) if self.self_ensemble else restore_once(blurred)
            return restored.clamp(0, 1)

    @property
    def evaluations(self) -> int:
        """The number of network evaluations of one restoration; 1 for a method without networks."""
        return self._evaluations_per_pass * (SYMMETRIES if self.self_ensemble else 1)

    @property
    def _evaluations_per_pass(self) -> int:
        """The network evaluations of one call of `_restore`."""
        return 1

    @property
    def is_oracle(self) -> bool:
        """Whether it needs the true blur kernel, which nobody knows of a photograph."""
        return False

    @property
    def inference(self) -> str:
        """How it restores, in words for a table; empty where there is nothing to say."""
        parts = ["x8 self-ensemble"] if self.self_ensemble else []
        return "; ".join(parts + ([f"TLC {self.pooling_window}"] if self.pooling_window else []))

    @property
    def method(self) -> str:
        """The names of its networks, or of its method, for a table."""
        return " + ".join(NETWORKS.name_of(network) for network in self.networks())

    @property
    def sees_whole_image(self) -> bool:
        """Whether tiles would change the result."""
        return any(sees_whole_image(network) for network in self.networks())

    def networks(self) -> list[nn.Module]:
        """The networks that restore, those of nested restorers included."""
        return [self.get_submodule(name) for name in self.restoring_modules]

    def restoring_state(self) -> dict[str, Tensor]:
        """The tensors that `restore` needs, by their names in the whole state dict."""
        prefixes = tuple(f"{name}." for name in self.restoring_modules)
        return {name: tensor for name, tensor in self.state_dict().items() if name.startswith(prefixes)}

    def weight_files(self) -> tuple[Path, ...]:
        """Files of weights that it brings itself; their content is part of a cell's identity."""
        return ()

    def _own_networks(self) -> list[nn.Module]:
        """The networks that restore, without those of nested restorers, which have options of their own."""
        return [self.get_submodule(name) for name in self.restoring_modules if "." not in name]

    def _require_pooling(self) -> None:
        """Raise ValueError where `pooling_window` would change nothing."""
        if self.pooling_window and not global_averages(self._own_networks()):
            raise ValueError("pooling_window: this network has no layer that pools over the whole image; leave it out")


class LossStep(NamedTuple):
    """One update within a training step: the weighted losses that a parameter group minimises, and observed quantities."""

    group: str
    losses: dict[str, Tensor]
    observed: Mapping[str, Tensor] = MappingProxyType({})


class Model(Restorer):
    """A restorer that learns: it defines the losses of a batch, and the parameter groups that minimise them.

    Those of its `restoring_modules` that are trained are averaged over training (EMA).
    """

    restoring_modules: tuple[str, ...] = ("network",)

    @abstractmethod
    def losses(self, batch: Batch, step: int) -> Iterator[LossStep]:
        """Yield the loss steps of one training step, in order.

        Each parameter group minimises the sum of the losses. It is updated before the generator is resumed.
        """

    def parameter_groups(self) -> dict[str, nn.Module]:
        """The module that each parameter group trains, by the group's name."""
        return {name: self.get_submodule(name) for name in self.restoring_modules}

    def trained_parameters(self) -> dict[str, list[nn.Parameter]]:
        """The parameters that require gradients, by group; groups without any are left out."""
        parameters = {
            group: [value for value in module.parameters() if value.requires_grad]
            for group, module in self.parameter_groups().items()
        }
        return {group: values for group, values in parameters.items() if values}

    def prepare_training(self) -> None:
        """Fetch pretrained weights of losses and networks. Raises UsageError where they are not available."""
        nested = [module for module in self.modules() if isinstance(module, Restorer) and module is not self]
        within = {id(part) for restorer in nested for part in restorer.modules()}
        for module in self.modules():
            prepare = getattr(module, "prepare", None)
            if callable(prepare) and id(module) not in within:  # nested restorers are given trained
                prepare()


def family(name: str, where: str = "") -> type[Restorer]:
    """The restorer class that is registered as `name`. Raises UsageError as the registry does."""
    found: type[Restorer] = MODELS.get(name, where)
    return found


@contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Put `module` into evaluation mode for the length of a `with` block."""
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)

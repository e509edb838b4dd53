"""Perceptual distances of pretrained networks, by torchmetrics with the weights of torchvision."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from deblurbench.download import fetch_weights, in_place_of_fetched, read_weights
from deblurbench.errors import UsageError
from deblurbench.metrics.base import LOWER, Metric, require_pair
from deblurbench.registry import METRICS


class PerceptualMetric(Metric):
    """A metric of a network of torchmetrics, built when it is first needed.

    `weights` is the file that torchvision publishes, under any name; without it the file is taken from torch's cache, or
    downloaded. It is checked by its published hash. Raises UsageError if torchmetrics is not installed.
    """

    decimals = 4
    direction = LOWER
    best = 0.0
    smallest_side = 32  # the last feature maps of smaller images are empty
    name: ClassVar[str]

    def __init__(self, *, weights: str | None = None) -> None:
        self._weights = weights
        self._network: nn.Module | None = None

    @staticmethod
    @abstractmethod
    def published() -> Any:
        """Return the weights of torchvision that the network is built on."""

    @staticmethod
    @abstractmethod
    def build() -> nn.Module:
        """Build the network of torchmetrics, which takes (restored, sharp), and its weights from torch's cache."""

    @staticmethod
    def rescale(images: Tensor) -> Tensor:
        """Map `images` from [0, 1] to the range of the network."""
        return images

    def prepare(self) -> None:
        if self._network is not None:
            return
        try:
            import torchmetrics.image  # noqa: F401 - only whether it is installed
        except ImportError as error:
            raise UsageError(f"metric '{self.name}': needs torchmetrics; run: pip install 'deblurbench[perceptual]'") from error
        what, weights = f"metric '{self.name}'", self.published()
        if self._weights is None:
            state = fetch_weights(weights, what, "weights: PATH, the file of that name")
        else:
            state = read_weights(Path(self._weights), weights, what)
        with in_place_of_fetched(state, weights):
            self._network = self.build().eval()

    def __call__(self, restored: Tensor, sharp: Tensor) -> Tensor:
        pair = require_pair(restored, sharp)
        self.require_size(restored)
        self.prepare()
        assert self._network is not None
        network = self._network.to(restored.device)
        first, second = (self.rescale(images.expand(-1, 3, -1, -1).clamp(0, 1).float()) for images in pair)
        with torch.no_grad():  # one image at a time: both networks reduce a batch to one number
            values = [network(first[place : place + 1], second[place : place + 1]) for place in range(len(first))]
        return torch.stack(values).flatten().double()


@METRICS.register("lpips")
class LPIPS(PerceptualMetric):
    """LPIPS (Zhang et al. 2018), version 0.1 on AlexNet (233 MB are downloaded). Lower is better."""

    label = "LPIPS"
    explanation = "How different two images look to a network trained on photographs, calibrated on people's judgements."
    name = "lpips"

    @staticmethod
    def published() -> Any:
        from torchvision.models import AlexNet_Weights

        return AlexNet_Weights.IMAGENET1K_V1

    @staticmethod
    def build() -> nn.Module:
        from torchmetrics.image import LearnedPerceptualImagePatchSimilarity

        # Its network alone: the metric keeps a state, which threads would share.
        network: nn.Module = LearnedPerceptualImagePatchSimilarity(net_type="alex").net
        return network

    @staticmethod
    def rescale(images: Tensor) -> Tensor:
        return 2 * images - 1


@METRICS.register("dists")
class DISTS(PerceptualMetric):
    """DISTS (Ding et al. 2020), on VGG16 (528 MB are downloaded): structure and texture statistics. Lower is better."""

    label = "DISTS"
    explanation = "How different structure and texture look to a network trained on photographs (VGG16)."
    name = "dists"

    @staticmethod
    def published() -> Any:
        from torchvision.models import VGG16_Weights

        return VGG16_Weights.IMAGENET1K_V1

    @staticmethod
    def build() -> nn.Module:
        from torchmetrics.functional.image.dists import DISTSNetwork  # its metric would build the network anew for every image

        network: nn.Module = DISTSNetwork()
        return network

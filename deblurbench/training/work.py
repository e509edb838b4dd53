"""The multiply-accumulates of a training step, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from deblurbench.batch import Batch
from deblurbench.models.base import Model


def macs_of_step(model: Model, batch: Batch) -> int:
    """Count the multiply-accumulates of the forward and backward passes of all loss steps on `batch`: FLOPs / 2.

    On the meta device nothing is computed.
    """
    parameters = model.trained_parameters()
    # PyTorch counts the gradient of a grouped convolution's weights as that of one without groups.
    with FlopCounterMode(display=False, custom_mapping={torch.ops.aten.convolution_backward: _convolution_backward}) as counter:
        for loss_step in model.losses(batch, 0):
            torch.stack(list(loss_step.losses.values())).sum().backward(inputs=parameters[loss_step.group])
    return counter.get_total_flops() // 2


def _convolution_backward(gradient: Any, image: Any, weight: Any, *options: Any, **_: Any) -> int:
    """The FLOPs of the backward pass of a convolution: the gradients of image and weights each take as many as itself."""
    _bias, _stride, _padding, _dilation, transposed, _output_padding, _groups, output_mask = options
    forward: int = conv_flop_count(image, weight, gradient, transposed)
    return forward * sum(output_mask[:2])

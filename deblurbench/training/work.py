"""The work of a training step: its multiply-accumulates, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from deblurbench.batch import Batch
from deblurbench.models.base import Model


def macs_of_step(model: Model, batch: Batch) -> int:
    """Multiply-accumulates of the forward and backward passes of all loss steps of `model` on `batch`: FLOPs / 2.

    On the device "meta" nothing is computed for it.
    """
    parameters = model.trained_parameters()
    # PyTorch counts the gradient of a grouped convolution's weights as that of one without groups.
    with FlopCounterMode(display=False, custom_mapping={torch.ops.aten.convolution_backward: _convolution_backward}) as counter:
        for loss_step in model.losses(batch, 0):
            torch.stack(list(loss_step.losses.values())).sum().backward(inputs=parameters[loss_step.group])
    return counter.get_total_flops() // 2


def _convolution_backward(
    grad: Any, image: Any, weight: Any, _bias: Any, _stride: Any, _padding: Any, _dilation: Any, transposed: bool,
    _output_padding: Any, _groups: int, wanted: list[bool], **_: Any,
) -> int:  # fmt: skip
    """FLOPs: the gradients of the image and of the weights each take what the convolution took."""
    once: int = conv_flop_count(image, weight, grad, transposed)
    return once * sum(wanted[:2])

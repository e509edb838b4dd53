from __future__ import annotations

import torch
from torch import Tensor, nn

from deblurbench.batch import Batch
from deblurbench.models.base import Model
from deblurbench.models.cnn import CNN
from deblurbench.models.identity import Identity
from deblurbench.models.restoration import RestoreOptions
from tests.conftest import TINY_UNET


def test_a_cnn_adds_its_prediction_to_the_blurred_image_in_one_evaluation(batch: Batch) -> None:
    model = CNN(network=TINY_UNET)
    calls: list[Tensor] = []
    model.network.register_forward_hook(lambda _, inputs, output: calls.append(output))
    restored = model.restore(batch.blurred)
    assert len(calls) == 1
    assert torch.allclose(restored, (batch.blurred + calls[0]).clamp(0, 1))
    assert torch.equal(restored, model.restore(batch.blurred, RestoreOptions(seed=5)))  # nothing is drawn


def test_a_cnn_weighs_its_losses(batch: Batch) -> None:
    losses = [{"name": "l1", "weight": 2.0}, {"name": "mse", "weight": 0.5}]
    model = CNN(network=TINY_UNET, losses=losses)
    for parameter in model.network.parameters():
        nn.init.zeros_(parameter)
    values = next(model.losses(batch, 0)).losses
    difference = batch.blurred - batch.sharp
    assert torch.allclose(values["l1"], 2 * difference.abs().mean())
    assert torch.allclose(values["mse"], 0.5 * difference.square().mean())


def test_the_identity_changes_nothing_and_has_no_parameters(batch: Batch) -> None:
    model = Identity()
    assert torch.equal(model.restore(batch.blurred), batch.blurred)
    assert list(model.parameters()) == []
    assert not isinstance(model, Model)

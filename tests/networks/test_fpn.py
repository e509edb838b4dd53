"""The feature pyramid takes torchvision's encoder when it is asked to."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from deblurbench.errors import UsageError
from deblurbench.models.cnn import CNN
from deblurbench.models.diffusion import Diffusion
from deblurbench.registry import NETWORKS


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> dict[str, Tensor]:
    """The real MobileNetV2 with other weights: its own are to be downloaded."""
    from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

    torch.manual_seed(1)
    state = mobilenet_v2(weights=None).state_dict()
    monkeypatch.setattr(MobileNet_V2_Weights, "get_state_dict", lambda *_, **__: state)
    return state


def test_training_starts_from_the_trained_encoder(trained: dict[str, Tensor]) -> None:
    model = CNN(network={"name": "fpn", "width": 8, "weights": "imagenet"})
    before = model.network.encoder[1].state_dict()["2.conv.0.0.weight"].clone()
    model.prepare_training()
    assert torch.equal(model.network.encoder[0].state_dict()["0.0.weight"], trained["features.0.0.weight"])
    after = model.network.encoder[1].state_dict()["2.conv.0.0.weight"]
    assert torch.equal(after, trained["features.2.conv.0.0.weight"])
    assert not torch.equal(after, before)


def test_channels_that_are_no_colours_have_no_weight_at_first(trained: dict[str, Tensor]) -> None:
    model = Diffusion(network={"name": "fpn", "width": 8, "weights": "imagenet"})
    model.prepare_training()
    first = model.network.encoder[0].state_dict()["0.0.weight"]
    assert first.shape[1] == 7
    assert torch.equal(first[:, :3], trained["features.0.0.weight"])
    assert first[:, 3:].abs().max() == 0


def test_weights_that_cannot_be_had_are_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import MobileNet_V2_Weights

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(MobileNet_V2_Weights, "get_state_dict", unreachable)
    for name in ("fpn", "deblurgan-v2"):
        model = CNN(network={"name": name, "width": 8, "weights": "imagenet"})  # restoring needs none
        with pytest.raises(UsageError, match=rf"network '{name}': its weights could not be fetched.*or use weights: none"):
            model.prepare_training()
    CNN(network={"name": "fpn", "width": 8}).prepare_training()


def test_grey_channels_have_no_trained_encoder() -> None:
    with pytest.raises(UsageError, match="need colour images"):
        NETWORKS.build({"name": "fpn", "weights": "imagenet"}, in_channels=1)

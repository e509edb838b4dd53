"""Classical methods, measured on images whose blur is known."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import skimage
import torch
from torch import Tensor

from deblurbench.blur.camera import Camera, blur_image
from deblurbench.blur.kernels import Disk, Gaussian, Motion
from deblurbench.classical.base import gaussian
from deblurbench.classical.fir import inverse_filter
from deblurbench.classical.fourier import apply_filter, pad_margin, transfer_function
from deblurbench.classical.polyblur import Polyblur, estimate_blur, oriented_gaussian, polynomial_deconvolution
from deblurbench.classical.richardson_lucy import richardson_lucy
from deblurbench.classical.wiener import wiener
from deblurbench.errors import DeblurbenchError
from deblurbench.images.tensors import to_tensor
from deblurbench.models.classical import Classical
from deblurbench.models.restoration import RestoreOptions
from deblurbench.randomness import generator


def psnr(image: Tensor, truth: Tensor) -> float:
    return -10 * math.log10(float((image - truth).square().mean()))


def one_over_f(side: int = 256) -> Tensor:
    """An image with the spectrum of natural ones: amplitudes fall as 1 / f, phases are random; in [0, 1]."""
    noise = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    f = torch.sqrt(
        torch.fft.fftfreq(side, dtype=torch.float64)[:, None] ** 2 + torch.fft.rfftfreq(side, dtype=torch.float64) ** 2
    )
    image = torch.fft.irfft2(torch.fft.rfft2(noise) / f.clamp(min=1 / side))
    return (image - image.amin()) / (image.amax() - image.amin())


def blur_circularly(image: Tensor, kernel: Tensor) -> Tensor:
    return apply_filter(image, transfer_function(kernel.to(image), *image.shape[-2:]))


def test_circular_blur_is_a_convolution() -> None:
    """In the Fourier domain, against a sum of shifted images."""
    image, kernel = torch.rand(1, 1, 9, 12), torch.rand(3, 5)
    expected = torch.zeros_like(image)
    for row in range(3):
        for column in range(5):
            expected += kernel[row, column] * torch.roll(image, (row - 1, column - 2), dims=(2, 3))
    assert torch.allclose(blur_circularly(image, kernel), expected, atol=1e-5)


def test_wiener_with_the_true_kernel_undoes_a_circular_blur() -> None:
    """Sigma 1, circular, float, linear light, K = 1e-6, a 1/f image: at least 40 dB."""
    image, kernel = one_over_f().float(), gaussian(1.0)
    blurred = blur_circularly(image, kernel)
    assert psnr(blurred, image) < 36
    assert psnr(wiener(blurred, kernel, 1e-6), image) >= 40


def test_wiener_has_its_published_response() -> None:
    """Its impulse response is the inverse transform of conj(H) / (|H|^2 + K)."""
    point = torch.zeros(1, 1, 16, 16, dtype=torch.float64)
    point[..., 0, 0] = 1
    kernel = torch.rand(3, 3, dtype=torch.float64)
    response = np.fft.fft2(np.roll(np.pad(kernel.numpy(), ((0, 13), (0, 13))), (-1, -1), axis=(0, 1)))
    expected = np.fft.ifft2(response.conj() / (np.abs(response) ** 2 + 0.1)).real
    assert np.allclose(wiener(point, kernel, 0.1)[0, 0].numpy(), expected, atol=1e-12)


def test_richardson_lucy_has_its_published_first_iteration_and_conserves_the_sum() -> None:
    image, kernel = one_over_f(32) + 0.1, gaussian(1.0).double()
    blurred = blur_circularly(image, kernel)
    first = blurred * blur_circularly(blurred / blur_circularly(blurred, kernel), kernel.flip(0, 1))
    assert torch.allclose(richardson_lucy(blurred, kernel, 1), first, atol=1e-9)
    assert float(richardson_lucy(blurred, kernel, 10).mean()) == pytest.approx(float(blurred.mean()), rel=1e-6)
    gains = [psnr(richardson_lucy(blurred, kernel, count), image) - psnr(blurred, image) for count in (1, 10, 50)]
    assert 0 < gains[0] < gains[1] < gains[2]


def test_an_asymmetric_kernel_is_inverted_and_not_its_reflection() -> None:
    """Motion is not symmetric: a filter that confuses convolution with correlation doubles it."""
    image, kernel = one_over_f().float(), torch.from_numpy(Motion(length=(9, 9)).kernel(generator(0)))
    blurred = blur_circularly(image, kernel)
    taps = inverse_filter(kernel, 12, 1e-3)
    for restored in (wiener(blurred, kernel, 1e-3), richardson_lucy(blurred, kernel, 20), blur_circularly(blurred, taps)):
        assert psnr(restored, image) > psnr(blurred, image) + 3


def test_the_short_filter_is_the_best_of_its_size() -> None:
    """On 1/f images no change of a tap lowers the error; with more taps it approaches the Wiener filter."""
    image, kernel = one_over_f().double(), gaussian(1.2).double()
    noise = 0.01 * torch.randn(image.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    blurred = blur_circularly(image, kernel) + noise
    ratio = float(noise.var() / image.var())
    scores = {radius: psnr(blur_circularly(blurred, inverse_filter(kernel, radius, ratio)), image) for radius in (1, 3, 7)}
    assert psnr(blurred, image) + 0.5 < scores[1] < scores[3] < scores[7]
    assert scores[7] > max(psnr(wiener(blurred, kernel, k), image) for k in (1e-3, 3e-3, 1e-2, 3e-2))
    best = inverse_filter(kernel, 3, ratio)
    assert float(best.sum()) == pytest.approx(1)
    for row, column in ((3, 3), (3, 4), (0, 0), (2, 5)):
        for change in (-0.02, 0.02):
            other = best.clone()
            other[row, column] += change
            assert psnr(blur_circularly(blurred, other), image) < scores[3] + 0.02


@pytest.mark.parametrize("method", ["wiener", "richardson-lucy", "fir"])
def test_an_oracle_is_given_the_kernel_and_labelled(method: str, photo: np.ndarray) -> None:
    """With the camera that blurs our data: in linear light, padded by reflection, with noise, rounded."""
    blurred, drawn = blur_image(photo, Disk(size=(2.0, 2.0)), Camera(shot_noise=0.002, read_noise=0.0005), generator("a"))
    model = Classical(method=method if method == "richardson-lucy" else {"name": method, "noise_to_signal": 0.005})
    assert model.is_oracle
    assert "oracle" in model.inference
    before, truth = to_tensor(blurred), to_tensor(photo)
    restored = model.restore(before, RestoreOptions(kernel=torch.from_numpy(drawn.kernel)))
    assert psnr(restored, truth) > psnr(before, truth) + 1.5
    with pytest.raises(DeblurbenchError, match="is an oracle: it restores only where the true blur kernel is known"):
        model.restore(before)


@pytest.mark.parametrize("method", ["wiener", "richardson-lucy", "fir"])
def test_with_a_guessed_kernel_it_is_no_oracle(method: str, photo: np.ndarray) -> None:
    blurred, _ = blur_image(photo, Gaussian(sigma=(1.2, 1.2)), Camera(shot_noise=0.004, read_noise=0.001), generator("a"))
    model = Classical(method={"name": method, "guessed_sigma": 1.2})
    assert not model.is_oracle
    assert model.inference == ""
    truth = to_tensor(photo)
    assert psnr(model.restore(to_tensor(blurred)), truth) > psnr(to_tensor(blurred), truth) + 1


def test_deconvolution_is_better_in_linear_light(photo: np.ndarray) -> None:
    """Of a photograph that was blurred in linear light."""
    blurred, drawn = blur_image(photo, Gaussian(sigma=(1.5, 1.5)), Camera(shot_noise=0, read_noise=0), generator("a"))
    options, truth = RestoreOptions(kernel=torch.from_numpy(drawn.kernel)), to_tensor(photo)
    linear, encoded = (
        psnr(Classical(method={"name": "wiener", "linear_light": flag}).restore(to_tensor(blurred), options), truth)
        for flag in (True, False)
    )
    assert linear > encoded


def test_the_unsharp_mask_adds_the_difference_to_a_gaussian_blur(photo: np.ndarray) -> None:
    """Against OpenCV's Gaussian, with the same borders."""
    image = photo[100:180, 100:200]
    softened = cv2.GaussianBlur(image.astype(np.float32) / 255, (0, 0), 2.0, borderType=cv2.BORDER_REFLECT_101)
    expected = np.clip(image / 255 + 0.7 * (image / 255 - softened), 0, 1)
    sharpened = Classical(method={"name": "unsharp", "sigma": 2.0, "amount": 0.7}).restore(to_tensor(image))
    assert np.abs(sharpened[0].permute(1, 2, 0).numpy() - expected).max() < 2e-3


@pytest.mark.parametrize("sigma", [0.8, 1.0, 1.5])
def test_polyblur_sharpens_a_mild_gaussian_blur(sigma: float) -> None:
    """By at least one decibel, blind, and with a fair estimate of the standard deviation."""
    photo = skimage.data.astronaut()
    truth = to_tensor(photo)
    blurred = to_tensor(cv2.GaussianBlur(photo, (0, 0), sigma))
    assert estimate_blur(blurred[0])[:2] == pytest.approx((sigma, sigma), abs=0.25)
    restored = Classical(method="polyblur").restore(blurred)
    assert psnr(restored, truth) >= psnr(blurred, truth) + 1


def test_polyblur_estimates_standard_deviations_and_direction() -> None:
    """A disk's edges in all directions, blurred by a camera of sigma 0.768 and then along 30 degrees."""
    side = torch.linspace(-1, 1, 301, dtype=torch.float64)
    disk = ((side[:, None] ** 2 + side**2) < 0.3).double().expand(1, 3, -1, -1)
    camera = gaussian(0.768).double()
    angle = math.radians(30)
    kernel = oriented_gaussian(2.5, 1.2, angle).double()
    blurred = blur_circularly(blur_circularly(disk, camera), kernel)
    along, across, found = estimate_blur(blurred[0].float())
    assert along == pytest.approx(2.5, rel=0.15)
    assert across == pytest.approx(1.2, rel=0.25)
    assert found == pytest.approx(angle, abs=math.radians(10))
    sharp = estimate_blur(blur_circularly(disk, camera)[0].float())
    assert max(sharp[:2]) < 0.8


def test_polynomial_deconvolution_is_the_published_polynomial() -> None:
    """Computed by repeated blurring, with alpha 6 and beta 1: 4 K^3 - 9 K^2 + 5 K + 1."""
    image, kernel = one_over_f(64), gaussian(1.0).double()
    once = blur_circularly(image, kernel)
    twice = blur_circularly(once, kernel)
    thrice = blur_circularly(twice, kernel)
    expected = 4 * thrice - 9 * twice + 5 * once + image
    assert torch.allclose(polynomial_deconvolution(image, kernel, 6, 1), expected, atol=1e-9)


def test_polyblur_treats_images_separately_and_keeps_flat_ones(photo: np.ndarray) -> None:
    flat = torch.full((1, 3, 40, 40), 0.5)
    assert torch.allclose(Polyblur()(flat, None), flat, atol=1e-5)
    mild, strong = (to_tensor(cv2.GaussianBlur(photo[:96, :96], (0, 0), sigma)) for sigma in (0.8, 2.0))
    together = Polyblur()(torch.cat([mild, strong]), None)
    assert torch.allclose(together, torch.cat([Polyblur()(mild, None), Polyblur()(strong, None)]), atol=1e-6)


def test_padding_is_reflected_as_the_camera_reflects() -> None:
    row = torch.arange(4.0).expand(1, 1, 1, 4)
    assert pad_margin(row, 2)[0, 0, 0].tolist() == [2, 1, 0, 1, 2, 3, 2, 1]

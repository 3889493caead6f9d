"""Objectives: each formula against an independent one, and what may not matter does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skyvet.models.encoders.compact_vae import CompactVaeConfig
from skyvet.models.encoders.interface import FrameAutoencoder, LatentCode
from skyvet.models.encoders.masked_autoencoder import MaskedAutoencoderConfig
from skyvet.models.encoders.published_vae import PublishedVaeConfig
from skyvet.training.encoders.objectives import (
    encoder_loss,
    kl_divergence,
    log_cosh,
    reconstruction_error,
)


class Fixed(FrameAutoencoder):
    """Gives the same code and image whatever it sees."""

    def __init__(self, means, log_variances, image):
        super().__init__(len(means))
        self.code = LatentCode(torch.tensor([means]), torch.tensor([log_variances]))
        self.image = image
        self.seen = None

    def encode(self, planes):
        self.seen = planes
        return LatentCode(*(part.expand(len(planes), -1) for part in self.code))

    def decode(self, latent):
        return self.image.expand(len(latent), -1, -1)


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


def test_log_cosh_equals_numpy():
    values = np.linspace(-20, 20, 401)
    found = log_cosh(torch.from_numpy(values)).numpy()
    np.testing.assert_allclose(found, np.log(np.cosh(values)), atol=1e-12)


def test_log_cosh_neither_overflows_nor_loses_its_slope():
    far = torch.tensor([1e4], requires_grad=True)
    log_cosh(far).backward()
    assert far.grad.item() == pytest.approx(1.0)


def test_divergence_equals_that_of_torch():
    means, log_variances = torch.randn(7, 3), torch.randn(7, 3)
    given = torch.distributions.Normal(means, (0.5 * log_variances).exp())
    prior = torch.distributions.Normal(torch.zeros(7, 3), torch.ones(7, 3))
    expected = torch.distributions.kl_divergence(given, prior)
    torch.testing.assert_close(kl_divergence(means, log_variances), expected)


def test_missing_pixels_have_no_part_in_the_error():
    planes = torch.randn(3, 2, 8, 8)
    planes[:, 1] = 1.0
    planes[:, 1, :4] = 0.0
    images = planes[:, 0].clone()
    images[:, :4] += 100.0
    assert reconstruction_error(images, planes).abs().max() < 1e-6
    images[:, 4:] += 2.0
    expected = np.log(np.cosh(2.0))
    assert reconstruction_error(images, planes).numpy() == pytest.approx(expected, rel=1e-5)


def test_a_frame_without_valid_pixels_costs_nothing():
    planes = torch.zeros(1, 2, 8, 8)
    assert reconstruction_error(torch.ones(1, 8, 8), planes).item() == 0.0


def test_published_loss_is_mean_log_cosh_plus_weighted_divergence():
    planes = torch.rand(4, 1, 28, 28)
    network = Fixed([0.5] * 36, [-1.0] * 36, torch.full((28, 28), 0.3)).eval()
    loss = encoder_loss(network, planes, PublishedVaeConfig(), generator=generator())
    residual = 0.3 - planes.numpy()
    divergence = 36 * 0.5 * (0.25 + np.exp(-1.0) - 1.0 + 1.0)
    expected = np.log(np.cosh(residual)).mean() + 8e-5 * divergence
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("divergence_mean", "expected"), [(0.1, 0.2), (0.3, 0.3)])
def test_divergence_below_the_free_bits_costs_what_the_free_bits_do(divergence_mean, expected):
    mean = float(np.sqrt(2.0 * divergence_mean))
    planes = torch.zeros(4, 2, 28, 28)  # nothing valid: no error
    config = CompactVaeConfig(n_latent=2, free_bits=0.2)
    network = Fixed([mean] * 2, [0.0] * 2, torch.zeros(28, 28))
    loss = encoder_loss(network, planes, config, generator=generator())
    assert loss.item() * 28 * 28 == pytest.approx(2 * expected, rel=1e-5)


def test_warm_up_scales_the_divergence_alone():
    planes = torch.ones(4, 2, 28, 28)
    config = CompactVaeConfig(n_latent=2)
    network = Fixed([1.0, 1.0], [0.0, 0.0], torch.zeros(28, 28))

    def loss(warm_up):
        value = encoder_loss(network, planes, config, generator=generator(), warm_up=warm_up)
        return value.item()

    without, half, whole = loss(0.0), loss(0.5), loss(1.0)
    assert without == pytest.approx(np.log(np.cosh(1.0)), rel=1e-5)
    assert half - without == pytest.approx(0.5 * (whole - without), rel=1e-4)


def test_masked_objective_hides_patches_and_their_mask_and_judges_whole_frames():
    planes = torch.ones(64, 2, 28, 28)
    config = MaskedAutoencoderConfig(n_latent=2, max_hidden_fraction=0.6, patch_px=4)
    network = Fixed([0.0, 0.0], [0.0, 0.0], torch.zeros(28, 28))
    loss = encoder_loss(network, planes, config, generator=generator())
    assert loss.item() == pytest.approx(np.log(np.cosh(1.0)), rel=1e-5)
    shown = network.seen.numpy()
    np.testing.assert_array_equal(shown[:, 0], shown[:, 1])
    patches = shown[:, 1].reshape(64, 7, 4, 7, 4).swapaxes(2, 3).reshape(64, 49, 16)
    assert set(np.unique(patches.mean(axis=2))) == {0.0, 1.0}
    hidden = 1.0 - patches[:, :, 0].mean(axis=1)
    assert hidden.mean() == pytest.approx(0.3, abs=0.05)
    assert hidden.max() < 0.8


def test_rotation_turns_training_frames_alone_and_about_their_middle():
    config = PublishedVaeConfig(max_rotation_deg=20)
    planes = torch.zeros(32, 1, 28, 28)
    planes[:, :, 13:15, 13:15] = 1.0
    planes[:, :, 13:15, 24] = 1.0
    network = Fixed([0.0] * 36, [0.0] * 36, torch.zeros(28, 28))
    encoder_loss(network.train(), planes, config, generator=generator())
    turned = network.seen
    assert turned[:, 0, 13:15, 13:15].min() > 0.8
    rows = torch.arange(28.0)
    centroid = (turned[:, 0, :, 21:] * rows[:, None]).sum(dim=(1, 2)) / turned[:, 0, :, 21:].sum(
        dim=(1, 2)
    )
    angle = torch.atan2(centroid - 13.5, torch.tensor(10.5)).rad2deg()
    assert 10.0 < angle.abs().max() < 22.0
    encoder_loss(network.eval(), planes, config, generator=generator())
    torch.testing.assert_close(network.seen, planes)


def test_equal_generators_give_equal_losses():
    network = CompactVaeConfig(n_latent=3, widths=(4, 4)).build().eval()
    planes = torch.rand(5, 2, 28, 28)
    config = CompactVaeConfig(n_latent=3, widths=(4, 4))
    losses = [encoder_loss(network, planes, config, generator=generator(s)) for s in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]

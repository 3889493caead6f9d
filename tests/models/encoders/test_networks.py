"""Encoder networks: the published one has the published layers; all give what they promise."""

from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from skyvet.core.errors import InvalidInputError
from skyvet.models.encoders.compact_vae import CompactVaeConfig
from skyvet.models.encoders.encoders import EncoderConfig
from skyvet.models.encoders.masked_autoencoder import MaskedAutoencoderConfig
from skyvet.models.encoders.published_vae import PublishedVaeConfig
from skyvet.preprocessing.frame_scaling import FrameScalingConfig

CONFIGS = [
    PublishedVaeConfig(),
    PublishedVaeConfig(n_latent=78),
    CompactVaeConfig(),
    CompactVaeConfig(n_latent=3, widths=(4, 8), scaling=FrameScalingConfig(size_px=63)),
    MaskedAutoencoderConfig(n_latent=5, scaling=FrameScalingConfig(size_px=30)),
]


def n_parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_published_encoder_has_the_published_number_of_parameters():
    assert n_parameters(PublishedVaeConfig().build().encoder) == 667_944


def test_published_layers_halve_the_frame_four_times_and_double_it_five_times():
    network = PublishedVaeConfig().build().eval()
    sides, images = [], torch.rand(1, 1, 28, 28)
    for layer in network.encoder:
        images = layer(images)
        if isinstance(layer, nn.Conv2d):
            sides.append((images.shape[1], images.shape[-1]))
    assert sides == [(32, 14), (64, 7), (128, 4), (256, 2), (512, 2)]
    doubled, latent = [], torch.rand(1, 36)
    for layer in network.decoder:
        latent = layer(latent)
        if isinstance(layer, nn.ConvTranspose2d | nn.Conv2d):
            doubled.append((latent.shape[1], latent.shape[-1]))
    assert doubled == [(256, 2), (128, 4), (64, 8), (32, 16), (32, 32), (1, 28)]


def test_published_images_are_not_negative():
    network = PublishedVaeConfig().build().eval()
    assert network.decode(torch.randn(8, 36)).min() >= 0.0


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: f"{c.kind}-{c.n_latent}")
def test_every_network_encodes_and_decodes_frames_of_its_size(config):
    network = config.build().eval()
    size = config.scaling.size_px
    code = network.encode(torch.rand(4, config.scaling.n_planes, size, size))
    assert code.means.shape == (4, config.n_latent)
    assert (code.log_variances is not None) == network.has_log_variances
    assert network.decode(code.means).shape == (4, size, size)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: f"{c.kind}-{c.n_latent}")
def test_a_frame_is_encoded_alike_in_any_company(config):
    network = config.build().eval()
    size = config.scaling.size_px
    planes = torch.rand(5, config.scaling.n_planes, size, size)
    together = network.encode(planes).means
    alone = torch.cat([network.encode(planes[i : i + 1]).means for i in range(5)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: f"{c.kind}-{c.n_latent}")
def test_configs_come_back_from_json(config):
    adapter = TypeAdapter(EncoderConfig)
    assert adapter.validate_json(config.model_dump_json()) == config


def test_published_network_refuses_other_frames():
    with pytest.raises(InvalidInputError, match="28 px"):
        PublishedVaeConfig(scaling=FrameScalingConfig()).build()


def test_masked_autoencoder_needs_a_mask_plane():
    with pytest.raises(ValidationError, match="mask plane"):
        MaskedAutoencoderConfig(scaling=FrameScalingConfig(kind="minmax"))


def test_masked_autoencoder_gives_unit_variance_in_training():
    network = MaskedAutoencoderConfig(n_latent=6).build().train()
    means = network.encode(torch.rand(64, 2, 28, 28)).means
    torch.testing.assert_close(means.var(dim=0, unbiased=False), torch.ones(6), atol=0.2, rtol=0)

"""Training of encoders: it learns, holds objects out, goes on where it was stopped, and packs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from skyvet.core.errors import InvalidInputError
from skyvet.io.frame_store import FrameStore
from skyvet.models.encoders.bundle import load_encoder
from skyvet.models.encoders.compact_vae import CompactVaeConfig
from skyvet.models.encoders.embedder import FrameEmbedder
from skyvet.preprocessing.frame_scaling import scale_frames
from skyvet.training.configs import HardwareConfig, Precision
from skyvet.training.encoders.configs import (
    EncoderOptimiserConfig,
    EncoderTrainConfig,
    FrameSamplingConfig,
    Recipe,
    recipe_config,
)
from skyvet.training.encoders.fit import fit_encoder
from skyvet.training.encoders.frame_sources import StoreSource
from skyvet.training.encoders.inspection import latent_figures, reconstruct, traverse_latent
from skyvet.training.encoders.packing import (
    EncoderText,
    add_encoder_figures,
    load_network,
    pack_encoder,
)

CONFIG = EncoderTrainConfig(
    encoder=CompactVaeConfig(n_latent=4, widths=(4, 8, 8), decoder_widths=(8, 4, 4)),
    frames=FrameSamplingConfig(batch_size=16),
    hardware=HardwareConfig(n_threads=1, precision=Precision.FLOAT32),
    n_epochs=2,
)
TEXT = EncoderText(name="tiny", data_description="Fake frames.", data_licence="none needed")


@pytest.fixture(scope="module")
def source(frame_store):
    return StoreSource(FrameStore(frame_store))


@pytest.fixture(scope="module")
def fitted(source):
    changes = {"n_epochs": 25, "optimiser": EncoderOptimiserConfig(learning_rate=1e-2)}
    return fit_encoder([source], CONFIG.model_copy(update=changes))


class StopAfter:
    """Progress that ends the training like Ctrl-C after some epochs."""

    def __init__(self, n_epochs):
        self.n_left = n_epochs

    def start(self, description, total):
        pass

    def advance(self, n_steps=1):
        self.n_left -= n_steps
        if self.n_left < 0:
            raise KeyboardInterrupt

    def finish(self):
        pass


def test_star_comes_to_be_restored_better_than_the_mean_frame_does(fitted):
    images = fitted.frames[:, 0, 11:16, 11:16]
    restored = reconstruct(fitted.network, fitted.frames)[:, 11:16, 11:16]
    error = np.abs(images - restored).mean()
    assert error < 0.7 * np.abs(images - images.mean(axis=0)).mean()
    assert latent_figures(fitted.network, fitted.frames).n_active >= 1
    assert fitted.history[-1].validation_loss < fitted.history[0].validation_loss


def test_brightness_of_the_star_is_in_the_latent(fitted, frame_store):
    frames = FrameStore(frame_store).sequence(10).sequence.frames
    planes = scale_frames(frames, fitted.config.encoder.scaling).planes
    with torch.inference_mode():
        means = fitted.network.encode(torch.from_numpy(planes)).means.numpy()
    design = np.column_stack([means, np.ones(len(means))])
    flux = np.log(frames[:, 11:16, 11:16].sum(axis=(1, 2)) - 25 * 200.0)
    predicted = design @ np.linalg.lstsq(design, flux, rcond=None)[0]
    assert np.corrcoef(predicted, flux)[0, 1] > 0.9


def test_equal_seeds_give_equal_encoders_and_others_do_not(source):
    first, again = (fit_encoder([source], CONFIG) for _ in range(2))
    other = fit_encoder([source], CONFIG.model_copy(update={"seed": 1}))
    for name, weights in first.network.state_dict().items():
        torch.testing.assert_close(weights, again.network.state_dict()[name], rtol=0, atol=0)
    assert not torch.equal(first.network.head.weight, other.network.head.weight)


def test_resumed_training_ends_as_an_uninterrupted_one(source, tmp_path):
    config = CONFIG.model_copy(update={"n_epochs": 4})
    whole = fit_encoder([source], config)
    with pytest.raises(KeyboardInterrupt):
        fit_encoder([source], config, checkpoint_dir=tmp_path, progress=StopAfter(2))
    resumed = fit_encoder([source], config, checkpoint_dir=tmp_path, resume=True)
    assert str(resumed.history) == str(whole.history)  # NaN is not equal to itself
    for name, weights in whole.network.state_dict().items():
        torch.testing.assert_close(weights, resumed.network.state_dict()[name], rtol=0, atol=0)


def test_checkpoint_of_another_training_is_refused(source, tmp_path):
    fit_encoder([source], CONFIG, checkpoint_dir=tmp_path)
    other = CONFIG.model_copy(update={"seed": 5})
    with pytest.raises(InvalidInputError, match="other settings"):
        fit_encoder([source], other, checkpoint_dir=tmp_path, resume=True)


def test_held_out_objects_are_not_trained_on(source):
    read: list[int] = []

    class Spy:
        object_ids, n_frames = source.object_ids, source.n_frames

        def read(self, i_object, rows):
            read.append(i_object)
            return source.read(i_object, rows)

    fitted = fit_encoder([Spy()], CONFIG.model_copy(update={"validation_fraction": 0.25}))
    n_held_out = 3
    assert fitted.n_objects == 12 - n_held_out
    shown_first = set(read[: 2 * n_held_out])
    assert len(shown_first) == n_held_out
    assert not shown_first & set(read[2 * n_held_out :])


def test_object_in_two_sources_stands_on_one_side(source):
    fitted = fit_encoder([source, source], CONFIG)
    assert fitted.n_objects % 2 == 0


def test_too_few_objects_to_hold_any_out_is_said(source):
    with pytest.raises(InvalidInputError, match="hold out"):
        fit_encoder([source], CONFIG.model_copy(update={"validation_fraction": 0.01}))


@pytest.mark.parametrize("recipe", ["default", "published", "published-rotated", "masked"])
def test_every_recipe_trains_packs_and_embeds(recipe: Recipe, source, tmp_path):
    changes = {"n_epochs": 1, "hardware": CONFIG.hardware}
    config = recipe_config(recipe).model_copy(update=changes)
    bundle = pack_encoder(tmp_path / "encoder", fit_encoder([source], config), TEXT)
    embedder = FrameEmbedder(load_encoder(tmp_path / "encoder"), n_threads=1)
    values = embedder.embed(source.read(3, np.arange(10))).values
    assert values.shape == (10, bundle.info.n_columns)
    assert (bundle.info.metrics["kl_nats"] is None) == (recipe == "masked")


def test_published_recipe_is_the_published_one():
    config = recipe_config("published")
    assert config.encoder.kl_weight == 8e-5
    assert (config.optimiser.learning_rate, config.optimiser.weight_decay) == (5e-5, 0.0)
    assert (config.frames.batch_size, config.n_epochs, config.seed) == (256, 100, 7)
    assert config.validation_fraction == 0.0
    assert recipe_config("published-78").encoder.n_latent == 78
    assert recipe_config("published-rotated").encoder.max_rotation_deg == 20


def test_folder_holds_the_network_that_was_trained(fitted, tmp_path):
    bundle = pack_encoder(tmp_path / "encoder", fitted, TEXT)
    network = load_network(bundle)
    planes = torch.from_numpy(fitted.frames)
    with torch.inference_mode():
        torch.testing.assert_close(
            network.encode(planes).means, fitted.network.encode(planes).means
        )
    embedded = FrameEmbedder(bundle, n_threads=1).run(fitted.frames)
    np.testing.assert_allclose(
        embedded[:, :4], fitted.network.encode(planes).means.detach().numpy(), atol=1e-4
    )
    assert bundle.info.data.n_objects == fitted.n_objects
    assert bundle.info.metrics["n_active"] == latent_figures(network, fitted.frames).n_active


def test_figures_of_a_dead_and_a_live_dimension():
    class Half(torch.nn.Module):
        """Dimension 0 is the mean pixel, dimension 1 is dead."""

        def encode(self, planes):
            from skyvet.models.encoders.interface import LatentCode

            mean = planes[:, 0].mean(dim=(1, 2))
            means = torch.stack([mean, torch.zeros_like(mean)], dim=1)
            return LatentCode(means, torch.zeros_like(means))

        def decode(self, latent):
            return latent[:, :1, None].expand(-1, 8, 8)

    rng = np.random.default_rng(1)
    planes = np.ones((500, 2, 8, 8), np.float32)
    planes[:, 0] = rng.normal(0.0, 2.0, (500, 1, 1))
    figures = latent_figures(Half(), planes)
    assert figures.active_mask.tolist() == [True, False]
    level = planes[:, 0, 0, 0]
    assert figures.kl_nats == pytest.approx([0.5 * np.mean(level**2), 0.0], rel=1e-4)
    assert figures.mean_variance == pytest.approx([level.var(ddof=1), 0.0], rel=1e-4)
    assert figures.reconstruction < 1e-5 < figures.blank_reconstruction
    np.testing.assert_allclose(reconstruct(Half(), planes)[:, 0, 0], level, atol=1e-5)
    walk = traverse_latent(Half(), planes, i_frame=7, steps=np.array([-1.0, 0.0, 1.0]))
    assert walk.shape == (2, 3, 8, 8)
    moved = walk[0, :, 0, 0] - level[7]
    assert moved == pytest.approx(np.array([-1, 0, 1]) * level.std(ddof=1), rel=1e-3, abs=1e-5)
    assert np.ptp(walk[1]) < 1e-6


def test_figures_need_two_frames(fitted):
    with pytest.raises(InvalidInputError, match="at least 2"):
        latent_figures(fitted.network, fitted.frames[:1])


def test_training_that_diverges_says_so(source):
    changes = {"optimiser": EncoderOptimiserConfig(learning_rate=1e30, max_gradient_norm=0.0)}
    with pytest.raises(InvalidInputError, match="smaller learning rate"):
        fit_encoder([source], CONFIG.model_copy(update=changes))


def test_only_the_loss_can_be_watched():
    with pytest.raises(ValidationError, match="monitor"):
        EncoderTrainConfig(monitor="auc")


def test_later_figures_join_the_others_and_replace_themselves(fitted, tmp_path):
    bundle = pack_encoder(tmp_path / "encoder", fitted, TEXT)
    for value in (0.25, 0.5):
        changed = add_encoder_figures(
            bundle, {"top_3": value}, title="Guilty frames", about="By distance."
        )
    assert changed.info.metrics == {**bundle.info.metrics, "top_3": 0.5}
    assert changed.card.count("## Guilty frames") == 1
    assert "- top 3: 0.5" in changed.card
    assert FrameEmbedder(load_encoder(tmp_path / "encoder"), n_threads=1).n_latent == 4

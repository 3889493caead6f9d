"""What the encoder page shows of a training."""

from __future__ import annotations

import json

import numpy as np

from skyvet import __version__
from skyvet.core.arrays import FloatArray, IntArray
from skyvet.evaluation.encoder_page import EncoderFacts
from skyvet.models.encoders.bundle import EncoderBundle
from skyvet.training.encoders.fit import FittedEncoder
from skyvet.training.encoders.inspection import latent_figures, reconstruct, traverse_latent

__all__ = ["encoder_facts"]

_STEPS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
_N_SHOWN = 24
_N_TRAVERSED = 24


def encoder_facts(fitted: FittedEncoder, bundle: EncoderBundle) -> EncoderFacts:
    """Return the facts of a trained encoder for `write_encoder_page`.

    Parameters
    ----------
    fitted : FittedEncoder
        The training.
    bundle : EncoderBundle
        What was written of it.

    Returns
    -------
    EncoderFacts
        Of the frames shown, a quarter are those restored worst, the others are spread evenly.
    """
    network, frames = fitted.network, fitted.frames
    figures = latent_figures(network, frames)
    has_masks = frames.shape[1] > 1
    images = np.where(frames[:, -1] > 0, frames[:, 0], np.nan) if has_masks else frames[:, 0]
    restored = reconstruct(network, frames)
    errors = np.sqrt(np.nanmean(np.square(images - restored), axis=(1, 2)))
    shown = _choose(errors)
    size = figures.kl_nats if network.has_log_variances else figures.mean_variance
    traversed = np.argsort(-size, kind="stable")[:_N_TRAVERSED]
    typical = int(np.argsort(errors, kind="stable")[len(errors) // 2])
    walks = traverse_latent(network, frames, i_frame=typical, steps=np.array(_STEPS))
    info = bundle.info
    settings = {"network": info.network, "training": info.training, "metrics": info.metrics}
    return EncoderFacts(
        title=f"{info.name}, version {info.version}",
        summary=info.summary,
        data=f"{info.data.description} {info.data.n_objects:,} objects, "
        f"{info.data.n_frames:,} frames. Terms: {info.data.licence}.",
        mean_variance=figures.mean_variance,
        kl_nats=figures.kl_nats,
        active_mask=figures.active_mask,
        reconstruction=figures.reconstruction,
        blank_reconstruction=figures.blank_reconstruction,
        n_frames=len(frames),
        train_loss=np.array([record.train_loss for record in fitted.history]),
        validation_loss=np.array([record.validation_loss for record in fitted.history]),
        best_epoch=fitted.best_epoch,
        originals=images[shown],
        restored=restored[shown],
        traversal=walks[traversed],
        traversed=traversed,
        steps=np.array(_STEPS),
        settings_json=json.dumps(settings, indent=1),
        skyvet_version=__version__,
    )


def _choose(errors: FloatArray) -> IntArray:
    """Choose frames evenly by error, and the worst ones."""
    order = np.argsort(errors, kind="stable")
    n_worst = min(_N_SHOWN // 4, len(order))
    rest = order[: len(order) - n_worst]
    n_even = min(_N_SHOWN - n_worst, len(rest))
    even = rest[np.linspace(0, len(rest) - 1, n_even).astype(int)] if n_even else rest
    return np.concatenate([even, order[len(order) - n_worst :]])

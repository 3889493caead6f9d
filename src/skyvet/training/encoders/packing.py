"""A trained encoder to a folder on disk, exported and checked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from skyvet import __version__
from skyvet.models.encoders.bundle import (
    EncoderBundle,
    EncoderInfo,
    FrameFingerprint,
    reference_frames,
    save_encoder,
)
from skyvet.models.encoders.interface import FrameAutoencoder
from skyvet.models.onnx_export import export_graph
from skyvet.preprocessing.frame_scaling import scale_frames
from skyvet.training.encoders.card import with_section, write_encoder_card
from skyvet.training.encoders.configs import EncoderTrainConfig
from skyvet.training.encoders.fit import FittedEncoder
from skyvet.training.encoders.inspection import LatentFigures, latent_figures

__all__ = ["EncoderText", "add_encoder_figures", "load_network", "pack_encoder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderText:
    """What only a person can say of an encoder.

    Parameters
    ----------
    name : str
        For lists of encoders.
    data_description, data_licence : str
        Where the frames come from, and their terms.
    version : str, default "1"
        Of the encoder.
    """

    name: str
    data_description: str
    data_licence: str
    version: str = "1"


class _EncoderGraph(nn.Module):
    """The part of an autoencoder that embedding needs."""

    def __init__(self, network: FrameAutoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return means and, where there are any, log-variances."""
        means, log_variances = self.network.encode(frames)
        return means if log_variances is None else (means, log_variances)


def pack_encoder(path: Path, fitted: FittedEncoder, text: EncoderText) -> EncoderBundle:
    """Export an encoder, check it against PyTorch, and write its folder.

    Parameters
    ----------
    path : Path
        Folder; absent, or another saved model.
    fitted : FittedEncoder
        From `skyvet.training.encoders.fit.fit_encoder`.
    text : EncoderText
        Name, data, terms.

    Returns
    -------
    EncoderBundle

    Raises
    ------
    BundleError
        If the exported graph differs from the network, or `path` is no saved model.
    DatasetError
        If the folder cannot be written.
    """
    network, scaling = fitted.network, fitted.config.encoder.scaling
    figures = latent_figures(network, fitted.frames)
    planes = scale_frames(reference_frames(scaling.size_px), scaling).planes
    graph = _EncoderGraph(network).eval()
    names = ("means", "log_variances")[: 1 + network.has_log_variances]
    export = export_graph(
        graph, {"frames": torch.from_numpy(np.concatenate([planes, fitted.frames[:32]]))},
        output_names=names,
    )  # fmt: skip
    with torch.inference_mode():
        code = network.encode(torch.from_numpy(planes))
    reference = torch.cat([part for part in code if part is not None], dim=1)
    info = _describe(fitted, text, figures, reference)
    weights = {name: part.contiguous() for name, part in network.state_dict().items()}
    return save_encoder(
        path,
        info,
        graph=export.content,
        weights=save(weights),
        card=write_encoder_card(info, fitted),
    )


def add_encoder_figures(
    bundle: EncoderBundle, figures: Mapping[str, float | int], *, title: str, about: str
) -> EncoderBundle:
    """Write figures that were measured later into an encoder and its card.

    Parameters
    ----------
    bundle : EncoderBundle
        Its folder is rewritten; graph and weights stay.
    figures : mapping of str to float or int
        Added to its metrics; those of the same name are replaced.
    title, about : str
        Heading of the card's section, and how they were measured. A section with this heading is
        replaced.

    Returns
    -------
    EncoderBundle
        Read back from disk.
    """
    info = bundle.info.model_copy(update={"metrics": {**bundle.info.metrics, **figures}})
    return save_encoder(
        bundle.path,
        info,
        graph=bundle.onnx_path.read_bytes(),
        weights=(bundle.path / "weights.safetensors").read_bytes(),
        card=with_section(bundle.card, title, [about, "", *_listed(figures)]),
    )


def _listed(figures: Mapping[str, float | int]) -> list[str]:
    return [f"- {name.replace('_', ' ')}: {value:g}" for name, value in figures.items()]


def load_network(bundle: EncoderBundle) -> FrameAutoencoder:
    """Return an encoder with its decoder, in evaluation mode, for inspection or training."""
    config = EncoderTrainConfig.model_validate(bundle.info.training)
    network: FrameAutoencoder = config.encoder.build()
    network.load_state_dict(load_file(bundle.path / "weights.safetensors"))
    network.eval()
    return network


def _describe(
    fitted: FittedEncoder, text: EncoderText, figures: LatentFigures, reference: Tensor
) -> EncoderInfo:
    config, network = fitted.config, fitted.network
    has_kl = network.has_log_variances
    metrics: dict[str, float | int | None] = {
        "n_active": figures.n_active,
        "active_share": figures.n_active / network.n_latent,
        "kl_nats": float(figures.kl_nats.sum()) if has_kl else None,
        "reconstruction": figures.reconstruction,
        "blank_reconstruction": figures.blank_reconstruction,
        "n_judged_frames": len(fitted.frames),
        "best_epoch": fitted.best_epoch,
        "n_epochs": len(fitted.history),
    }
    return EncoderInfo(
        name=text.name,
        version=text.version,
        summary=f"{config.encoder.kind}, {network.n_latent} dimensions, "
        f"{config.encoder.scaling.size_px} px frames",
        created_utc=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        skyvet_version=__version__,
        n_latent=network.n_latent,
        has_log_variances=has_kl,
        scaling=config.encoder.scaling,
        network=config.encoder.model_dump(mode="json"),
        training=config.model_dump(mode="json"),
        metrics=metrics,
        kl_per_dimension=tuple(figures.kl_nats.tolist()) if has_kl else (),
        mean_variances=tuple(figures.mean_variance.tolist()),
        data=FrameFingerprint(
            description=text.data_description,
            licence=text.data_licence,
            n_objects=fitted.n_objects,
            n_frames=fitted.n_frames,
            object_ids_sha256=fitted.object_ids_sha256,
        ),
        reference_values=tuple(tuple(row) for row in reference.tolist()),
    )

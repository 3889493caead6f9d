"""The saved encoder: what embedding needs in one folder, and no code.

::

    encoder/
    ├── encoder.json          scaling, sizes, configs, figures, data, reference embedding
    ├── encoder.onnx          input ``frames``, outputs ``means`` and, where it has any,
    │                         ``log_variances``
    ├── weights.safetensors   encoder and decoder, for further training and inspection
    ├── card.md               for people
    └── SHA256SUMS            hashes of the files
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import FloatArray
from skyvet.core.configs import Config
from skyvet.models.bundle_folder import (
    check_bundle_folder,
    find_saved,
    locate_saved,
    read_saved_info,
    write_bundle_folder,
)
from skyvet.preprocessing.frame_scaling import FrameScalingConfig

__all__ = [
    "ENCODER_FILES",
    "EncoderBundle",
    "EncoderInfo",
    "FrameFingerprint",
    "find_encoders",
    "load_encoder",
    "reference_frames",
    "save_encoder",
]

ENCODER_FILES = ("encoder.json", "encoder.onnx", "weights.safetensors", "card.md")
_FORMAT_VERSION = 1
_N_REFERENCE = 4


class FrameFingerprint(Config):
    """What an encoder was trained on, without the data."""

    description: str
    licence: str = Field(description="terms of the training data")
    n_objects: int
    n_frames: int
    object_ids_sha256: str = Field(description="hash of the sorted object identifiers")


class EncoderInfo(Config):
    """Content of ``encoder.json``."""

    kind: Literal["skyvet-encoder"] = "skyvet-encoder"
    format_version: int = _FORMAT_VERSION
    name: str
    version: str
    summary: str
    created_utc: str
    skyvet_version: str
    n_latent: int = Field(gt=0, description="latent dimensions")
    has_log_variances: bool = Field(description="False = deterministic, means only")
    scaling: FrameScalingConfig
    network: dict[str, Any] = Field(description="config of the network")
    training: dict[str, Any] = Field(description="config of the training")
    metrics: dict[str, float | int | None] = Field(description="figures on held-out objects")
    kl_per_dimension: tuple[float, ...] = Field(
        default=(), description="mean divergence of each dimension from the prior [nats]"
    )
    mean_variances: tuple[float, ...] = Field(
        default=(), description="variance of each dimension's mean over held-out frames"
    )
    data: FrameFingerprint
    reference_values: tuple[tuple[float, ...], ...] = Field(
        default=(), description="embedding of `reference_frames`, repeated after loading"
    )

    @property
    def n_columns(self) -> int:
        """Numbers of an embedded frame: means, then log-variances where there are any."""
        return self.n_latent * (2 if self.has_log_variances else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderBundle:
    """An encoder that was read and whose files were checked.

    Parameters
    ----------
    path : Path
        Its folder.
    info : EncoderInfo
        Content of ``encoder.json``.
    sha256 : str
        Hash of ``SHA256SUMS``: identifies the encoder in stores of embeddings.
    """

    path: Path
    info: EncoderInfo
    sha256: str

    @property
    def label(self) -> str:
        """Name, version and first digits of the hash."""
        return f"{self.info.name}-{self.info.version}+{self.sha256[:8]}"

    @property
    def onnx_path(self) -> Path:
        """The encoder's graph."""
        return self.path / "encoder.onnx"

    @property
    def card(self) -> str:
        """The card (Markdown)."""
        return (self.path / "card.md").read_text(encoding="utf-8")


def reference_frames(size_px: int) -> FloatArray:
    """Return the frames whose embedding a loaded encoder must repeat.

    Noise over a sky with a source of growing brightness, from a fixed seed; no survey data.

    Returns
    -------
    ndarray, shape (4, size_px, size_px), float32
        The last one has missing pixels.

    Examples
    --------
    >>> reference_frames(28).shape
    (4, 28, 28)
    """
    rng = np.random.default_rng(4283)
    frames = rng.normal(190.0, 7.0, (_N_REFERENCE, size_px, size_px))
    row, column = np.mgrid[:size_px, :size_px] - (size_px - 1) // 2
    brightness = 60.0 * np.arange(_N_REFERENCE)[:, None, None]
    frames += brightness * np.exp(-(row**2 + column**2) / 4.0)
    frames[-1, :, : size_px // 5] = np.nan
    return frames.astype(np.float32)


def save_encoder(
    path: Path, info: EncoderInfo, *, graph: bytes, weights: bytes, card: str
) -> EncoderBundle:
    """Write an encoder; an existing one is replaced only when the new one is whole.

    Parameters
    ----------
    path : Path
        Folder; absent, or another saved model.
    info : EncoderInfo
        Content of ``encoder.json``.
    graph : bytes
        Content of ``encoder.onnx``.
    weights : bytes
        Content of ``weights.safetensors``.
    card : str
        For people (Markdown).

    Returns
    -------
    EncoderBundle
        Read back from disk.

    Raises
    ------
    DatasetError
        If the folder cannot be written.
    BundleError
        If `path` exists and is no saved model.
    """
    document = (info.model_dump_json(indent=1) + "\n").encode()
    contents = (document, graph, weights, card.encode())
    write_bundle_folder(path, dict(zip(ENCODER_FILES, contents, strict=True)))
    return load_encoder(path)


def load_encoder(path_or_name: str | Path = "default") -> EncoderBundle:
    """Read an encoder's folder, or one shipped with skyvet, and check every file's hash.

    Parameters
    ----------
    path_or_name : str or Path, default "default"
        Folder, or a name that `find_encoders` knows.

    Returns
    -------
    EncoderBundle

    Raises
    ------
    BundleError
        If it does not exist, a file was altered, or it is of a newer format.

    Examples
    --------
    >>> load_encoder("no-such-encoder")
    Traceback (most recent call last):
    ...
    skyvet.core.errors.BundleError: no encoder 'no-such-encoder': neither a folder nor one of ...
    """
    path = locate_saved(path_or_name, find_encoders(), what="encoder")
    sha256 = check_bundle_folder(path, needed=ENCODER_FILES)
    info = read_saved_info(path / ENCODER_FILES[0], EncoderInfo, format_version=_FORMAT_VERSION)
    return EncoderBundle(path=path, info=info, sha256=sha256)


def find_encoders(folder: Path | None = None) -> dict[str, Path]:
    """Return the encoders in a folder by name; the default is those shipped with skyvet.

    Examples
    --------
    >>> isinstance(find_encoders(), dict)
    True
    """
    return find_saved(folder or Path(str(resources.files("skyvet.models"))) / "shipped_encoders")

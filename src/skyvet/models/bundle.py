"""The saved model: everything that scoring needs in one folder, and no code.

::

    bundle/
    ├── bundle.json           configs, fitted state, thresholds, metrics, data fingerprint
    ├── model.onnx            the network, for scoring
    ├── weights.safetensors   the same weights, for further training
    ├── card.md               model card for people
    └── SHA256SUMS            hashes of the four files (check by hand: sha256sum -c SHA256SUMS)

Loading reads JSON and an ONNX graph; it executes no code from the bundle. A file that was altered
or is missing is refused. After loading, the network is run on stamps drawn from a fixed
seed and must give the logits that were stored at saving.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import FloatArray
from skyvet.models.bundle_folder import (
    check_bundle_folder,
    find_saved,
    locate_saved,
    read_saved_info,
    write_bundle_folder,
)
from skyvet.models.classifier_info import ClassifierInfo
from skyvet.preprocessing.normalization import StampConfig, prepare_stamps

__all__ = [
    "BUNDLE_FILES",
    "Bundle",
    "BundleInfo",
    "find_bundles",
    "load_bundle",
    "reference_stamps",
    "save_bundle",
]

BUNDLE_FILES = ("bundle.json", "card.md", "model.onnx", "weights.safetensors")
_FORMAT_VERSION = 1
_N_REFERENCE = 4


class BundleInfo(ClassifierInfo):
    """Content of ``bundle.json``."""

    kind: Literal["skyvet-bundle"] = "skyvet-bundle"
    format_version: int = _FORMAT_VERSION
    stamps: StampConfig
    stored_px: int | None = Field(
        default=None,
        description="side of the stamps that training cut from; none = that of `stamps`",
    )
    network: dict[str, Any] = Field(description="config of the network, or of each member")
    metadata_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle that was read and whose files were checked.

    Parameters
    ----------
    path : Path
        Its folder.
    info : BundleInfo
        Content of ``bundle.json``.
    sha256 : str
        Hash of ``SHA256SUMS``: identifies the bundle in score tables and manifests.
    """

    path: Path
    info: BundleInfo
    sha256: str

    @property
    def label(self) -> str:
        """Name, version and first digits of the hash, as written into score tables."""
        return f"{self.info.name}-{self.info.version}+{self.sha256[:8]}"

    @property
    def placed_px(self) -> int:
        """Side at which cutouts are placed and kept before the network's part is cut out.

        It is the side of the training dataset, so that scoring rounds pixels as training did.
        """
        return self.info.stored_px or self.info.stamps.size_px

    @property
    def onnx_path(self) -> Path:
        """The network's graph."""
        return self.path / "model.onnx"

    @property
    def card(self) -> str:
        """The model card (Markdown)."""
        return (self.path / "card.md").read_text(encoding="utf-8")


def reference_stamps(config: StampConfig) -> FloatArray:
    """Return the stamps on which a loaded network must repeat its stored logits.

    Noise with a source of growing brightness, drawn from a fixed seed; no survey data.

    Returns
    -------
    ndarray, shape (4, n_planes, size_px, size_px), float32
        Prepared for the network.
    """
    rng = np.random.default_rng(272)
    size = config.size_px
    pixels = rng.normal(100.0, 5.0, (_N_REFERENCE, config.n_raw_planes, size, size))
    row, column = np.mgrid[:size, :size] - (size - 1) // 2
    source = np.exp(-(row**2 + column**2) / 4.0)
    brightness = 20.0 * np.arange(_N_REFERENCE)[:, None, None]
    pixels[:, 0] += brightness * source
    pixels[:, 2] += brightness * source
    pixels[-1, :, :, : size // 4] = np.nan
    return prepare_stamps(pixels.astype(np.float32), config)


def save_bundle(path: Path, info: BundleInfo, *, model: bytes, weights: bytes, card: str) -> None:
    """Write a bundle folder; an existing one is replaced only when the new one is whole.

    Parameters
    ----------
    path : Path
        Folder of the bundle.
    info : BundleInfo
        Content of ``bundle.json``.
    model, weights : bytes
        Content of ``model.onnx`` and ``weights.safetensors``.
    card : str
        Model card (Markdown).

    Raises
    ------
    DatasetError
        If the folder cannot be written.
    BundleError
        If `path` exists and is no bundle.
    """
    document = info.model_dump_json(indent=1) + "\n"
    contents = (document.encode(), card.encode(), model, weights)
    write_bundle_folder(path, dict(zip(BUNDLE_FILES, contents, strict=True)))


def load_bundle(path_or_name: str | Path) -> Bundle:
    """Open a bundle folder, or one that ships with skyvet by its name.

    Parameters
    ----------
    path_or_name : str or Path
        Folder, or a name listed by ``skyvet models list``.

    Returns
    -------
    Bundle

    Raises
    ------
    BundleError
        If it does not exist, a file was altered, or it is of a newer format.

    Examples
    --------
    >>> load_bundle("no-such-bundle")
    Traceback (most recent call last):
    ...
    skyvet.core.errors.BundleError: no bundle 'no-such-bundle': neither a folder nor one of ...
    """
    path = locate_saved(path_or_name, find_bundles(), what="bundle")
    sha256 = check_bundle_folder(path, needed=BUNDLE_FILES)
    info = read_saved_info(path / "bundle.json", BundleInfo, format_version=_FORMAT_VERSION)
    return Bundle(path=path, info=info, sha256=sha256)


def find_bundles(folder: Path | None = None) -> dict[str, Path]:
    """Return the bundles in a folder by name; the default is those shipped with skyvet."""
    return find_saved(folder or Path(str(resources.files("skyvet.models"))) / "shipped")

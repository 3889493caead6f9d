"""The saved classifier of frame sequences: members, calibration and, where known, the encoder.

::

    bundle/
    ├── bundle.json         members, fitted state, thresholds, metrics, data fingerprint
    ├── member-0.*.onnx     graphs of the members
    ├── member-0.npz        fitted arrays of the members
    ├── encoder/            the encoder of frames (absent: the bundle scores embeddings only)
    ├── card.md             model card for people
    └── SHA256SUMS          hashes of all files

As with `skyvet.models.bundle`, loading executes no code from the folder, and an altered file is
refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from skyvet.models.bundle_folder import check_bundle_folder, read_saved_info, write_bundle_folder
from skyvet.models.classifier_info import ClassifierInfo
from skyvet.models.member_files import member_files, read_member
from skyvet.models.sequences.interface import SequenceMember
from skyvet.models.sequences.members import load_member
from skyvet.records.sequences import EmbeddedSequences

__all__ = [
    "SequenceBundle",
    "SequenceBundleInfo",
    "is_sequence_bundle",
    "load_sequence_bundle",
    "reference_sequences",
    "save_sequence_bundle",
]

_FORMAT_VERSION = 1
_ENCODER = "encoder"
_NEEDED = ("bundle.json", "card.md")
_REFERENCE_COUNTS = (1, 3, 40, 200)
_MOST_LATENT = 8192  # far above any encoder; an altered number must not ask for all memory


class SequenceBundleInfo(ClassifierInfo):
    """Content of ``bundle.json`` of a classifier of frame sequences."""

    kind: Literal["skyvet-sequence-bundle"] = "skyvet-sequence-bundle"
    format_version: int = _FORMAT_VERSION
    encoder: str = Field(description="label of the encoder whose embeddings it was trained on")
    n_latent: int = Field(ge=1, le=_MOST_LATENT)
    n_columns: int = Field(
        ge=1, le=2 * _MOST_LATENT, description="columns of a frame: means, then log-variances"
    )
    light_curve_names: tuple[str, ...] = Field(
        default=(), description="features of the light curve that it needs; none = frames only"
    )
    members: tuple[dict[str, Any], ...] = Field(min_length=1)
    member_weights: tuple[float, ...]

    @model_validator(mode="after")
    def _check_sizes(self) -> SequenceBundleInfo:
        if self.n_columns not in {self.n_latent, 2 * self.n_latent}:
            raise ValueError(f"{self.n_columns} columns do not fit {self.n_latent} dimensions")
        if len(set(self.light_curve_names)) < len(self.light_curve_names):
            raise ValueError("light_curve_names holds a name twice")
        weights = self.member_weights
        if len(weights) != len(self.members):
            raise ValueError(f"{len(weights)} member_weights for {len(self.members)} members")
        if not (all(0 <= weight < math.inf for weight in weights) and sum(weights) > 0):
            raise ValueError(f"member_weights must be >= 0, finite and not all 0, got {weights}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SequenceBundle:
    """A bundle that was read and whose files were checked.

    Parameters
    ----------
    path : Path
        Its folder.
    info : SequenceBundleInfo
        Content of ``bundle.json``.
    members : tuple of SequenceMember
        In the order of ``info.members``.
    sha256 : str
        Hash of ``SHA256SUMS``.
    """

    path: Path
    info: SequenceBundleInfo
    members: tuple[SequenceMember, ...]
    sha256: str

    @property
    def label(self) -> str:
        """Name, version and first digits of the hash, as written into score tables."""
        return f"{self.info.name}-{self.info.version}+{self.sha256[:8]}"

    @property
    def encoder_path(self) -> Path | None:
        """Folder of the encoder; None where the bundle scores embeddings only."""
        path = self.path / _ENCODER
        return path if path.is_dir() else None

    @property
    def card(self) -> str:
        """The model card (Markdown)."""
        return (self.path / "card.md").read_text(encoding="utf-8")


def reference_sequences(info: SequenceBundleInfo) -> EmbeddedSequences:
    """Return sequences on which a loaded bundle must repeat its stored logits.

    Drawn from a fixed seed, with 1, 3, 40 and 200 frames; no survey data.
    """
    rng = np.random.default_rng(272)
    n_objects = len(_REFERENCE_COUNTS)
    names = info.light_curve_names
    return EmbeddedSequences(
        values=rng.normal(size=(sum(_REFERENCE_COUNTS), info.n_columns)),
        offsets=np.cumsum([0, *_REFERENCE_COUNTS]),
        object_ids=np.arange(n_objects),
        mjd_tai=np.full(sum(_REFERENCE_COUNTS), np.nan),
        n_latent=info.n_latent,
        light_curve=rng.normal(size=(n_objects, len(names))) if names else None,
        light_curve_names=names,
    )


def save_sequence_bundle(
    path: Path,
    info: SequenceBundleInfo,
    *,
    members: Sequence[SequenceMember],
    card: str,
    encoder: Path | None = None,
) -> None:
    """Write a bundle folder; an existing one is replaced only when the new one is whole.

    Parameters
    ----------
    path : Path
        Folder of the bundle.
    info : SequenceBundleInfo
        Content of ``bundle.json``; its ``members`` are replaced by the settings of `members`.
    members : sequence of SequenceMember
        The classifiers.
    card : str
        Model card (Markdown).
    encoder : Path, optional
        Folder of the encoder that made the embeddings; copied into the bundle.

    Raises
    ------
    DatasetError
        If the folder cannot be written.
    BundleError
        If `path` exists and is no bundle.
    """
    parts = [member.parts() for member in members]
    info = info.model_copy(update={"members": tuple(dict(part.settings) for part in parts)})
    files: dict[str, bytes] = {"card.md": card.encode()}
    for i_member, part in enumerate(parts):
        files |= member_files(i_member, part)
    if encoder is not None:
        check_bundle_folder(encoder, needed=())
        files |= {
            f"{_ENCODER}/{file.name}": file.read_bytes() for file in sorted(encoder.iterdir())
        }
    files["bundle.json"] = (info.model_dump_json(indent=1) + "\n").encode()
    write_bundle_folder(path, files)


def is_sequence_bundle(path: Path) -> bool:
    """Say whether a folder is the bundle of a classifier of frame sequences.

    Parameters
    ----------
    path : Path
        Any path; it need not exist.

    Examples
    --------
    >>> is_sequence_bundle(Path("no-such-bundle"))
    False
    """
    try:
        document = json.loads((path / "bundle.json").read_bytes())
    except (OSError, ValueError):
        return False
    kind = SequenceBundleInfo.model_fields["kind"].default
    return isinstance(document, dict) and document.get("kind") == kind


def load_sequence_bundle(path: Path) -> SequenceBundle:
    """Open a bundle folder.

    Raises
    ------
    BundleError
        If it is none, a file was altered, or it is of another kind or a newer format.

    Examples
    --------
    >>> load_sequence_bundle(Path("no-such-bundle"))
    Traceback (most recent call last):
    ...
    skyvet.core.errors.BundleError: no-such-bundle is not a bundle: it has no SHA256SUMS
    """
    sha256 = check_bundle_folder(path, needed=_NEEDED)
    info = read_saved_info(
        path / "bundle.json",
        SequenceBundleInfo,
        format_version=_FORMAT_VERSION,
        described="classifier of frame sequences",
    )
    members = tuple(
        read_member(path, i, settings=settings, load=load_member)
        for i, settings in enumerate(info.members)
    )
    return SequenceBundle(path=path, info=info, members=members, sha256=sha256)

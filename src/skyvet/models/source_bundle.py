"""The saved classifier of sources: members, and per class its calibration and threshold.

::

    bundle/
    ├── bundle.json             taxonomy, classes, members, metrics, data fingerprint
    ├── member-0.class-0.onnx   graphs of the members
    ├── member-0.npz            fitted arrays of the members
    ├── card.md                 model card for people
    └── SHA256SUMS              hashes of all files

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

from skyvet.core.configs import Config
from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.io.taxonomy_files import taxonomy_from_document
from skyvet.models.bundle_folder import check_bundle_folder, read_saved_info, write_bundle_folder
from skyvet.models.member_files import member_files, read_member
from skyvet.models.sources.interface import SourceMember
from skyvet.models.sources.members import load_source_member
from skyvet.records.feature_table import FeatureTable
from skyvet.records.source_taxonomy import SourceTaxonomy

__all__ = [
    "SourceBundle",
    "SourceBundleInfo",
    "SourceClassInfo",
    "SourceDataFingerprint",
    "is_source_bundle",
    "load_source_bundle",
    "reference_features",
    "save_source_bundle",
]

_FORMAT_VERSION = 1
_NEEDED = ("bundle.json", "card.md")
_N_REFERENCE = 8
_MOST_PIXELS = 1 << 16  # of a dm-dt image; an altered number must not ask for all memory


class SourceClassInfo(Config):
    """What was fitted for one class, and how well it did on sources that had no part in it."""

    tag: str
    calibrator: dict[str, Any] | None = Field(
        description="document of `calibrator_from_dict`; none = the opposite of another class"
    )
    threshold: float = Field(ge=0, le=1, description="of the class at or above this probability")
    target: str = Field(description="what the threshold was chosen for")
    prior: float = Field(ge=0, le=1, description="fraction of the class among labelled rows")
    n_positive: int = Field(ge=0, description="rows with a vote of at least one half")
    n_negative: int = Field(ge=0, description="rows with a vote below one half")
    n_not_inspected: int = Field(ge=0, description="labelled rows without a vote on this class")
    metrics: dict[str, float | int | str | None] = Field(
        default_factory=dict, description="of out-of-fold scores; empty = not measured"
    )


class SourceDataFingerprint(Config):
    """What the bundle was trained on, without the data."""

    description: str
    licence: str = Field(description="terms of the training data")
    n_rows: int
    n_sources: int
    source_ids_sha256: str = Field(description="hash of the sorted source ids")
    n_simulated: int = Field(default=0, ge=0, description="rows of simulated light curves")


class SourceBundleInfo(Config):
    """Content of ``bundle.json`` of a classifier of sources."""

    kind: Literal["skyvet-source-bundle"] = "skyvet-source-bundle"
    format_version: int = _FORMAT_VERSION
    name: str
    version: str
    summary: str
    created_utc: str
    skyvet_version: str
    surveys: tuple[str, ...] = Field(description="surveys whose scores are calibrated")
    taxonomy: dict[str, Any] = Field(description="document of `taxonomy_from_document`")
    classes: tuple[SourceClassInfo, ...] = Field(min_length=1)
    left_out: dict[str, str] = Field(
        default_factory=dict, description="classes that were not trained, and why"
    )
    names: tuple[str, ...] = Field(description="features")
    low: tuple[float | None, ...] = Field(description="least value of each among training rows")
    high: tuple[float | None, ...] = Field(description="largest value; none = never there")
    dmdt_names: tuple[str, ...] = ()
    dmdt_shape: tuple[int, int] = (0, 0)
    members: tuple[dict[str, Any], ...] = Field(min_length=1)
    member_weights: tuple[float, ...]
    training: dict[str, Any] = Field(description="config of the training")
    feature_settings: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="how the features were computed (`FeatureTable.settings`); empty = not known",
    )
    metrics: dict[str, float | int | str | None]
    data: SourceDataFingerprint
    reference_logits: tuple[tuple[float, ...], ...] = Field(
        default=(), description="logits that a loaded bundle must repeat"
    )

    @model_validator(mode="after")
    def _check_sizes(self) -> SourceBundleInfo:
        weights = self.member_weights
        if len(weights) != len(self.members):
            raise ValueError(f"{len(weights)} member_weights for {len(self.members)} members")
        if not (all(0 <= weight < math.inf for weight in weights) and sum(weights) > 0):
            raise ValueError(f"member_weights must be >= 0, finite and not all 0, got {weights}")
        if not len(self.names) == len(self.low) == len(self.high):
            raise ValueError("low and high need one entry a feature")
        if len(set(self.names)) < len(self.names) or len(set(self.tags)) < len(self.classes):
            raise ValueError("a feature or class stands twice")
        if not 0 <= math.prod(self.dmdt_shape) <= _MOST_PIXELS or min(self.dmdt_shape) < 0:
            raise ValueError(f"dmdt_shape {self.dmdt_shape} is no shape of an image")
        return self

    @property
    def tags(self) -> tuple[str, ...]:
        """Classes that it answers for."""
        return tuple(one.tag for one in self.classes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceBundle:
    """A bundle that was read and whose files were checked.

    Parameters
    ----------
    path : Path
        Its folder.
    info : SourceBundleInfo
        Content of ``bundle.json``.
    taxonomy : SourceTaxonomy
        The tree of its classes.
    members : tuple of SourceMember
        In the order of ``info.members``.
    sha256 : str
        Hash of ``SHA256SUMS``.
    """

    path: Path
    info: SourceBundleInfo
    taxonomy: SourceTaxonomy
    members: tuple[SourceMember, ...]
    sha256: str

    @property
    def label(self) -> str:
        """Name, version and first digits of the hash, as written into score tables."""
        return f"{self.info.name}-{self.info.version}+{self.sha256[:8]}"

    @property
    def card(self) -> str:
        """The model card (Markdown)."""
        return (self.path / "card.md").read_text(encoding="utf-8")


def reference_features(info: SourceBundleInfo) -> FeatureTable:
    """Return features on which a loaded bundle must repeat its stored logits.

    Drawn from a fixed seed within the range of the training rows, some missing; no survey data.
    """
    rng = np.random.default_rng(272)
    low = np.array([0.0 if value is None else value for value in info.low])
    high = np.array([1.0 if value is None else value for value in info.high])
    part = rng.uniform(size=(_N_REFERENCE, len(info.names)))
    values = low * (1.0 - part) + high * part
    values[rng.uniform(size=values.shape) < 0.1] = np.nan
    images = None
    if info.dmdt_names:
        shape = (_N_REFERENCE, len(info.dmdt_names), *info.dmdt_shape)
        images = rng.exponential(size=shape).astype(np.float32)
        images /= np.sqrt((images**2).sum(axis=(2, 3), keepdims=True))
    return FeatureTable(
        source_ids=np.arange(_N_REFERENCE),
        names=info.names,
        values=values,
        dmdt=images,
        dmdt_names=info.dmdt_names,
    )


def save_source_bundle(
    path: Path, info: SourceBundleInfo, *, members: Sequence[SourceMember], card: str
) -> None:
    """Write a bundle folder; an existing one is replaced only when the new one is whole.

    Parameters
    ----------
    path : Path
        Folder of the bundle.
    info : SourceBundleInfo
        Content of ``bundle.json``; its ``members`` are replaced by the settings of `members`.
    members : sequence of SourceMember
        The classifiers.
    card : str
        Model card (Markdown).

    Raises
    ------
    DatasetError
        If the folder cannot be written.
    BundleError
        If `path` exists and is no bundle of this kind.
    """
    parts = [member.parts() for member in members]
    info = info.model_copy(update={"members": tuple(dict(part.settings) for part in parts)})
    files: dict[str, bytes] = {"card.md": card.encode()}
    for i_member, part in enumerate(parts):
        files |= member_files(i_member, part)
    files["bundle.json"] = (info.model_dump_json(indent=1) + "\n").encode()
    write_bundle_folder(path, files)


def is_source_bundle(path: Path) -> bool:
    """Say whether a folder is the bundle of a classifier of sources.

    Examples
    --------
    >>> is_source_bundle(Path("no-such-bundle"))
    False
    """
    try:
        document = json.loads((path / "bundle.json").read_bytes())
    except (OSError, ValueError):
        return False
    kind = SourceBundleInfo.model_fields["kind"].default
    return isinstance(document, dict) and document.get("kind") == kind


def load_source_bundle(path: Path) -> SourceBundle:
    """Open a bundle folder.

    Raises
    ------
    BundleError
        If it is none, a file was altered, or it is of another kind or a newer format.

    Examples
    --------
    >>> load_source_bundle(Path("no-such-bundle"))
    Traceback (most recent call last):
    ...
    skyvet.core.errors.BundleError: no-such-bundle is not a bundle: it has no SHA256SUMS
    """
    sha256 = check_bundle_folder(path, needed=_NEEDED)
    info = read_saved_info(
        path / "bundle.json",
        SourceBundleInfo,
        format_version=_FORMAT_VERSION,
        described="classifier of sources",
    )
    try:
        taxonomy = taxonomy_from_document(info.taxonomy)
        for tag in info.tags:
            taxonomy.node(tag)
    except InvalidInputError as error:
        raise BundleError(f"the taxonomy of {path} cannot be used: {error}") from error
    members = tuple(
        read_member(path, i, settings=settings, load=load_source_member)
        for i, settings in enumerate(info.members)
    )
    return SourceBundle(path=path, info=info, taxonomy=taxonomy, members=members, sha256=sha256)

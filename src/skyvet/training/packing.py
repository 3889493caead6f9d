"""A trained ensemble to a bundle on disk, with its model card."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file, save
from torch import Tensor

from skyvet import __version__
from skyvet.core.errors import BundleError
from skyvet.models.bundle import (
    Bundle,
    BundleInfo,
    load_bundle,
    reference_stamps,
    save_bundle,
)
from skyvet.models.classifier_info import DataFingerprint, OperatingThresholds
from skyvet.models.ensemble import EnsembleOfLogits
from skyvet.models.onnx_export import export_onnx
from skyvet.models.predictor import Predictor
from skyvet.preprocessing.normalization import StampConfig
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.records.identifiers import hash_identifiers
from skyvet.training.calibrating import CalibrationFit
from skyvet.training.card import CardText, write_card
from skyvet.training.configs import EnsembleConfig
from skyvet.training.held_out import held_out_metrics
from skyvet.training.members import TrainedEnsemble

__all__ = [
    "BundleText",
    "Procedure",
    "add_metrics",
    "pack_ensemble",
    "pack_networks",
    "start_weights",
]

_MEMBER = "members.{i}."


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleText:
    """What only a person can say of a bundle.

    Parameters
    ----------
    name, summary : str
        For lists of bundles.
    surveys : tuple of str
        Surveys of the labelled rows.
    data_description, data_licence : str
        Where the labelled rows come from, and their terms.
    version : str, default "1"
        Of the bundle.
    card : CardText
        Intended use, limits, procedure.
    """

    name: str
    summary: str
    surveys: tuple[str, ...]
    data_description: str
    data_licence: str
    version: str = "1"
    card: CardText = field(default_factory=CardText)


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """How networks came to be, as a bundle states it.

    Parameters
    ----------
    network, training : dict
        Settings of each network and of the training, as JSON.
    thresholds : OperatingThresholds
        Where a score becomes a verdict.
    """

    network: dict[str, Any]
    training: dict[str, Any]
    thresholds: OperatingThresholds


def pack_ensemble(
    path: Path,
    trained: TrainedEnsemble,
    labelled: TripletArrays,
    *,
    stamps: StampConfig,
    config: EnsembleConfig,
    text: BundleText,
    stored_px: int | None = None,
) -> Bundle:
    """Export the ensemble, check it against PyTorch, and write the bundle.

    Parameters
    ----------
    path : Path
        Bundle folder.
    trained : TrainedEnsemble
        From `skyvet.training.members.train_ensemble`.
    labelled : TripletArrays
        The rows it was trained and calibrated on.
    stamps : StampConfig
        How these rows were prepared.
    config : EnsembleConfig
        How it was trained.
    text : BundleText
        Names, provenance and card.
    stored_px : int, optional
        Side of the dataset's stamps, where the network sees a smaller part of them.

    Returns
    -------
    Bundle
        Read back from disk and tried.

    Raises
    ------
    BundleError
        If the exported graph differs from PyTorch, or `path` is something else.
    """
    metrics = held_out_metrics(
        trained.calibration.calibrator.probability(trained.held_out_logits),
        labelled.labels,
        groups=labelled.object_ids,
    )
    procedure = Procedure(
        network=config.member.network.model_dump(mode="json"),
        training=config.model_dump(mode="json"),
        thresholds=trained.calibration.thresholds(config),
    )
    return pack_networks(
        path,
        trained.build(),
        labelled,
        stamps=stamps,
        calibration=trained.calibration,
        metrics=metrics,
        procedure=procedure,
        text=text,
        stored_px=stored_px,
    )


def pack_networks(
    path: Path,
    network: EnsembleOfLogits,
    labelled: TripletArrays,
    *,
    stamps: StampConfig,
    calibration: CalibrationFit,
    metrics: dict[str, float | int | str | None],
    procedure: Procedure,
    text: BundleText,
    stored_px: int | None = None,
) -> Bundle:
    """Export networks however they were trained, check them against PyTorch, write the bundle.

    Parameters
    ----------
    path : Path
        Bundle folder.
    network : EnsembleOfLogits
        In evaluation mode, on the CPU.
    labelled : TripletArrays
        The labelled rows that it was trained and calibrated on.
    stamps : StampConfig
        How these rows were prepared.
    calibration : CalibrationFit
        Fitted on held-out logits.
    metrics : dict
        Figures on rows that no scoring network had seen.
    procedure : Procedure
        How it came to be.
    text : BundleText
        Names, provenance and card.
    stored_px : int, optional
        Side of the dataset's stamps, where the network sees a smaller part of them.

    Returns
    -------
    Bundle
        Read back from disk and tried.

    Raises
    ------
    BundleError
        If the exported graph differs from PyTorch, or `path` is something else.
    """
    check_rows = slice(0, 64)
    metadata = None if labelled.metadata is None else labelled.metadata[check_rows]
    export = export_onnx(network, labelled.stamps[check_rows].astype(np.float32), metadata)
    info = _describe(labelled, calibration, metrics, stamps=stamps, procedure=procedure, text=text)
    info = info.model_copy(update={"stored_px": stored_px})
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    write = partial(
        save_bundle,
        path,
        model=export.content,
        weights=save(weights),
        card=write_card(info, text.card),
    )
    write(info)
    bundle = load_bundle(path)
    n_metadata = len(info.metadata_names)
    references = Predictor(bundle).run(
        reference_stamps(stamps),
        np.zeros((4, n_metadata), np.float32) if n_metadata else None,
    )
    write(info.model_copy(update={"reference_logits": tuple(float(x) for x in references)}))
    bundle = load_bundle(path)
    Predictor(bundle)
    return bundle


def add_metrics(
    bundle: Bundle, metrics: Mapping[str, float | int | str | None], *, card: CardText
) -> Bundle:
    """Write further figures into a bundle and its card; the network stays as it is.

    Parameters
    ----------
    bundle : Bundle
        Rewritten in its place.
    metrics : mapping
        Figures, replacing those of the same name.
    card : CardText
        Paragraphs of the card.

    Returns
    -------
    Bundle
        Read back from disk.
    """
    info = bundle.info.model_copy(update={"metrics": {**bundle.info.metrics, **metrics}})
    model, weights = (
        (bundle.path / name).read_bytes() for name in ("model.onnx", "weights.safetensors")
    )
    save_bundle(
        bundle.path,
        info,
        model=model,
        weights=weights,
        card=write_card(info, card),
    )
    return load_bundle(bundle.path)


def _describe(
    labelled: TripletArrays,
    calibration: CalibrationFit,
    metrics: dict[str, float | int | str | None],
    *,
    stamps: StampConfig,
    procedure: Procedure,
    text: BundleText,
) -> BundleInfo:
    n_real = int(labelled.labels.sum())
    return BundleInfo(
        name=text.name,
        version=text.version,
        summary=text.summary,
        created_utc=dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        skyvet_version=__version__,
        surveys=text.surveys,
        stamps=stamps,
        network=procedure.network,
        training=procedure.training,
        metadata_names=labelled.metadata_names,
        calibrator=calibration.calibrator.to_dict(),
        calibration_prior=calibration.prior,
        conformal=calibration.conformal.to_dict(),
        thresholds=procedure.thresholds,
        metrics=metrics,
        data=DataFingerprint(
            description=text.data_description,
            licence=text.data_licence,
            n_real=n_real,
            n_bogus=len(labelled) - n_real,
            n_objects=len(np.unique(labelled.object_ids)),
            candidate_ids_sha256=hash_identifiers(labelled.candidate_ids.tolist()),
        ),
    )


def start_weights(bundle: Bundle, *, i_member: int = 0) -> dict[str, Tensor]:
    """Return the weights of one member of a bundle, to start a further training from.

    Parameters
    ----------
    bundle : Bundle
        Of the same network and input.
    i_member : int, default 0
        Which member.

    Raises
    ------
    BundleError
        If the bundle has no such member.
    """
    prefix = _MEMBER.format(i=i_member)
    weights = load_file(bundle.path / "weights.safetensors")
    member = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    if not member:
        raise BundleError(f"{bundle.path} has no member {i_member}")
    return member

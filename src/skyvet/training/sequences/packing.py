"""A trained classifier of frame sequences to a bundle on disk, with its model card."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

from skyvet import __version__
from skyvet.models.classifier_info import DataFingerprint
from skyvet.models.sequence_bundle import (
    SequenceBundle,
    SequenceBundleInfo,
    load_sequence_bundle,
    reference_sequences,
    save_sequence_bundle,
)
from skyvet.models.sequences.predictor import SequencePredictor
from skyvet.preprocessing.sequences import LabelledSequences
from skyvet.records.identifiers import hash_identifiers
from skyvet.scoring.curves import roc_auc
from skyvet.training.held_out import held_out_metrics
from skyvet.training.sequences.card import SequenceCardText, write_sequence_card
from skyvet.training.sequences.configs import SequenceTrainConfig
from skyvet.training.sequences.train import TrainedSequences

__all__ = ["SequenceBundleText", "pack_sequences"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceBundleText:
    """What the training itself cannot know.

    Parameters
    ----------
    name, summary : str
        For lists of bundles.
    surveys : tuple of str
        Surveys of the labelled objects.
    encoder : str
        Label of the encoder whose embeddings were used.
    data_description, data_licence : str
        Where the labelled objects come from, and their terms.
    version : str, default "1"
        Of the bundle.
    card : SequenceCardText
        Intended use, limits, procedure.
    """

    name: str
    summary: str
    surveys: tuple[str, ...]
    encoder: str
    data_description: str
    data_licence: str
    version: str = "1"
    card: SequenceCardText = field(default_factory=SequenceCardText)


def pack_sequences(
    path: Path,
    trained: TrainedSequences,
    labelled: LabelledSequences,
    *,
    config: SequenceTrainConfig,
    text: SequenceBundleText,
    encoder: Path | None = None,
) -> SequenceBundle:
    """Write the bundle and try what was written.

    Parameters
    ----------
    path : Path
        Bundle folder.
    trained : TrainedSequences
        From `skyvet.training.sequences.train.train_sequences`.
    labelled : LabelledSequences
        The objects it was trained and calibrated on.
    config : SequenceTrainConfig
        How it was trained.
    text : SequenceBundleText
        Names, provenance and card.
    encoder : Path, optional
        Folder of the encoder, copied into the bundle so that it scores frames.

    Returns
    -------
    SequenceBundle
        Read back from disk.

    Raises
    ------
    BundleError
        If `path` is something else, or what was written does not score as what was trained.
    DatasetError
        If the folder cannot be written.
    """
    info = _describe(trained, labelled, config=config, text=text)
    logits = trained.logits(reference_sequences(info))
    info = info.model_copy(update={"reference_logits": tuple(float(x) for x in logits)})
    save_sequence_bundle(
        path,
        info,
        members=trained.members,
        card=write_sequence_card(info, text.card),
        encoder=encoder,
    )
    bundle = load_sequence_bundle(path)
    SequencePredictor(bundle)
    return bundle


def _describe(
    trained: TrainedSequences,
    labelled: LabelledSequences,
    *,
    config: SequenceTrainConfig,
    text: SequenceBundleText,
) -> SequenceBundleInfo:
    sequences, calibration = labelled.sequences, trained.calibration
    n_real = int(labelled.labels.sum())
    metrics = held_out_metrics(
        calibration.calibrator.probability(trained.held_out_logits),
        labelled.labels,
        groups=sequences.object_ids,
    )
    metrics["held_out_auc_before_calibration"] = roc_auc(trained.held_out_logits, labelled.labels)
    return SequenceBundleInfo(
        name=text.name,
        version=text.version,
        summary=text.summary,
        created_utc=dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        skyvet_version=__version__,
        surveys=text.surveys,
        encoder=text.encoder,
        n_latent=sequences.n_latent,
        n_columns=sequences.values.shape[1],
        light_curve_names=sequences.light_curve_names,
        members=tuple(dict(member.parts().settings) for member in trained.members),
        member_weights=trained.weights,
        training=config.model_dump(mode="json"),
        calibrator=calibration.calibrator.to_dict(),
        calibration_prior=calibration.prior,
        conformal=calibration.conformal.to_dict(),
        thresholds=calibration.thresholds(config),
        metrics=metrics,
        data=DataFingerprint(
            description=text.data_description,
            licence=text.data_licence,
            n_real=n_real,
            n_bogus=len(labelled) - n_real,
            n_objects=len(labelled),
            candidate_ids_sha256=hash_identifiers(sequences.object_ids.tolist()),
        ),
    )

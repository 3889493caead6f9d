"""A trained classifier of sources to a bundle on disk, with its model card."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from skyvet import __version__
from skyvet.io.taxonomy_files import taxonomy_document
from skyvet.models.source_bundle import (
    SourceBundle,
    SourceBundleInfo,
    SourceClassInfo,
    SourceDataFingerprint,
    load_source_bundle,
    reference_features,
    save_source_bundle,
)
from skyvet.models.sources.feature_rows import feature_rows
from skyvet.models.sources.predictor import SourcePredictor
from skyvet.records.feature_table import FeatureTable
from skyvet.records.identifiers import hash_identifiers
from skyvet.records.light_curve_batch import SIMULATED_SUFFIX
from skyvet.training.sources.calibrating import with_opposites
from skyvet.training.sources.card import SourceCardText, write_source_card
from skyvet.training.sources.configs import SourceTrainConfig
from skyvet.training.sources.train import TrainedSources

__all__ = ["SourceBundleText", "pack_sources"]

_EVEN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBundleText:
    """What the training itself cannot know.

    Parameters
    ----------
    name, summary : str
        For lists of bundles.
    surveys : tuple of str
        Surveys whose sources the probabilities hold for.
    data_description, data_licence : str
        Where the labelled sources come from, and their terms.
    version : str, default "1"
        Of the bundle.
    card : SourceCardText
        Intended use, limits, procedure.
    """

    name: str
    summary: str
    surveys: tuple[str, ...]
    data_description: str
    data_licence: str
    version: str = "1"
    card: SourceCardText = field(default_factory=SourceCardText)


def pack_sources(
    path: Path, trained: TrainedSources, *, config: SourceTrainConfig, text: SourceBundleText
) -> SourceBundle:
    """Write the bundle and try what was written.

    Parameters
    ----------
    path : Path
        Bundle folder.
    trained : TrainedSources
        From `skyvet.training.sources.train.train_sources`.
    config : SourceTrainConfig
        How it was trained.
    text : SourceBundleText
        Names, provenance and card.

    Returns
    -------
    SourceBundle
        Read back from disk.

    Raises
    ------
    BundleError
        If `path` is something else, or what was written does not score as what was trained.
    DatasetError
        If the folder cannot be written.
    """
    info = _describe(trained, config=config, text=text)
    logits = trained.logits(reference_features(info))
    info = info.model_copy(update={"reference_logits": tuple(map(tuple, logits.tolist()))})
    save_source_bundle(path, info, members=trained.members, card=write_source_card(info, text.card))
    bundle = load_source_bundle(path)
    SourcePredictor(bundle)
    return bundle


def _describe(
    trained: TrainedSources, *, config: SourceTrainConfig, text: SourceBundleText
) -> SourceBundleInfo:
    labelled = trained.labelled
    table = labelled.table
    low, high = _ranges(table)
    classes = _classes(trained, config)
    return SourceBundleInfo(
        name=text.name,
        version=text.version,
        summary=text.summary,
        created_utc=dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        skyvet_version=__version__,
        surveys=text.surveys,
        taxonomy=taxonomy_document(labelled.taxonomy),
        classes=classes,
        left_out=trained.left_out,
        names=table.names,
        low=low,
        high=high,
        dmdt_names=table.dmdt_names,
        dmdt_shape=(0, 0) if table.dmdt is None else table.dmdt.shape[2:],
        members=tuple(dict(member.parts().settings) for member in trained.members),
        member_weights=trained.weights,
        training=config.model_dump(mode="json"),
        feature_settings={group: dict(found) for group, found in table.settings.items()},
        metrics=_mean_metrics(classes),
        data=SourceDataFingerprint(
            description=text.data_description,
            licence=text.data_licence,
            n_rows=len(labelled),
            n_sources=len(np.unique(table.source_ids)),
            source_ids_sha256=hash_identifiers(np.unique(table.source_ids).tolist()),
            n_simulated=_n_simulated(table),
        ),
    )


def _n_simulated(table: FeatureTable) -> int:
    surveys = np.asarray(table.columns.get("survey", ())).astype(np.str_).tolist()
    return sum(name.endswith(SIMULATED_SUFFIX) for name in surveys)


def _ranges(
    table: FeatureTable,
) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    """Return the least and largest value of each feature; None where there is none."""
    rows = feature_rows(table, table.names).astype(np.float64)
    is_there = ~np.isnan(rows)
    low = np.where(is_there, rows, np.inf).min(axis=0, initial=np.inf)
    high = np.where(is_there, rows, -np.inf).max(axis=0, initial=-np.inf)
    return (
        tuple(float(value) if np.isfinite(value) else None for value in low),
        tuple(float(value) if np.isfinite(value) else None for value in high),
    )


def _classes(trained: TrainedSources, config: SourceTrainConfig) -> tuple[SourceClassInfo, ...]:
    calibrated, labelled = trained.calibrated, trained.labelled
    votes, weights = with_opposites(
        labelled.votes, labelled.weights, tags=calibrated.tags, taxonomy=labelled.taxonomy
    )
    metrics = trained.held_out.metrics()
    target = config.threshold.target
    asked = "largest F1" if target == "f1" else f"{target} {config.threshold.value:g}"
    found = []
    for i_class, tag in enumerate(calibrated.tags):
        calibrator, point = calibrated.calibrators[i_class], calibrated.points[i_class]
        known = ~np.isnan(votes[:, i_class]) & (weights[:, i_class] > 0)
        own, weight = votes[known, i_class], weights[known, i_class]
        missed = "" if point is None or point.is_reached else " (not reached: the nearest)"
        found.append(
            SourceClassInfo(
                tag=tag,
                calibrator=None if calibrator is None else calibrator.to_dict(),
                threshold=calibrated.threshold(i_class),
                target=f"{asked}{missed}" if point is not None else "none: one half",
                prior=float(np.average(own, weights=weight)) if len(own) else 0.0,
                n_positive=int((own >= _EVEN).sum()),
                n_negative=int((own < _EVEN).sum()),
                n_not_inspected=int((~known).sum()),
                metrics=metrics[tag],
            )
        )
    return tuple(found)


def _mean_metrics(
    classes: tuple[SourceClassInfo, ...],
) -> dict[str, float | int | str | None]:
    """Return means over classes of the figures of each."""
    found: dict[str, float | int | str | None] = {"n_classes": len(classes)}
    for name in ("auc", "average_precision", "ece", "f1"):
        values = [v for one in classes if isinstance(v := one.metrics.get(name), float)]
        found[f"mean_{name}"] = float(np.mean(values)) if values else None
    errors = [v for one in classes if isinstance(v := one.metrics.get("ece"), float)]
    found["largest_ece"] = max(errors, default=None)
    return found

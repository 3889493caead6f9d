"""Grouped cross-validation of the default recipe on real labelled ZTF triplets.

``python -m benchmarks.triplets --data DIR`` trains on four fifths of the objects and tests on the
rest, five times; within each training part the recipe makes its own folds for calibration, so that
nothing that is fitted has seen a tested object. ``--bundle PATH`` measures a saved bundle instead
(on triplets that it was not trained on).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.recipe import FINE_TUNING, STAMPS, pre_train, start_state
from benchmarks.ztf_data import LabelledTriplets, load_labelled, load_taught
from skyvet.cli.progress import shown_progress
from skyvet.core.photometry import magnitude_to_flux_njy
from skyvet.core.progress import Progress
from skyvet.core.times import jd_utc_to_mjd_tai
from skyvet.models.bundle import load_bundle
from skyvet.models.predictor import Predictor
from skyvet.records.identifiers import hash_identifiers
from skyvet.scoring.curves import roc_auc
from skyvet.scoring.intervals import bootstrap_intervals
from skyvet.scoring.metrics import brier_score, completeness_at_purity
from skyvet.scoring.reliability import expected_calibration_error
from skyvet.training.members import train_ensemble
from skyvet.training.prediction import predict_logits
from skyvet.training.splits import check_no_leakage, grouped_folds

N_FOLDS = 5
_BANDS = {1: "g", 2: "r", 3: "i"}


def figures(scores: np.ndarray, triplets: LabelledTriplets, rows: np.ndarray) -> dict[str, float]:
    """Return the figures of scores on some rows, the AUC with a bootstrap interval by object."""
    kept, labels = scores[rows], triplets.labels[rows]
    intervals = bootstrap_intervals(
        {"auc": roc_auc},
        kept,
        labels,
        groups=triplets.object_ids[rows],
        n_resamples=2000,
        rng=np.random.default_rng(0),
    )
    return {
        "auc": roc_auc(kept, labels),
        "auc_low": intervals["auc"].low,
        "auc_high": intervals["auc"].high,
        "ece": expected_calibration_error(kept, labels),
        "brier": brier_score(kept, labels),
        "completeness_at_purity_95": completeness_at_purity(kept, labels, purity=0.95),
    }


def out_of_fold(
    triplets: LabelledTriplets, data: Path, n_simulated: int, progress: Progress
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return probability, logit and verdict of every row from a training without its object."""
    labelled = triplets.arrays(STAMPS)
    weak = load_taught(data, STAMPS, without=triplets.candidate_ids)
    start = start_state(pre_train(n_simulated, progress=progress) if n_simulated else None)
    folds = grouped_folds(labelled.object_ids, labelled.labels, n_folds=N_FOLDS, seed=0)
    probability, logits = np.empty(len(labelled)), np.empty(len(labelled))
    verdicts = np.empty(len(labelled), dtype=object)
    for i_fold in range(N_FOLDS):
        tested = np.flatnonzero(folds == i_fold)
        train = labelled.take(np.flatnonzero(folds != i_fold))
        helpers = None
        if weak is not None:
            apart = np.flatnonzero(~np.isin(weak.object_ids, labelled.object_ids[tested]))
            helpers = weak.take(apart)
            check_no_leakage(helpers.object_ids, labelled.object_ids[tested])
        check_no_leakage(train.object_ids, labelled.object_ids[tested])
        trained = train_ensemble(
            train, FINE_TUNING, weak=helpers, initial_state=start, progress=progress
        )
        logits[tested] = predict_logits(trained.build(), labelled.stamps[tested])
        probability[tested] = trained.calibration.calibrator.probability(logits[tested])
        sets = trained.calibration.conformal.predict_sets(probability[tested], alpha=0.05)
        verdicts[tested] = [verdict.value for verdict in sets.verdicts]
    return probability, logits, verdicts


def from_bundle(triplets: LabelledTriplets, path: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return probability, logit and verdict of every row from a saved bundle."""
    bundle = load_bundle(path)
    if bundle.info.data.candidate_ids_sha256 == hash_identifiers(triplets.candidate_ids.tolist()):
        print("warning: the bundle was trained on these very triplets; the figures are not fair")
    predictor = Predictor(bundle)
    logits = predictor.logits(triplets.pixels)
    result = predictor.assess(logits, ["ztf"] * len(logits))
    return result.score, logits, np.array([verdict.value for verdict in result.verdict])


def score_table(
    triplets: LabelledTriplets, scored: tuple[np.ndarray, np.ndarray, np.ndarray], bundle: str
) -> pa.Table:
    """Return the scores as ``skyvet score`` would write them, for ``skyvet evaluate``."""
    probability, logits, verdicts = scored
    columns, n = triplets.columns, len(probability)
    magnitude = columns["magpsf"].astype(float)
    sign = np.where(np.isin(columns["isdiffpos"], ("t", "1")), 1.0, -1.0)
    return pa.table(
        {
            "survey": ["ztf"] * n,
            "candidate_id": triplets.candidate_ids,
            "object_id": triplets.object_ids,
            "mjd_tai": [jd_utc_to_mjd_tai(jd, exposure_s=30.0) for jd in columns["jd"]],
            "band": [_BANDS[fid] for fid in columns["fid"]],
            "snr": (1.0857 / columns["sigmapsf"].astype(float)).astype(np.float32),
            "flux_njy": sign * magnitude_to_flux_njy(magnitude),
            "magnitude": magnitude.astype(np.float32),
            "edge_distance_px": np.full(n, np.nan, np.float32),
            "flags": np.isnan(triplets.pixels).any(axis=(1, 2, 3)).astype(np.int32) * 2,
            "valid_fraction": (~np.isnan(triplets.pixels)).mean(axis=(1, 2, 3)).astype(np.float32),
            "score": probability.astype(np.float32),
            "logit": logits.astype(np.float32),
            "verdict": verdicts.astype(str),
            "is_calibrated": np.ones(n, dtype=bool),
            "survey_score": columns["drb"].astype(np.float32),
            "survey_score_version": np.where(np.isfinite(columns["drb"]), "drb", ""),
            "bundle": [bundle] * n,
            "source": ["ztf_triplets"] * n,
        }
    )


def show_slices(triplets: LabelledTriplets, probability: np.ndarray) -> None:
    """Print the AUC of each kind of REAL against all BOGUS, and the reverse."""
    labels = triplets.labels
    for column, side in (("label_source", 1), ("vet_subclass", 0)):
        if column not in triplets.columns:
            continue
        values = triplets.columns[column].astype(str)
        for value in np.unique(values[labels == side]):
            rows = (labels != side) | (values == value)
            n = int(((labels == side) & (values == value)).sum())
            auc = roc_auc(probability[rows], labels[rows])
            print(f"  {column} {value:28s} n={n:4d}  auc={auc:.3f}")


def main() -> None:
    """Run the benchmark; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with ztf_triplets")
    parser.add_argument("--bundle", help="measure this bundle instead of cross-validating")
    parser.add_argument("--n-simulated", type=int, default=12_000, help="triplets to pre-train on")
    parser.add_argument("--out", type=Path, help="write the scores as a Parquet table")
    arguments = parser.parse_args()
    started = time.monotonic()
    triplets = load_labelled(arguments.data)
    if arguments.bundle:
        scored = from_bundle(triplets, arguments.bundle)
    else:
        with shown_progress() as progress:
            scored = out_of_fold(triplets, arguments.data, arguments.n_simulated, progress)
    if arguments.out:
        pq.write_table(score_table(triplets, scored, arguments.bundle or "recipe"), arguments.out)
    every = np.arange(len(triplets.labels))
    with_drb = np.flatnonzero(np.isfinite(triplets.columns["drb"]))
    result = figures(scored[0], triplets, every)
    on_drb = _figures_or_none(scored[0], triplets, with_drb)
    print(f"{len(every)} triplets, {time.monotonic() - started:.0f} s")
    show_slices(triplets, scored[0])
    print(f"on the {len(with_drb)} that carry drb: {json.dumps(on_drb)}")
    with_rb = np.flatnonzero(np.isfinite(triplets.columns["rb"]))
    document: dict[str, object] = dict(result)
    document["rb"] = _figures_or_none(triplets.columns["rb"], triplets, with_rb)
    document["drb"] = _figures_or_none(triplets.columns["drb"], triplets, with_drb)
    print(json.dumps(document))


def _figures_or_none(
    scores: np.ndarray, triplets: LabelledTriplets, rows: np.ndarray
) -> dict[str, float] | None:
    """Return figures, or None where the rows do not hold both classes."""
    if len(np.unique(triplets.labels[rows])) < 2:
        return None
    return figures(scores, triplets, rows)


if __name__ == "__main__":
    main()

"""Classes of sources from light curves (EROS) and from a plain table (DES autoscan).

``python -m benchmarks.source_classification --data DIR`` reads ``eros_variables``
(``stars.parquet``, ``lightcurves.parquet``) and ``des_autoscan`` (``features.parquet``) in DIR, or
other files of the same names and columns. Features of light curves are computed with skyvet's own
code; catalogue period, quality and class are never among them. Everything that is fitted or chosen
(number of trees, calibrators, thresholds) comes from inner folds of the training part of each outer
fold. The last line is JSON with ``eros_macro_f1``, ``des_auc`` and ``class_ece``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from skyvet.core.errors import InvalidInputError
from skyvet.features.light_curves.compute import compute_features
from skyvet.features.light_curves.configs import FeatureConfig
from skyvet.io.feature_tables import read_feature_table, write_feature_table
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.opening import open_light_curves
from skyvet.preprocessing.sources import LabelledSources, label_sources
from skyvet.records.feature_table import FeatureTable
from skyvet.records.light_curve_batch import LightCurveBatch, join_light_curve_batches
from skyvet.records.source_labels import labels_of_classes
from skyvet.records.source_taxonomy import SourceTaxonomy, TaxonomyNode
from skyvet.scoring.curves import average_precision, roc_auc
from skyvet.scoring.metrics import confusion_counts
from skyvet.scoring.reliability import expected_calibration_error
from skyvet.training.sources.configs import BoostedConfig, SourceTrainConfig
from skyvet.training.sources.train import OutOfFoldSources, cross_validate_sources

__all__ = ["exclusive_classes", "macro_f1", "read_des", "read_eros"]

N_FOLDS = 5
_CHUNK = 200
_FILL = 99.0
_EROS_NAMES = {
    "rr_lyrae": "RR Lyrae",
    "cepheid": "Cepheid",
    "eclipsing_binary": "eclipsing binary",
    "mira_lpv": "long-period variable",
}
_NOT_FEATURES = ("id", "label", "is_real")

EROS_TRAINING = SourceTrainConfig(
    learners=(
        BoostedConfig(
            max_rounds=500, max_depth=4, learning_rate=0.08, column_fraction=0.25, n_bags=2,
            row_fraction=0.7, max_bins=64, n_workers=2,
        ),
    ),
)  # fmt: skip
DES_TRAINING = SourceTrainConfig(
    learners=(
        BoostedConfig(
            max_rounds=1200, max_depth=5, learning_rate=0.04, column_fraction=0.3, n_bags=2,
            row_fraction=0.7, min_child_weight=2.0, l2=2.0, max_bins=256, n_workers=2,
        ),
    ),
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run both parts and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--seeds", type=int, default=2, help="splits into folds (default 2)")
    parser.add_argument("--workers", type=int, default=2, help="processes for the features")
    parser.add_argument("--features", type=Path, help="keep the EROS features here, or take them")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    eros, classes = read_eros(
        options.data, n_workers=options.workers, kept_features=options.features
    )
    print(
        f"EROS: {len(eros)} stars, {len(eros.table.names)} features, "
        f"{time.perf_counter() - started:.0f} s",
        flush=True,
    )
    des = read_des(options.data)
    seeds = range(options.seeds)
    eros_found = [_cross_validated(eros, EROS_TRAINING, seed=seed) for seed in seeds]
    figures = _show_eros(eros_found, classes)
    des_found = [_cross_validated(des, DES_TRAINING, seed=seed) for seed in seeds]
    figures |= _show_des(des_found)
    figures["class_ece"] = max(
        _mean_ece(found, tag) for found in (eros_found, des_found) for tag in found[0].tags
    )
    print(f"\nclass_ece is the worst of all classes; {time.perf_counter() - started:.0f} s in all")
    keys = ("eros_macro_f1", "des_auc", "class_ece")
    print(json.dumps({key: round(figures[key], 4) for key in keys}))


def _folder(data: Path, name: str, needed: str) -> Path:
    for folder in (data / name, data):
        if (folder / needed).is_file():
            return folder
    raise InvalidInputError(f"there is no {needed} in {data / name} or {data}")


def read_eros(
    data: Path, *, n_workers: int = 1, kept_features: Path | None = None
) -> tuple[LabelledSources, np.ndarray]:
    """Return features and labels of the EROS stars, and the class of each row.

    Parameters
    ----------
    data : Path
        Folder of the data sets, or of the two files.
    n_workers : int, default 1
        Processes that compute features.
    kept_features : Path, optional
        Parquet file of features: taken where it is there, else written.
    """
    folder = _folder(data, "eros_variables", "stars.parquet")
    if kept_features is not None and kept_features.is_file():
        table = read_feature_table(kept_features)
    else:
        table = _features_of(folder / "lightcurves.parquet", n_workers)
        if kept_features is not None:
            write_feature_table(kept_features, table)
    stars = pq.read_table(folder / "stars.parquet", columns=["star_id", "class"]).to_pydict()
    tree = SourceTaxonomy(
        name="EROS variables",
        nodes=tuple(
            TaxonomyNode(tag=tag, name=_EROS_NAMES.get(tag, tag))
            for tag in sorted(set(stars["class"]))
        ),
    )
    labels, _ = labels_of_classes(np.array(stars["star_id"]), stars["class"], tree)
    labelled, _ = label_sources(table, labels, tree)
    class_of = dict(zip(stars["star_id"], stars["class"], strict=True))
    return labelled, np.array([class_of[str(one)] for one in labelled.table.source_ids])


def _features_of(path: Path, n_workers: int) -> FeatureTable:
    source = open_light_curves([path], LightCurveInputConfig(preset="eros"))
    batch = join_light_curve_batches([source.read(part)[0] for part in source.partitions])
    starts = range(0, len(batch), _CHUNK)
    chunks = [batch.take(np.arange(s, min(s + _CHUNK, len(batch)))) for s in starts]
    _features_of_batch(chunks[0].take(np.arange(2)))  # compiles once, before workers race for it
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=n_workers, mp_context=context) as pool:
        parts = list(pool.map(_features_of_batch, chunks))
    return FeatureTable(
        source_ids=np.concatenate([part.source_ids for part in parts]),
        names=parts[0].names,
        values=np.concatenate([part.values for part in parts]),
    )


def _features_of_batch(batch: LightCurveBatch) -> FeatureTable:
    return compute_features(batch, FeatureConfig(bands=("b", "r"), has_dmdt=False))


def read_des(data: Path) -> LabelledSources:
    """Return the DES autoscan table as sources of one class, `real`."""
    folder = _folder(data, "des_autoscan", "features.parquet")
    table = pq.read_table(folder / "features.parquet")
    names = [name for name in table.column_names if name not in _NOT_FEATURES]
    values = np.stack([table[name].to_numpy().astype(np.float64) for name in names], axis=1)
    i_reference = names.index("MAG_REF")
    values[values[:, i_reference] == _FILL, i_reference] = np.nan
    features = FeatureTable(source_ids=table["id"].to_numpy(), names=tuple(names), values=values)
    tree = SourceTaxonomy(name="real or bogus", nodes=(TaxonomyNode(tag="real", name="real"),))
    is_real = table["is_real"].to_numpy(zero_copy_only=False).astype(np.float64)
    groups = np.arange(len(features))
    return LabelledSources(
        table=features,
        taxonomy=tree,
        tags=("real",),
        votes=is_real[:, None],
        weights=np.ones((len(features), 1)),
        groups=groups,
    )


def _cross_validated(
    labelled: LabelledSources, config: SourceTrainConfig, *, seed: int
) -> OutOfFoldSources:
    own = config.model_copy(update={"seed": 10_000 * seed})
    return cross_validate_sources(labelled, own, n_folds=N_FOLDS, seed=seed)


def exclusive_classes(found: OutOfFoldSources) -> np.ndarray:
    """Return the likeliest class of each row, for classes that exclude each other."""
    return np.array(found.tags)[np.argmax(found.probabilities, axis=1)]


def macro_f1(predicted: np.ndarray, true: np.ndarray) -> float:
    """Return the mean over classes of F1; each class counts the same.

    Examples
    --------
    >>> macro_f1(np.array(["a", "a", "b"]), np.array(["a", "b", "b"]))
    0.6666666666666666
    """
    scores = [
        confusion_counts(predicted == one, (true == one).astype(int), threshold=0.5).f1
        for one in np.unique(true)
    ]
    return float(np.mean(scores))


def _by_fold(found: OutOfFoldSources) -> list[np.ndarray]:
    return [np.flatnonzero(found.folds == i) for i in np.unique(found.folds)]


def _mean_ece(runs: Sequence[OutOfFoldSources], tag: str) -> float:
    """Return the calibration error of a class over all out-of-fold scores, mean over splits."""
    i_tag = runs[0].tags.index(tag)
    errors = [
        expected_calibration_error(run.probabilities[:, i_tag], run.votes[:, i_tag] >= 0.5)
        for run in runs
    ]
    return float(np.mean(errors))


def _show_eros(runs: Sequence[OutOfFoldSources], classes: np.ndarray) -> dict[str, float]:
    folds = [
        macro_f1(exclusive_classes(run)[rows], classes[rows])
        for run in runs
        for rows in _by_fold(run)
    ]
    print("\nEROS, four classes: likeliest class of each star; probabilities of each class")
    print(f"{'class':18} {'stars':>6} {'precision':>10} {'recall':>7} {'F1':>6} {'AUC':>7} "
          f"{'AP':>6} {'ECE':>6}")  # fmt: skip
    for i_tag, tag in enumerate(runs[0].tags):
        is_tag = (classes == tag).astype(int)
        counts = [
            confusion_counts(exclusive_classes(run) == tag, is_tag, threshold=0.5) for run in runs
        ]
        areas = [
            (f(run.probabilities[:, i_tag], is_tag)) for f in (roc_auc, average_precision)
            for run in runs
        ]  # fmt: skip
        print(
            f"{tag:18} {is_tag.sum():6d} {np.mean([c.purity for c in counts]):10.3f} "
            f"{np.mean([c.completeness for c in counts]):7.3f} "
            f"{np.mean([c.f1 for c in counts]):6.3f} {np.mean(areas[: len(runs)]):7.4f} "
            f"{np.mean(areas[len(runs) :]):6.3f} {_mean_ece(runs, tag):6.4f}"
        )
    print(f"macro F1 {np.mean(folds):.4f} +- {np.std(folds):.4f} over {len(folds)} test folds of "
          f"{len(runs)} splits")  # fmt: skip
    _show_confusions(runs, classes)
    return {"eros_macro_f1": float(np.mean(folds))}


def _show_confusions(runs: Sequence[OutOfFoldSources], classes: np.ndarray) -> None:
    tags = runs[0].tags
    print(f"\n{'stars (mean over splits)':26}" + "".join(f"{tag[:14]:>16}" for tag in tags))
    for true in tags:
        row = [
            np.mean([(exclusive_classes(run)[classes == true] == tag).sum() for run in runs])
            for tag in tags
        ]
        print(f"{true:26}" + "".join(f"{n:16.1f}" for n in row))


def _show_des(runs: Sequence[OutOfFoldSources]) -> dict[str, float]:
    areas = [
        roc_auc(run.probabilities[rows, 0], (run.votes[rows, 0] >= 0.5).astype(int))
        for run in runs
        for rows in _by_fold(run)
    ]
    print(f"\nDES autoscan, real or bogus: {len(runs[0].folds)} rows; AUC {np.mean(areas):.4f} +- "
          f"{np.std(areas):.4f} over {len(areas)} test folds; ECE {_mean_ece(runs, 'real'):.4f}",
          flush=True)  # fmt: skip
    return {"des_auc": float(np.mean(areas))}


if __name__ == "__main__":
    main()

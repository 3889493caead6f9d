"""The arithmetic on real labels: figures that the data's own README states."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from skyvet.scoring.calibration import CalibrationMethod, select_calibrator
from skyvet.scoring.curves import roc_auc
from skyvet.scoring.intervals import bootstrap_interval


@pytest.fixture(scope="module")
def labelled(shared_data):
    names = ["rb", "drb", "label", "label_source", "objectId"]
    table = pq.read_table(shared_data / "ztf_triplets" / "labels.parquet", columns=names)
    columns = {name: table[name].to_numpy() for name in names}
    return columns | {"is_real": (columns["label"] == "real").astype(int)}


@pytest.mark.parametrize(
    ("column", "real_from", "n", "auc"),
    [
        ("rb", "any", 519, 0.857),
        ("drb", "any", 364, 0.961),
        ("rb", "ephemeris", 311, 0.848),
        ("drb", "ephemeris", 173, 0.989),
    ],
)
def test_auc_of_the_surveys_own_scores_is_that_of_the_readme(labelled, column, real_from, n, auc):
    scores, labels = labelled[column], labelled["is_real"]
    keep = np.isfinite(scores)
    if real_from != "any":
        keep &= (labels == 0) | (labelled["label_source"] == real_from)
    assert keep.sum() == n
    assert round(roc_auc(scores[keep], labels[keep]), 3) == auc


def test_intervals_by_object_hold_the_estimate_on_real_labels(labelled):
    scores, labels = labelled["rb"], labelled["is_real"]
    interval = bootstrap_interval(
        roc_auc,
        scores,
        labels,
        groups=labelled["objectId"].astype(str),
        rng=np.random.default_rng(0),
        n_resamples=300,
    )
    assert roc_auc(scores, labels) in interval
    assert 0.03 < interval.high - interval.low < 0.15  # 72 BOGUS


def test_calibrating_real_scores_beats_leaving_them(labelled):
    rb = np.clip(labelled["rb"], 1e-6, 1 - 1e-6)
    choice = select_calibrator(
        np.log(rb / (1 - rb)),
        labelled["is_real"],
        groups=labelled["objectId"].astype(str),
        rng=np.random.default_rng(0),
    )
    assert choice.method is not CalibrationMethod.IDENTITY
    assert choice.log_losses[choice.method] < choice.log_losses[CalibrationMethod.IDENTITY]

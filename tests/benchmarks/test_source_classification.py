"""The benchmark of classes: macro F1 as others compute it, and no catalogue value a feature."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.source_classification import macro_f1, read_des, read_eros

from skyvet.io.feature_tables import write_feature_table
from skyvet.records.feature_table import FeatureTable

metrics = pytest.importorskip("sklearn.metrics")


def test_macro_f1_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    true, called = rng.choice(list("abcd"), 200), rng.choice(list("abcd"), 200)
    expected = metrics.f1_score(true, called, average="macro")
    assert macro_f1(called, true) == pytest.approx(expected)


def test_identifiers_and_labels_of_des_are_no_features(shared_data):
    labelled = read_des(shared_data)
    assert len(labelled.table.names) == 38
    assert not {"id", "label", "is_real"} & set(labelled.table.names)
    assert np.nanmax(labelled.table.column("MAG_REF")) < 99.0


def test_eros_takes_only_classes_from_the_catalogue(shared_data, tmp_path):
    ids = np.array(["135_9613", "271_4304"])
    table = FeatureTable(source_ids=ids, names=("iqr_b",), values=np.ones((2, 1)))
    write_feature_table(tmp_path / "kept.parquet", table)
    labelled, classes = read_eros(shared_data, kept_features=tmp_path / "kept.parquet")
    assert labelled.table.names == ("iqr_b",)
    assert classes.tolist() == ["rr_lyrae", "mira_lpv"]
    assert labelled.votes.sum(axis=1).tolist() == [1.0, 1.0]

"""Scores of feature tables with a bundle."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from tests.source_makers import make_labelled_sources, make_source_bundle

from skyvet.core.errors import InvalidInputError
from skyvet.inference.source_scores import iter_source_scores, score_feature_table
from skyvet.models.source_bundle import load_source_bundle
from skyvet.models.sources.predictor import SourcePredictor


@pytest.fixture(scope="module")
def bundle(source_bundle_path):
    return load_source_bundle(source_bundle_path)


@pytest.fixture(scope="module")
def table():
    return make_labelled_sources(120, seed=4).table


def test_chunks_change_nothing(bundle, table):
    whole = score_feature_table(table, bundle)
    parts = score_feature_table(table, bundle, rows_at_once=7)
    np.testing.assert_array_equal(parts.source_ids, table.source_ids)
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, atol=1e-6)
    several = list(iter_source_scores([table.take(np.arange(50)), table], bundle))
    np.testing.assert_allclose(several[1].probabilities, whole.probabilities, atol=1e-6)


def test_no_source_gives_no_score(bundle, table):
    scores = score_feature_table(table.take(np.arange(0)), bundle)
    assert len(scores) == 0
    assert scores.tags == bundle.info.tags


def test_verdicts_are_those_of_the_thresholds_down_the_tree(bundle, table):
    scores = score_feature_table(table, bundle)
    thresholds = dict(zip(scores.tags, (one.threshold for one in bundle.info.classes), strict=True))
    for tag in scores.tags:
        wanted = scores.column(tag) >= thresholds[tag]
        for above in bundle.taxonomy.ancestors(tag):
            wanted &= scores.column(above) >= thresholds[above]
        np.testing.assert_array_equal(scores.is_positive[:, scores.tags.index(tag)], wanted)


@pytest.mark.parametrize(("survey", "expected"), [("", True), ("ztf", True), ("lsst", False)])
def test_only_surveys_of_the_bundle_are_calibrated(bundle, table, survey, expected):
    scores = score_feature_table(table, bundle, survey=survey)
    assert (scores.is_calibrated == expected).all()


def test_a_table_that_does_not_say_its_survey_is_not_calibrated(bundle, table):
    bare = dataclasses.replace(table, columns={})
    assert not score_feature_table(bare, bundle).is_calibrated.any()


def test_what_is_missing_or_far_out_is_counted(bundle, table):
    values = np.array(table.values)
    values[0] = np.nan
    values[1] = [1e6, -1e6, 0.0, 0.0]
    scores = score_feature_table(dataclasses.replace(table, values=values), bundle)
    assert (scores.n_missing[0], scores.n_outside[0]) == (4, 0)
    assert (scores.n_missing[1], scores.n_outside[1]) == (0, 2)


def _check_that_no_feature_is_no_verdict(bundle, table):
    values = np.array(table.values)
    values[0], values[1, 1:] = np.nan, np.nan
    scores = score_feature_table(dataclasses.replace(table, values=values), bundle)
    assert scores.is_calibrated.tolist() == [False] + [True] * (len(table) - 1)
    assert not scores.is_positive[0].any()
    assert scores.is_positive[2:].any()
    assert scores.n_missing[0] == len(bundle.info.names)


def _calling_all(bundle):
    """The bundle with thresholds that every probability reaches."""
    classes = tuple(one.model_copy(update={"threshold": 0.0}) for one in bundle.info.classes)
    return dataclasses.replace(bundle, info=bundle.info.model_copy(update={"classes": classes}))


def test_trees_call_no_class_of_a_source_without_features(bundle, table):
    _check_that_no_feature_is_no_verdict(_calling_all(bundle), table)


def test_networks_call_no_class_of_a_source_without_features(table, tmp_path):
    pytest.importorskip("torch")
    from skyvet.training.sources.network_configs import HierarchicalNetworkConfig

    learner = HierarchicalNetworkConfig(n_epochs=1, hardware={"accelerator": "cpu", "n_threads": 1})
    bundle = load_source_bundle(make_source_bundle(tmp_path / "bundle", learner=learner))
    _check_that_no_feature_is_no_verdict(_calling_all(bundle), table)


def test_columns_are_carried_along(bundle, table):
    scores = score_feature_table(table, bundle, kept_columns=("ra_deg",))
    assert list(scores.columns) == ["ra_deg"]
    np.testing.assert_array_equal(scores.columns["ra_deg"], table.columns["ra_deg"])


def test_a_table_without_a_feature_is_refused(bundle, table):
    with pytest.raises(InvalidInputError, match="are not in the table: period"):
        score_feature_table(table.select(("colour", "amplitude", "noise")), bundle)


def test_rows_at_once_must_be_some(bundle, table):
    with pytest.raises(InvalidInputError, match="rows_at_once"):
        score_feature_table(table, bundle, rows_at_once=0)


def test_a_predictor_serves_many_tables(bundle, table):
    predictor = SourcePredictor(bundle)
    one, other = (score_feature_table(table, which) for which in (predictor, bundle))
    np.testing.assert_array_equal(one.probabilities, other.probabilities)


def test_scoring_needs_none_of_the_packages_of_training(source_bundle_path):
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('xgboost', 'sklearn', 'torch', 'onnx', 'yaml'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from pathlib import Path\n"
        "from skyvet.models.source_bundle import load_source_bundle, reference_features\n"
        "from skyvet.inference.source_scores import score_feature_table\n"
        f"bundle = load_source_bundle(Path({str(source_bundle_path)!r}))\n"
        "print(len(score_feature_table(reference_features(bundle.info), bundle)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.strip() == "8", done.stderr

"""Training of a classifier of sources: what is learned, what is calibrated, what never leaks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.source_makers import make_labelled_sources

import skyvet.training.sources.train as training
from skyvet.core.errors import InvalidInputError, LeakageError
from skyvet.models.source_bundle import load_source_bundle
from skyvet.models.sources.predictor import SourcePredictor
from skyvet.records.feature_table import FeatureTable
from skyvet.scoring.curves import roc_auc
from skyvet.scoring.reliability import expected_calibration_error
from skyvet.training.sources.configs import (
    BoostedConfig,
    NotInspected,
    SourceThresholdConfig,
    SourceTrainConfig,
)
from skyvet.training.sources.learnable import choose_classes
from skyvet.training.sources.packing import SourceBundleText, pack_sources
from skyvet.training.sources.train import (
    cross_validate_sources,
    train_sources,
)

pytest.importorskip("xgboost")
SMALL = BoostedConfig(max_rounds=30, max_depth=3, patience=10)
CONFIG = SourceTrainConfig(learners=(SMALL,))
TEXT = SourceBundleText(
    name="t", summary="s", surveys=("ztf",), data_description="d", data_licence="none"
)


@pytest.fixture(scope="module")
def labelled():
    return make_labelled_sources(1200)


@pytest.fixture(scope="module")
def trained(labelled):
    return train_sources(labelled, CONFIG)


@pytest.fixture(scope="module")
def others():
    return make_labelled_sources(1500, seed=5)


def _votes(sources, tag):
    votes = sources.votes[:, sources.column(tag)]
    rows = np.flatnonzero(~np.isnan(votes))
    return rows, votes[rows].astype(int)


def test_classes_of_other_sources_are_told_apart_and_calibrated(trained, others):
    found = trained.probabilities(others.table)
    for i_class, tag in enumerate(trained.calibrated.tags):
        rows, truth = _votes(others, tag)
        assert roc_auc(found[rows, i_class], truth) > 0.93, tag
        assert expected_calibration_error(found[rows, i_class], truth) < 0.05, tag


def test_probabilities_respect_the_tree_after_calibration(trained, others):
    tags = trained.calibrated.tags
    found = dict(zip(tags, trained.probabilities(others.table).T, strict=True))
    assert (found["rr"] <= found["puls"]).all()
    assert (found["puls"] <= found["vnv"]).all()
    assert (found["agn"] <= found["vnv"]).all()
    np.testing.assert_array_equal(found["nonvar"], 1.0 - found["vnv"])


def test_opposites_are_derived_and_not_trained(trained):
    assert "nonvar" not in trained.labelled.tags
    assert trained.calibrated.calibrators[trained.calibrated.tags.index("nonvar")] is None


def test_figures_of_the_bundle_hold_for_other_sources(trained, others):
    """They come from folds that members, calibrators and thresholds had not seen."""
    stated = trained.held_out.metrics()
    found = trained.probabilities(others.table)
    for i_class, tag in enumerate(trained.calibrated.tags):
        rows, truth = _votes(others, tag)
        assert stated[tag]["auc"] == pytest.approx(roc_auc(found[rows, i_class], truth), abs=0.03)
        assert stated[tag]["auc"] < 1.0


def test_a_training_is_repeated_by_its_seed_whatever_the_number_of_workers(labelled):
    few = labelled.take(np.arange(300))
    one, other = (
        train_sources(
            few,
            CONFIG.model_copy(update={"learners": (SMALL.model_copy(update={"n_workers": n}),)}),
        )
        for n in (1, 3)
    )
    np.testing.assert_array_equal(one.held_out_logits, other.held_out_logits)
    np.testing.assert_array_equal(one.logits(few.table), other.logits(few.table))


def test_every_split_keeps_groups_whole(labelled, monkeypatch):
    """The published split is by row: a star stands in training, validation and test."""
    calls = []

    def fit(rows, config, *, validation, seed, start=None, progress=None):
        assert start is None
        assert not set(rows.groups.tolist()) & set(validation.groups.tolist())
        calls.append((set(rows.groups.tolist()), set(validation.groups.tolist())))
        return real(rows, config, validation=validation, seed=seed)

    real = training.fit_source_member
    monkeypatch.setattr(training, "fit_source_member", fit)
    paired = dataclasses.replace(labelled, groups=np.arange(len(labelled)) // 3)
    trained = train_sources(paired, CONFIG)
    for i_fold, (fitted, stopped) in enumerate(calls[:-1]):
        scored = set(paired.groups[trained.held_out.folds == i_fold].tolist())
        assert not scored & (fitted | stopped)
        assert scored | fitted | stopped == set(paired.groups.tolist())
    assert len(calls) == CONFIG.n_inner_folds + 1


def test_a_split_that_parts_a_star_is_refused(labelled, monkeypatch):
    monkeypatch.setattr(
        training,
        "grouped_folds",
        lambda groups, *_, n_folds, **__: np.arange(len(groups)) % n_folds,
    )
    torn = dataclasses.replace(labelled, groups=np.arange(len(labelled)) // 2)
    with pytest.raises(LeakageError, match="both sides"):
        train_sources(torn, CONFIG)


def test_scores_do_not_depend_on_the_rows_scored_with(trained, others):
    """Self-imputation made a score depend on its neighbours (spec section 9, g)."""
    whole = trained.probabilities(others.table)
    few = trained.probabilities(others.table.take(np.arange(7, 19)))
    np.testing.assert_allclose(few, whole[7:19], atol=1e-6)


def test_scaling_of_a_feature_cannot_differ_between_training_and_scoring(labelled, tmp_path):
    """Min-max statistics differed between training and inference (spec section 9, h)."""
    bundle = pack_sources(tmp_path / "b", train_sources(labelled, CONFIG), config=CONFIG, text=TEXT)
    predictor = SourcePredictor(load_source_bundle(bundle.path))
    table = labelled.table
    heavy = np.array(table.values)
    heavy[0] = [1e9, -1e9, 1e9, np.nan]  # one wild source must not move the others
    wild = dataclasses.replace(table, values=heavy)
    np.testing.assert_array_equal(
        predictor.probabilities(wild)[1:], predictor.probabilities(table)[1:]
    )


def test_sources_with_missing_features_are_neither_dropped_nor_filled(labelled):
    """Columns without imputation dropped sources, and ids and scores disagreed (9 g and l)."""
    values = np.array(labelled.table.values)
    values[:, 0] = np.nan  # nobody has it
    values[3] = np.nan  # one has nothing
    bare = dataclasses.replace(labelled, table=dataclasses.replace(labelled.table, values=values))
    trained = train_sources(bare, CONFIG)
    assert len(trained.held_out_logits) == len(labelled)
    found = trained.probabilities(bare.table)
    assert found.shape[0] == len(labelled)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("changes", "key", "value"),
    [
        ({"max_depth": 7}, "max_depth", "7"),
        ({"row_fraction": 1.0}, "subsample", "1"),
        ({"column_fraction": 0.6, "row_fraction": 0.9}, "colsample_bytree", "0.6"),
        ({"learning_rate": 0.05}, "eta", "0.05"),
    ],
)
def test_every_setting_reaches_xgboost(changes, key, value):
    """Bounds were dropped, one key read for another, eta never (spec section 9, i)."""
    import json

    import xgboost

    from skyvet.training.sources.boosted import _settings

    settings = _settings(SMALL.model_copy(update=changes), seed=11)
    matrix = xgboost.DMatrix(np.zeros((4, 1)), label=[0, 1, 0, 1])
    booster = xgboost.train(settings, matrix, num_boost_round=1)
    config = json.loads(booster.save_config())["learner"]
    trees = config["gradient_booster"]["tree_train_param"]
    assert float(trees[key]) == pytest.approx(float(value))
    assert config["generic_param"]["seed"] == "11"


def test_rare_classes_are_left_out_with_their_count(labelled):
    config = CONFIG.model_copy(update={"min_positives": 250})
    tags, left_out = choose_classes(labelled, config)
    assert "vnv" in tags
    assert left_out["agn"].endswith("250 are needed")
    n_agn = int((labelled.votes[:, labelled.column("agn")] >= 0.5).sum())
    assert left_out["agn"].startswith(f"{n_agn} sources")
    assert set(train_sources(labelled, config).calibrated.tags) == {*tags, "nonvar"}


def test_a_class_without_a_no_is_left_out_unless_the_absent_may_be_one(labelled):
    votes = np.array(labelled.votes)
    i_rr = labelled.column("rr")
    votes[votes[:, i_rr] < 0.5, i_rr] = np.nan
    only_yes = dataclasses.replace(labelled, votes=votes)
    tags, left_out = choose_classes(only_yes, CONFIG)
    assert "rr" not in tags
    assert "positive_unlabelled" in left_out["rr"]
    for rule in (NotInspected.NEGATIVE, NotInspected.POSITIVE_UNLABELLED):
        assert (
            "rr" in choose_classes(only_yes, CONFIG.model_copy(update={"not_inspected": rule}))[0]
        )


def test_no_class_at_all_is_an_error(labelled):
    with pytest.raises(InvalidInputError, match="no class can be trained"):
        train_sources(labelled, CONFIG.model_copy(update={"min_positives": 5000}))


def test_the_rules_for_the_absent_train_and_stay_calibrated(labelled, others):
    """Half of the kinds are unknown: what is ignored does not push the probability down."""
    votes = np.array(labelled.votes)
    i_rr = labelled.column("rr")
    gone = np.random.default_rng(0).uniform(size=len(votes)) < 0.5
    votes[gone, i_rr] = np.nan
    half = dataclasses.replace(labelled, votes=votes)
    rows, truth = _votes(others, "rr")
    mean = {}
    for rule in NotInspected:
        config = CONFIG.model_copy(update={"not_inspected": rule})
        trained = train_sources(half, config)
        column = trained.probabilities(others.table)[rows, trained.calibrated.tags.index("rr")]
        assert roc_auc(column, truth) > 0.9
        mean[rule] = column.mean()
    assert mean[NotInspected.IGNORE] == pytest.approx(truth.mean(), abs=0.05)
    assert mean[NotInspected.NEGATIVE] < 0.75 * truth.mean()


def test_uncertain_votes_are_kept_and_not_cut(labelled, trained):
    """Votes of one quarter and one half were negatives (spec section 9, Method)."""
    votes = np.array(labelled.votes)
    i_agn = labelled.column("agn")
    is_agn = votes[:, i_agn] == 1.0
    votes[is_agn, i_agn] = 0.6
    unsure = train_sources(dataclasses.replace(labelled, votes=votes), CONFIG)
    of_agn = [
        fitted.probabilities(labelled.table)[is_agn, fitted.calibrated.tags.index("agn")].mean()
        for fitted in (unsure, trained)
    ]
    assert of_agn[0] / of_agn[1] == pytest.approx(0.6, abs=0.08)


def test_thresholds_meet_what_is_asked_of_them(labelled):
    wanted = SourceThresholdConfig(target="completeness", value=0.95)
    found = train_sources(labelled, CONFIG.model_copy(update={"threshold": wanted}))
    rows, truth = _votes(labelled, "agn")
    i_agn = found.calibrated.tags.index("agn")
    probability = found.calibrated.probabilities(found.held_out_logits, labelled.taxonomy)
    is_called = probability[rows, i_agn] >= found.calibrated.threshold(i_agn)
    assert is_called[truth == 1].mean() >= 0.95


def test_features_can_be_named(labelled):
    config = CONFIG.model_copy(update={"features": ("period", "amplitude")})
    trained = train_sources(labelled, config)
    assert trained.labelled.table.names == ("period", "amplitude")
    with pytest.raises(InvalidInputError, match="no feature redness"):
        train_sources(labelled, CONFIG.model_copy(update={"features": ("redness",)}))


def test_members_are_averaged(labelled):
    few = labelled.take(np.arange(400))
    pair = (SMALL, SMALL.model_copy(update={"structure": "independent"}))
    both = train_sources(few, CONFIG.model_copy(update={"learners": pair}))
    place = [list(both.members[1].classes).index(tag) for tag in both.labelled.tags]
    mean = (both.members[0].logits(few.table) + both.members[1].logits(few.table)[:, place]) / 2
    np.testing.assert_allclose(both.logits(few.table), mean, atol=1e-12)


def test_cross_validation_scores_every_row_once_by_strangers(labelled):
    few = labelled.take(np.arange(500))
    found = cross_validate_sources(few, CONFIG, n_folds=4, seed=1)
    assert np.bincount(found.folds, minlength=4).min() > 100
    assert np.isfinite(found.probabilities).all()
    assert found.metrics()["vnv"]["auc"] > 0.9
    np.testing.assert_array_equal(
        found.votes[:, found.tags.index("agn")], few.votes[:, few.column("agn")]
    )


def test_labels_of_noise_are_not_learned():
    """A leak anywhere in the procedure would show as skill on labels drawn by chance."""
    labelled = make_labelled_sources(500, seed=8)
    rng = np.random.default_rng(4)
    noise = FeatureTable(
        source_ids=labelled.table.source_ids,
        names=("a", "b", "c"),
        values=rng.normal(size=(500, 3)),
    )
    found = cross_validate_sources(
        dataclasses.replace(labelled, table=noise), CONFIG, n_folds=4, seed=1
    )
    assert abs(found.metrics()["vnv"]["auc"] - 0.5) < 0.1


def test_trees_cannot_go_on_from_a_bundle(labelled, trained):
    with pytest.raises(InvalidInputError, match="cannot go on from a fitted bundle"):
        train_sources(labelled, CONFIG, start=trained.members)
    with pytest.raises(InvalidInputError, match="2 members to start from and 1 learners"):
        train_sources(labelled, CONFIG, start=trained.members * 2)


def test_networks_go_on_from_their_weights():
    from skyvet.models.sources.network_settings import SourceNetworkSettings
    from skyvet.training.sources.network_configs import HierarchicalNetworkConfig

    small = SourceNetworkSettings(
        first_width=8, second_width=8, head_width=8, dropout=0.0, with_dmdt=False
    )
    network = HierarchicalNetworkConfig(network=small, n_epochs=1, patience=0)
    config = SourceTrainConfig(learners=(network,), n_inner_folds=2)
    few = make_labelled_sources(200)
    first = train_sources(few, config)
    second = train_sources(few, config, start=first.members)
    assert np.abs(second.held_out_logits - first.held_out_logits).max() > 1e-3
    again = train_sources(few, config, start=first.members)
    np.testing.assert_allclose(again.held_out_logits, second.held_out_logits, atol=1e-5)

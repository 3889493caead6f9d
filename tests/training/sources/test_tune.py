"""Search for learners' settings: held-out sources judge, no source teaches and judges at once."""

from __future__ import annotations

import dataclasses
import tomllib

import numpy as np
import pytest
from tests.source_makers import make_labelled_sources

from skyvet.cli.options import build_config
from skyvet.cli.searched import settings_text
from skyvet.core.errors import InvalidInputError
from skyvet.scoring.metrics import log_loss
from skyvet.training.search_config import FloatRange, IntRange
from skyvet.training.sources import boosted, tune
from skyvet.training.sources import train as train_module
from skyvet.training.sources.configs import BoostedConfig, SourceTrainConfig
from skyvet.training.sources.learnable import sources_to_train
from skyvet.training.sources.network_configs import DenseDmdtConfig, HierarchicalNetworkConfig
from skyvet.training.sources.train import score_held_out, source_folds, train_sources
from skyvet.training.sources.tune import changed_from_default, held_out_figure, tune_sources
from skyvet.training.sources.tune_config import SourceGoal, SourceTuneConfig, default_source_ranges

pytest.importorskip("xgboost")
BASE = SourceTrainConfig(
    learners=(BoostedConfig(max_rounds=8, max_depth=2),), n_inner_folds=2, min_positives=10
)
RANGES = {
    "learners.0.max_depth": IntRange(low=1, high=4),
    "learners.0.learning_rate": FloatRange(low=0.05, high=0.5, is_log=True),
}


def _config(**changes):
    values = {"train": BASE, "ranges": RANGES, "n_trials": 2, "n_folds": 2, **changes}
    return SourceTuneConfig(**values)


@pytest.mark.parametrize("goal", list(SourceGoal))
def test_boosted_trees_are_searched_and_the_settings_train_a_classifier(goal):
    labelled = make_labelled_sources(300)
    result = tune_sources(labelled, _config(goal=goal))
    assert result.n_finished == 2
    assert result.config.learners[0].max_rounds == 8
    assert set(result.settings) == set(RANGES)
    trained = train_sources(labelled, result.config)
    again = train_sources(labelled, result.config)
    np.testing.assert_array_equal(trained.held_out_logits, again.held_out_logits)
    other = train_sources(labelled, result.config.model_copy(update={"seed": 1}))
    assert not np.array_equal(trained.logits(labelled.table), other.logits(labelled.table))


def test_a_trial_is_the_mean_over_folds_whose_sources_never_teach(monkeypatch):
    labelled = make_labelled_sources(200)
    labelled = dataclasses.replace(labelled, groups=np.arange(200) // 4)
    seen, judged = [], []
    fit, figure = train_module.fit_source_member, tune.held_out_figure

    def spy_fit(rows, *args, validation, **more):
        seen.append(set(rows.groups) | set(validation.groups))
        return fit(rows, *args, validation=validation, **more)

    def spy_figure(logits, held_out, *, goal):
        judged.append((set(held_out.groups), figure(logits, held_out, goal=goal)))
        return judged[-1][1]

    monkeypatch.setattr(train_module, "fit_source_member", spy_fit)
    monkeypatch.setattr(tune, "held_out_figure", spy_figure)
    result = tune_sources(labelled, _config(n_trials=1, n_folds=3))
    assert len(seen) == len(judged) == 3
    for taught, (tested, _) in zip(seen, judged, strict=True):
        assert not taught & tested
        assert taught | tested == set(range(50))
    assert set.union(*(tested for tested, _ in judged)) == set(range(50))
    assert result.value == pytest.approx(np.mean([value for _, value in judged]))


def test_every_searched_setting_reaches_xgboost():
    """SCoPe reads the wrong key for columns, never reads `eta` and gives no random state."""
    names = {
        "learning_rate": "learning_rate", "max_depth": "max_depth", "l2": "reg_lambda",
        "min_child_weight": "min_child_weight", "row_fraction": "subsample",
        "column_fraction": "colsample_bytree", "max_bins": "max_bin",
    }  # fmt: skip
    values = dict(zip(names, (0.31, 7, 2.5, 3.5, 0.61, 0.41, 77), strict=True))
    given = boosted._settings(BoostedConfig(**values), seed=5)
    assert {own: given[theirs] for own, theirs in names.items()} == values
    assert given["seed"] == 5
    searched = {name.removeprefix("learners.0.") for name in default_source_ranges(BASE)}
    assert searched <= set(names)


def test_log_loss_is_that_of_the_metric_class_by_class():
    labelled, _ = sources_to_train(make_labelled_sources(200), BASE)
    folds = source_folds(labelled, n_folds=2, seed=0)
    logits, held_out = score_held_out(labelled, BASE, is_held_out=folds == 1)
    expected = []
    for i in range(len(held_out.tags)):
        rows = ~np.isnan(held_out.votes[:, i])
        probability = 1 / (1 + np.exp(-logits[rows, i]))
        expected.append(
            log_loss(probability, held_out.votes[rows, i].astype(int), held_out.weights[rows, i])
        )
    value = held_out_figure(logits, held_out, goal=SourceGoal.LOG_LOSS)
    assert value == pytest.approx(np.mean(expected), rel=1e-9)


def test_a_soft_vote_is_best_met_by_its_own_probability():
    labelled = make_labelled_sources(8)
    votes = np.full(labelled.votes.shape, 0.3)
    rows = dataclasses.replace(labelled, votes=votes)
    values = [
        held_out_figure(np.full(votes.shape, np.log(p / (1 - p))), rows, goal=SourceGoal.LOG_LOSS)
        for p in (0.2, 0.3, 0.4)
    ]
    assert np.argmin(values) == 1


def test_a_class_that_a_fold_cannot_judge_is_passed_over():
    labelled = make_labelled_sources(40)
    votes = np.zeros(labelled.votes.shape)
    votes[:20, 0] = 1.0
    logits = np.where(votes > 0, 1.0, -1.0)
    rows = dataclasses.replace(labelled, votes=votes)
    assert held_out_figure(logits, rows, goal=SourceGoal.AVERAGE_PRECISION) == 1.0
    empty = dataclasses.replace(labelled, votes=np.full(votes.shape, np.nan))
    for goal in SourceGoal:
        with pytest.raises(InvalidInputError, match="no class has sources of both kinds"):
            held_out_figure(logits, empty, goal=goal)


def test_settings_that_change_what_is_measured_are_not_searched():
    ranges = {"min_positives": IntRange(low=2, high=50)}
    with pytest.raises(InvalidInputError, match="no setting of a learner"):
        tune_sources(make_labelled_sources(60), _config(ranges=ranges))


def test_other_rows_do_not_go_on_from_a_storage(tmp_path):
    storage = tmp_path / "trials.db"
    labelled = make_labelled_sources(200)
    tune_sources(labelled, _config(n_trials=1), storage=storage)
    assert tune_sources(labelled, _config(n_trials=2), storage=storage).n_finished == 2
    changed = dataclasses.replace(labelled, votes=np.where(labelled.votes > 0, 0.9, 0.1))
    with pytest.raises(InvalidInputError, match="another storage file"):
        tune_sources(changed, _config(n_trials=2), storage=storage)


@pytest.mark.parametrize(
    "learner", [BoostedConfig(), DenseDmdtConfig(), HierarchicalNetworkConfig()]
)
def test_default_ranges_are_allowed_by_their_learner(learner):
    train = SourceTrainConfig(learners=(BoostedConfig(), learner))
    ranges = default_source_ranges(train)
    assert {name.split(".")[1] for name in ranges} == {"0", "1"}
    from skyvet.training.search import with_settings
    from skyvet.training.search_config import ends_of

    for name, choice in ranges.items():
        for value in ends_of(choice):
            with_settings(train, {name: value})


@pytest.mark.parametrize(
    "config",
    [
        SourceTrainConfig(),
        SourceTrainConfig(
            learners=(BoostedConfig(balance=None, n_bags=3), HierarchicalNetworkConfig()),
            features=("a", "b"),
            seed=4,
        ),
        SourceTrainConfig(
            learners=(HierarchicalNetworkConfig(network={"second_width": 32, "dropout": 0.1}),)
        ),
    ],
)
def test_the_file_of_a_search_gives_its_config_back(config):
    text = settings_text(changed_from_default(config))
    assert build_config(SourceTrainConfig, tomllib.loads(text), {}) == config

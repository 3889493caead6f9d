"""The search itself: bounds, names, randomness, what is refused before the first trial."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.training.search import search_settings, with_settings
from skyvet.training.search_config import Choice, FloatRange, IntRange, SearchConfig
from skyvet.training.sources.configs import BoostedConfig, SourceTrainConfig
from skyvet.training.sources.network_configs import HierarchicalNetworkConfig

BOOSTED = SourceTrainConfig(learners=(BoostedConfig(n_bags=2), HierarchicalNetworkConfig()))


def _search(fold_value, **settings):
    values = {"n_trials": 20, "n_folds": 2, "n_trials_before_pruning": 100, **settings}
    return search_settings(BOOSTED, SearchConfig(**values), fold_value, direction="maximize")


def _drawn(ranges, **settings):
    """Return the first learner's config of every trial."""
    seen = []

    def value(config, i_fold):
        if i_fold == 0:
            seen.append(config.learners[0])
        return 0.0

    _search(value, ranges=ranges, **settings)
    return seen


def test_both_bounds_of_a_whole_number_are_drawn():
    """SCoPe's refinement never tries the upper bound: a depth of 7 is found and thrown away."""
    seen = _drawn({"learners.0.max_depth": IntRange(low=5, high=7)})
    assert {learner.max_depth for learner in seen} == {5, 6, 7}


def test_the_upper_bound_of_a_fraction_may_be_the_best():
    """SCoPe's refinement throws a subsample of 1.0 away."""
    result = _search(
        lambda config, _: config.learners[0].row_fraction,
        ranges={"learners.0.row_fraction": FloatRange(low=0.5, high=1.0)},
        n_trials=40,
    )
    assert result.value > 0.97
    seen = _drawn({"learners.0.row_fraction": FloatRange(low=1.0, high=1.0)}, n_trials=2)
    assert [learner.row_fraction for learner in seen] == [1.0, 1.0]


def test_every_range_sets_its_own_setting_and_no_other():
    """SCoPe's column grid reads the key of the rows."""
    own = {"row_fraction": (0.5, 0.6), "column_fraction": (0.7, 0.8), "learning_rate": (0.01, 0.02)}
    ranges = {f"learners.0.{name}": FloatRange(low=a, high=b) for name, (a, b) in own.items()}
    for learner in _drawn(ranges):
        for name, (low, high) in own.items():
            assert low <= getattr(learner, name) <= high
        assert learner.n_bags == 2
        assert learner.max_depth == BoostedConfig().max_depth


@pytest.mark.parametrize("seed", [0, 7])
def test_the_same_seed_draws_the_same_trials_and_another_does_not(seed):
    ranges = {"learners.0.l2": FloatRange(low=0.1, high=10.0, is_log=True)}
    first = _drawn(ranges, seed=seed)
    assert first == _drawn(ranges, seed=seed)
    assert first != _drawn(ranges, seed=seed + 1)


def test_members_of_a_tuple_are_counted_from_0():
    changed = with_settings(BOOSTED, {"learners.1.network.dropout": 0.4, "learners.0.l2": 3.0})
    assert changed.learners[1].network.dropout == 0.4
    assert changed.learners[1].network.second_width == 96
    assert changed.learners[0] == BoostedConfig(n_bags=2, l2=3.0)


@pytest.mark.parametrize(
    "name", ["learners.2.l2", "learners.-1.l2", "learners.first.l2", "learners.0.eta", "learners"]
)
def test_a_name_that_no_trainer_reads_is_refused(name):
    """SCoPe's configuration sets `eta`, which nothing reads."""
    with pytest.raises(InvalidInputError, match=r"no training setting|are refused"):
        _search(lambda *_: 0.0, ranges={name: FloatRange(low=0, high=1)})


@pytest.mark.parametrize(
    "choice", [FloatRange(low=0.5, high=1.0001), Choice(values=(0.5, 2.0)), IntRange(low=0, high=1)]
)
def test_bounds_that_a_setting_does_not_allow_are_refused_before_the_first_trial(choice):
    with pytest.raises(InvalidInputError, match="are refused"):
        _search(lambda *_: pytest.fail("trained"), ranges={"learners.0.row_fraction": choice})


def test_a_search_of_nothing_is_refused():
    with pytest.raises(InvalidInputError, match="nothing to search"):
        _search(lambda *_: 0.0)


@pytest.mark.parametrize("bounds", [{"low": 2, "high": 1}, {"low": 0, "high": 1, "is_log": True}])
def test_ranges_without_values_are_refused(bounds):
    for kind in (FloatRange, IntRange):
        with pytest.raises(ValidationError, match="low must"):
            kind(**bounds)


def test_trials_without_a_finite_figure_never_win():
    def value(config, _):
        rate = config.learners[0].learning_rate
        return math.nan if rate > 0.5 else rate

    ranges = {"learners.0.learning_rate": FloatRange(low=0.1, high=1.0)}
    result = _search(value, ranges=ranges)
    assert 0.1 <= result.config.learners[0].learning_rate <= 0.5
    assert result.n_pruned > 0
    with pytest.raises(InvalidInputError, match="no trial gave a finite figure"):
        _search(lambda *_: math.inf, ranges=ranges)


class _Other(Config):
    height: float = 0.0


def test_any_config_can_be_searched():
    result = search_settings(
        _Other(),
        SearchConfig(ranges={"height": FloatRange(low=-1.0, high=1.0)}, n_trials=30, n_folds=2),
        lambda config, i_fold: (config.height - 0.3) ** 2 + i_fold,
        direction="minimize",
    )
    assert result.config.height == pytest.approx(0.3, abs=0.15)
    assert result.settings == {"height": result.config.height}

"""Normal scores by rank agree with scikit-learn and are safe for anything."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import QuantileTransformer

from skyvet.core.errors import InvalidInputError
from skyvet.features.rank_scaling import fit_rank_scaling


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(4)
    train, test = rng.lognormal(size=(2000, 2)), rng.lognormal(size=(300, 2))
    expected = QuantileTransformer(n_quantiles=256, output_distribution="normal").fit(train)
    found = fit_rank_scaling(train.astype(np.float32)).scale(test.astype(np.float32))
    inside = np.abs(found) < 3.0
    np.testing.assert_allclose(found[inside], expected.transform(test)[inside], atol=5e-3)


def test_scores_follow_the_order_of_values():
    scaling = fit_rank_scaling(np.random.default_rng(5).normal(size=(500, 1)))
    scores = scaling.scale(np.linspace(-9, 9, 300)[:, None])[:, 0]
    assert (np.diff(scores) >= 0).all()
    assert np.abs(scores).max() < 3.2


def test_missing_and_constant_are_in_the_middle():
    rows = np.array([[1.0, np.nan, 5.0]] * 4)
    scaling = fit_rank_scaling(rows)
    np.testing.assert_allclose(scaling.scale(rows), 0.0, atol=1e-12)


def test_wrong_number_of_columns_is_refused():
    with pytest.raises(InvalidInputError, match="3 columns"):
        fit_rank_scaling(np.zeros((2, 3))).scale(np.zeros((2, 4)))
    with pytest.raises(InvalidInputError, match="at least one"):
        fit_rank_scaling(np.zeros((0, 3)))


def test_a_column_never_seen_tells_nothing():
    scaling = fit_rank_scaling(np.array([[1.0, np.nan], [2.0, np.nan]]))
    np.testing.assert_array_equal(scaling.scale(np.array([[1.5, -9.0], [1.5, 9.0]]))[:, 1], 0.0)

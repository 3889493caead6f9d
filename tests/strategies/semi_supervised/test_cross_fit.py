"""Held-out verdicts on bought labels."""

from __future__ import annotations

import numpy as np
import pytest
from tests.strategies.dots import TINY, dot_pool, few_steps, labelled_dots

from skyvet.core.errors import InvalidInputError
from skyvet.strategies.semi_supervised.cross_fit import cross_fit
from skyvet.training.prediction import predict_logits

QUICK = TINY.model_copy(update={"steps": few_steps(4)})


def test_each_label_is_judged_by_the_network_of_its_fold():
    labelled = labelled_dots()
    crossed = cross_fit(labelled, QUICK, n_folds=3, seed=1)
    every = crossed.logits(labelled.stamps)
    np.testing.assert_allclose(
        crossed.held_out_logits,
        every[crossed.folds, np.arange(len(labelled))],
        rtol=1e-4,
        atol=1e-5,  # other batches, other rounding
    )


def test_candidates_of_one_object_share_a_fold():
    labelled = labelled_dots()
    folds = cross_fit(labelled, QUICK, n_folds=3, seed=1).folds
    for name in np.unique(labelled.object_ids):
        assert len(np.unique(folds[labelled.object_ids == name])) == 1


def test_a_held_out_label_does_not_touch_its_own_logit():
    labelled = labelled_dots()
    first = cross_fit(labelled, QUICK, n_folds=3, seed=1)
    pool, _ = dot_pool()
    i_changed = int(np.flatnonzero(first.folds == 0)[0])
    stamps = labelled.stamps.copy()
    stamps[i_changed] += 100.0
    spoilt = type(labelled)(
        **{name: getattr(labelled, name) for name in labelled.__slots__ if name not in ("stamps",)},
        stamps=stamps,
    )
    second = cross_fit(spoilt, QUICK, n_folds=3, seed=1)
    others = (first.folds == 0) & (np.arange(len(labelled)) != i_changed)
    np.testing.assert_array_equal(first.held_out_logits[others], second.held_out_logits[others])
    network = first.networks[0].build()
    np.testing.assert_array_equal(
        predict_logits(network, pool.stamps),
        predict_logits(second.networks[0].build(), pool.stamps),
    )


def test_more_folds_than_objects_are_refused():
    with pytest.raises(InvalidInputError):
        cross_fit(labelled_dots(8), QUICK, n_folds=9, seed=1)

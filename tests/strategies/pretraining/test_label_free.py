"""A first ranking without a label."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.strategies.dots import few_steps
from tests.strategies.sky import raw_survey

from skyvet.core.errors import InvalidInputError
from skyvet.io.dataset import Dataset
from skyvet.models.compact_net import CompactConfig
from skyvet.preprocessing.normalization import StampConfig, prepare_stamps
from skyvet.preprocessing.pools import CandidatePool
from skyvet.preprocessing.stamps import fit_stamps
from skyvet.scoring.curves import roc_auc
from skyvet.strategies.pretraining.configs import LabelFreeStart
from skyvet.strategies.pretraining.label_free import (
    fit_label_free,
    label_free_state,
    stamps_of_dataset,
)
from skyvet.strategies.pretraining.label_free_positives import PositivesConfig
from skyvet.strategies.pretraining.starts import start_state
from skyvet.training.prediction import predict_logits
from skyvet.training.start import input_shape, start_network

NETWORK = CompactConfig(widths=(4, 8), dropout=0.0)
START = LabelFreeStart(
    stamps=StampConfig(size_px=41, with_mask_planes=False),
    positives=PositivesConfig(n_positives=120, n_measured=40, erased_widths=1.5, min_radius_px=4.0),
    steps=few_steps(100),
    batch_size=24,
    prior=0.33,
    held_out_fraction=0.2,
)
CUT_PX = 17


def prepared(stamps):
    central = fit_stamps(prepare_stamps(stamps, START.stamps), CUT_PX)
    return CandidatePool(
        stamps=np.ascontiguousarray(central, dtype=np.float16),
        candidate_ids=np.arange(len(stamps)),
        object_ids=np.arange(len(stamps)),
    )


@pytest.fixture(scope="module")
def survey():
    stamps, truth = raw_survey(240)
    return stamps, truth, prepared(stamps)


def fitted(survey, config=START, seed=0):
    stamps, _, pool = survey
    return fit_label_free(pool, lambda rows: stamps[rows], NETWORK, config=config, seed=seed)


@pytest.fixture(scope="module")
def fit(survey):
    return fitted(survey)


def test_it_ranks_real_above_bogus_though_no_label_was_given(fit):
    stamps, truth = raw_survey(150, seed=9)
    logits = predict_logits(fit.fitted.build(), prepared(stamps).stamps)
    assert roc_auc(logits, truth) > 0.9


def test_it_reports_how_many_hosts_were_tried_and_erased(fit):
    assert fit.n_tried >= fit.n_erased >= fit.n_positives == 120


def test_positives_stand_out_from_the_pool_no_more_than_real_ones_allow(fit):
    # a third of the pool is as good as a positive
    assert 0.6 < fit.held_out_auc < 0.95


def test_a_training_that_learnt_nothing_is_warned_of(survey, caplog):
    steps = few_steps(1)
    optimiser = steps.optimiser.model_copy(update={"learning_rate": 1e-12})
    steps = steps.model_copy(update={"optimiser": optimiser})
    untrained = fitted(survey, START.model_copy(update={"steps": steps}))
    assert untrained.held_out_auc < 0.58
    assert "do not trust its ranking" in caplog.text


def test_a_seed_repeats_itself_and_what_has_learnt_is_not_warned_of(survey, fit, caplog):
    again = fitted(survey)
    assert not caplog.records
    assert all(torch.equal(again.fitted.state_dict[k], v) for k, v in fit.fitted.state_dict.items())


def test_the_state_starts_the_same_network(survey, fit):
    stamps, _, pool = survey
    state = label_free_state(pool, NETWORK, START, seed=0, raw=lambda rows: stamps[rows])
    network = start_network(NETWORK, input_shape(pool), seed=5, initial_state=state).eval()
    expected = predict_logits(fit.fitted.build(), pool.stamps)
    np.testing.assert_allclose(predict_logits(network, pool.stamps), expected, atol=1e-5)


def test_metadata_leave_the_encoder_and_get_a_fresh_head(survey, fit):
    stamps, _, pool = survey
    with_metadata = CandidatePool(
        stamps=pool.stamps,
        candidate_ids=pool.candidate_ids,
        object_ids=pool.object_ids,
        metadata=np.ones((len(pool), 2), np.float32),
        metadata_names=("a", "b"),
    )
    state = label_free_state(with_metadata, NETWORK, START, seed=0, raw=lambda rows: stamps[rows])
    names = [name for name in state if name.startswith("encoder.")]
    assert all(torch.equal(state[name], fit.fitted.state_dict[name]) for name in names)
    assert state["head.weight"].shape[1] > fit.fitted.state_dict["head.weight"].shape[1]


def test_without_raw_stamps_it_says_what_to_set(survey):
    with pytest.raises(InvalidInputError, match="set data"):
        start_state(START, survey[2], NETWORK, seed=0)


@pytest.mark.parametrize(
    "stamps", [StampConfig(size_px=41), StampConfig(size_px=15, with_mask_planes=False)]
)
def test_another_preparation_than_the_pools_is_refused(survey, stamps):
    with pytest.raises(InvalidInputError, match="what prepared the pool"):
        fitted(survey, START.model_copy(update={"stamps": stamps}))


@pytest.mark.parametrize("n", [0, 1, 9])
def test_too_few_candidates_are_refused(n):
    stamps, truth = raw_survey(12)
    with pytest.raises(InvalidInputError, match="at least 10"):
        fitted((stamps, truth, prepared(stamps).take(np.arange(n))))


def test_candidates_of_one_object_are_refused():
    stamps, truth = raw_survey(12)
    pool = prepared(stamps)
    pool = CandidatePool(
        stamps=pool.stamps, candidate_ids=pool.candidate_ids, object_ids=np.zeros(12, np.int64)
    )
    with pytest.raises(InvalidInputError, match="2 objects"):
        fitted((stamps, truth, pool))


def test_raw_stamps_of_a_pool_come_from_its_dataset_whatever_the_order(dataset):
    opened = Dataset.open(dataset)
    order = np.random.default_rng(0).permutation(len(opened))
    ids = opened.table["candidate_id"].to_numpy()[order]
    pool = CandidatePool(
        stamps=np.zeros((len(ids), 3, 9, 9), np.float32), candidate_ids=ids, object_ids=ids
    )
    raw = stamps_of_dataset(dataset, pool)
    rows = np.array([3, 0, 2])
    np.testing.assert_array_equal(raw(rows), opened.stamps(order[rows]))


def test_a_candidate_that_the_dataset_lacks_is_named(dataset):
    ids = np.array([1, 2])
    pool = CandidatePool(
        stamps=np.zeros((2, 3, 9, 9), np.float32), candidate_ids=ids, object_ids=ids
    )
    with pytest.raises(InvalidInputError, match="2 of 2"):
        stamps_of_dataset(dataset, pool)

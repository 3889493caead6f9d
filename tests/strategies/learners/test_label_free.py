"""The learner that begins without labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.strategies.dots import few_steps
from tests.strategies.sky import raw_survey

from skyvet.core.errors import InvalidInputError
from skyvet.models.compact_net import CompactConfig
from skyvet.preprocessing.normalization import StampConfig, prepare_stamps
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.preprocessing.stamps import fit_stamps
from skyvet.scoring.curves import roc_auc
from skyvet.strategies.learners.label_free import LabelFreeClassifier, LabelFreeLearner
from skyvet.strategies.learners.semi_supervised import SemiSupervisedLearner
from skyvet.strategies.pretraining import label_free
from skyvet.strategies.pretraining.configs import LabelFreeStart
from skyvet.strategies.pretraining.label_free_positives import PositivesConfig
from skyvet.strategies.semi_supervised.configs import MixedTraining

LEARNER = LabelFreeLearner(
    first=LabelFreeStart(
        data=Path("night"),
        stamps=StampConfig(size_px=41, with_mask_planes=False),
        positives=PositivesConfig(
            n_positives=120, n_measured=40, erased_widths=1.5, min_radius_px=4.0
        ),
        steps=few_steps(100),
        batch_size=24,
    ),
    then=SemiSupervisedLearner(
        member=MixedTraining(
            network=CompactConfig(widths=(4, 8), dropout=0.0), steps=few_steps(10)
        ),
        quick=few_steps(5),
        n_folds=2,
    ),
)


@pytest.fixture
def survey(monkeypatch):
    """Pool and truth; the dataset behind it is in memory."""
    stamps, truth = raw_survey(240)
    monkeypatch.setattr(label_free, "stamps_of_dataset", lambda *_: lambda rows: stamps[rows])
    pool = CandidatePool(
        stamps=fit_stamps(prepare_stamps(stamps, LEARNER.first.stamps), 17).astype(np.float16),
        candidate_ids=np.arange(240),
        object_ids=np.arange(240),
    )
    return pool, truth


def test_it_ranks_the_pool_before_the_first_label(survey):
    pool, truth = survey
    found = LEARNER.fit(pool, BoughtLabels.none(), seed=0)
    assert isinstance(found, LabelFreeClassifier)
    assert len(found.held_out_logits) == 0
    assert 0 <= found.prior_estimate <= 1
    assert roc_auc(found.judge(pool).logits, truth) > 0.8


def test_labels_of_one_class_teach_nothing_and_are_not_held_out(survey):
    pool, truth = survey
    rows = np.flatnonzero(truth == 1)[:5]
    found = LEARNER.fit(pool, BoughtLabels(i_row=rows, labels=truth[rows]), seed=0)
    assert isinstance(found, LabelFreeClassifier)
    assert np.isnan(found.held_out_logits).all()
    assert len(found.held_out_logits) == 5


def test_labels_of_both_classes_are_learnt_from_and_held_out(survey):
    pool, truth = survey
    rows = np.arange(20)
    found = LEARNER.fit(pool, BoughtLabels(i_row=rows, labels=truth[rows]), seed=0)
    assert not isinstance(found, LabelFreeClassifier)
    assert np.isfinite(found.held_out_logits).all()


def test_metadata_of_a_pool_are_not_looked_at(survey):
    pool, _ = survey
    plain = LEARNER.fit(pool, BoughtLabels.none(), seed=0)
    with_metadata = CandidatePool(
        stamps=pool.stamps,
        candidate_ids=pool.candidate_ids,
        object_ids=pool.object_ids,
        metadata=np.zeros((240, 1), np.float32),
        metadata_names=("a",),
    )
    found = LEARNER.fit(with_metadata, BoughtLabels.none(), seed=0)
    np.testing.assert_array_equal(found.judge(with_metadata).logits, plain.judge(pool).logits)


def test_without_a_dataset_it_says_what_to_set(survey):
    pool, _ = survey
    with pytest.raises(InvalidInputError, match=r"first\.data"):
        LabelFreeLearner().fit(pool, BoughtLabels.none(), seed=0)

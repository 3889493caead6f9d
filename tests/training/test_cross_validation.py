"""Cross-validation and tuning: no score from a network that saw the object."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.models.vgg6 import Vgg6Config
from skyvet.preprocessing.batches import BatchConfig
from skyvet.preprocessing.triplets import join_triplets
from skyvet.scoring.curves import roc_auc
from skyvet.training import cross_validation
from skyvet.training.configs import HardwareConfig, TrainConfig
from skyvet.training.cross_validation import CrossValidationConfig, cross_validate, fit_ensemble

SMALL = TrainConfig(
    network=Vgg6Config(width=4, dense_width=16),
    batches=BatchConfig(size=16),
    hardware=HardwareConfig(n_threads=1),
    n_epochs=20,
    patience=0,
)
FOLDS = CrossValidationConfig(n_folds=3)


def test_every_row_is_scored_by_networks_that_learnt(triplets):
    rows = triplets(120)
    result = cross_validate(rows, SMALL, folds=FOLDS)
    assert np.isfinite(result.logits).all()
    assert roc_auc(result.logits, rows.labels) > 0.9
    assert len(result.networks) == 3


def test_no_network_sees_an_object_it_scores(triplets, monkeypatch):
    rows = triplets(60)
    helpers = dataclasses.replace(triplets(60, 1), object_ids=rows.object_ids)  # the same objects
    seen = []
    fit = cross_validation.fit_network

    def spy(arrays, config, **kwargs):
        seen.append(set(arrays.object_ids.tolist()))
        return fit(arrays, config.model_copy(update={"n_epochs": 1}), **kwargs)

    monkeypatch.setattr(cross_validation, "fit_network", spy)
    folds = CrossValidationConfig(n_folds=3, n_members=2, with_dihedral_average=False)
    result = cross_validate(rows, SMALL, folds=folds, helpers=helpers)
    assert len(seen) == 6
    for i_fit, objects in enumerate(seen):
        tested = set(rows.object_ids[result.folds == i_fit // 2].tolist())
        assert not objects & tested
        assert objects | tested == set(rows.object_ids.tolist())


def test_members_differ_by_seed(triplets):
    short = SMALL.model_copy(update={"n_epochs": 1})
    first, second = fit_ensemble(triplets(40), short, n_members=2)
    assert (first.state_dict["head.weight"] != second.state_dict["head.weight"]).any()


def test_joined_rows_must_look_alike(triplets):
    rows = triplets(4)
    assert len(join_triplets(rows, triplets(6, 1))) == 10
    with pytest.raises(InvalidInputError, match="share stamp shape"):
        join_triplets(rows, triplets(4, 1, stamp_px=23))
    with pytest.raises(InvalidInputError, match="type of identifier"):
        join_triplets(rows, dataclasses.replace(rows, object_ids=rows.object_ids.astype(str)))


def test_one_labelled_object_of_a_class_is_refused_by_its_count_and_not_by_a_fold(triplets):
    rows = triplets(12)
    kept = np.r_[np.flatnonzero(rows.labels == 1)[:1], np.flatnonzero(rows.labels == 0)[:2]]
    few = rows.take(kept)
    folds = CrossValidationConfig(n_folds=2)
    with pytest.raises(InvalidInputError, match="2 objects each, got 1 REAL and 2 BOGUS"):
        cross_validate(few, SMALL, folds=folds)

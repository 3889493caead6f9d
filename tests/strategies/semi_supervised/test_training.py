"""One network on labelled and unlabelled rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.strategies.dots import TINY, dot_pool, few_steps, labelled_dots

from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import SilentProgress
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.scoring.curves import roc_auc
from skyvet.strategies.semi_supervised.configs import MixedTraining
from skyvet.strategies.semi_supervised.consistency import FixMatchConfig, MeanTeacherConfig
from skyvet.strategies.semi_supervised.mixed_batches import UnlabelledRows
from skyvet.strategies.semi_supervised.training import fit_mixed
from skyvet.training.prediction import predict_logits


class _StopError(Exception):
    pass


class _StopInSecondPart(SilentProgress):
    """Breaks off when the second part of a training is done, before its checkpoint."""

    def __init__(self):
        self.n_done = 0

    def advance(self, n_steps=1):
        self.n_done += n_steps
        if self.n_done == 2:
            raise _StopError


def changed(**changes):
    return TINY.model_copy(update=changes)


def logits(config=TINY, *, labelled=None, seed=2, **options):
    labelled = labelled_dots() if labelled is None else labelled
    pool, _ = dot_pool(seed=9)
    return predict_logits(fit_mixed(labelled, config, seed=seed, **options).build(), pool.stamps)


def test_labels_alone_are_learnt():
    _, truth = dot_pool(seed=9)
    assert roc_auc(logits(), truth) > 0.95


def test_exact_pseudo_labels_mend_wrong_labels():
    pool, truth = dot_pool(240, seed=1)
    rows = BoughtLabels(i_row=np.arange(12), labels=truth[:12])
    wrong = BoughtLabels(i_row=np.arange(12), labels=1 - truth[:12])
    taught = UnlabelledRows(pool=pool, targets=truth.astype(np.float32))
    config = changed(pseudo_label_weight=20.0)
    scores = {
        name: roc_auc(
            logits(config, labelled=pool.labelled(labels), unlabelled=part), dot_pool(seed=9)[1]
        )
        for name, labels, part in (
            ("right", rows, None),
            ("wrong", wrong, None),
            ("mended", wrong, taught),
        )
    }
    assert scores["wrong"] < 0.2
    assert min(scores["mended"], scores["right"]) > 0.8


def test_pseudo_labels_of_weight_zero_teach_nothing():
    pool, truth = dot_pool()
    wrong, right = (
        UnlabelledRows(
            pool=pool, targets=values.astype(np.float32), weights=np.zeros(120, np.float32)
        )
        for values in (1 - truth, truth)
    )
    np.testing.assert_array_equal(logits(unlabelled=wrong), logits(unlabelled=right))


@pytest.mark.parametrize("consistency", [FixMatchConfig(threshold=0.6), MeanTeacherConfig()])
def test_consistency_changes_what_is_learnt_and_stays_finite(consistency):
    pool, _ = dot_pool()
    config, rows = changed(consistency=consistency), UnlabelledRows(pool=pool)
    with_teacher = logits(config, unlabelled=rows, prior=0.3)
    assert np.isfinite(with_teacher).all()
    assert not np.array_equal(with_teacher, logits(unlabelled=rows))
    assert roc_auc(with_teacher, dot_pool(seed=9)[1]) > 0.9


def test_the_teacher_is_left_in_its_mode_and_gets_no_gradient():
    pool, _ = dot_pool()
    fitted = fit_mixed(
        labelled_dots(),
        changed(consistency=MeanTeacherConfig(), steps=few_steps(2)),
        seed=1,
        unlabelled=UnlabelledRows(pool=pool),
    )
    assert all(torch.isfinite(part).all() for part in fitted.state_dict.values())


def test_the_number_of_steps_is_the_cost_whatever_the_pool():
    fitted = fit_mixed(labelled_dots(), changed(steps=few_steps(120)), seed=1)
    assert len(fitted.history) == 3


def test_a_stopped_training_ends_as_an_uninterrupted_one(tmp_path):
    pool, _ = dot_pool()
    options = {"unlabelled": UnlabelledRows(pool=pool), "prior": 0.3}
    config = changed(consistency=FixMatchConfig(threshold=0.6), steps=few_steps(60))
    whole = logits(config, **options)

    with pytest.raises(_StopError):
        logits(config, checkpoint_dir=tmp_path, progress=_StopInSecondPart(), **options)
    assert (tmp_path / "last.ckpt").is_file()
    resumed = logits(config, checkpoint_dir=tmp_path, **options)
    np.testing.assert_array_equal(resumed, whole)


def test_features_of_two_domains_are_drawn_together():
    pool, _ = dot_pool(seed=5)
    far = CandidatePool(
        stamps=3 * pool.stamps + 1, candidate_ids=pool.candidate_ids, object_ids=pool.object_ids
    )

    def gap(weight):
        fitted = fit_mixed(
            labelled_dots(),
            changed(coral_weight=weight, steps=few_steps(60)),
            seed=1,
            unlabelled=UnlabelledRows(pool=far),
        )
        network = fitted.build()
        with torch.no_grad():
            first = network.features(torch.from_numpy(labelled_dots().stamps.copy()))
            second = network.features(torch.from_numpy(far.stamps))
        return ((first.mean(0) - second.mean(0)) / torch.cat([first, second]).std(0)).abs().mean()

    assert gap(20.0) < gap(0.0)


def test_one_class_is_refused():
    pool, truth = dot_pool()
    only = np.flatnonzero(truth)
    rows = BoughtLabels(i_row=only, labels=truth[only])
    with pytest.raises(InvalidInputError, match="both REAL and BOGUS"):
        fit_mixed(pool.labelled(rows), TINY, seed=0)


def test_stamps_of_two_sizes_are_refused():
    pool, _ = dot_pool()
    other = CandidatePool(
        stamps=pool.stamps[..., 1:-1, 1:-1],
        candidate_ids=pool.candidate_ids,
        object_ids=pool.object_ids,
    )
    with pytest.raises(InvalidInputError, match="one shape"):
        fit_mixed(labelled_dots(), TINY, seed=0, unlabelled=UnlabelledRows(pool=other))


def test_the_settings_survive_json():
    config = changed(consistency=FixMatchConfig(threshold=0.8))
    assert MixedTraining.model_validate_json(config.model_dump_json()) == config

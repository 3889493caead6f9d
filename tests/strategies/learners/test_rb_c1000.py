"""The recipe's stages on a pool of a few dots."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.models.resnet import ResNetConfig
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.strategies.learners.rb_c1000 import RbC1000Config, RbC1000Learner, run_rb_c1000
from skyvet.training.configs import HardwareConfig, Monitor, Precision, RateDecay
from skyvet.training.module import learning_rate_factor

TINY = RbC1000Config(
    n_first=40,
    n_queried=9,
    n_epochs=5,
    n_rounds=2,
    confidence=0.5,
    learning_rate=0.02,
    batch_size=8,
    network=ResNetConfig(width=2, dropout=0.0),
    hardware=HardwareConfig(accelerator="cpu", precision=Precision.FLOAT32, n_threads=1),
)


def dots(n=120, seed=0):
    """Stamps with a bright centre where REAL (a third), raw counts."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 3 == 0).astype(np.int8)
    stamps = rng.normal(200, 10, (n, 3, 16, 16)).astype(np.float32)
    stamps[labels == 1, 2, 6:10, 6:10] += 800
    ids = np.arange(n)
    return CandidatePool(stamps=stamps, candidate_ids=ids, object_ids=ids), labels


def run(config=TINY, seed=1, **options):
    pool, labels = dots()
    asked = []

    def ask(rows):
        asked.append(rows)
        return labels[rows]

    stages = run_rb_c1000(pool, ask, config, i_first=np.arange(40), seed=seed, **options)
    return stages, asked, labels


def test_the_published_choices_are_the_defaults():
    config = RbC1000Config()
    assert config.n_queried == 99  # int(1000 * (1 - 0.9)), as the published code has it
    assert (config.n_first, config.n_rounds, config.confidence) == (900, 3, 0.95)
    training = config.training(3, with_pseudo_labels=True)
    assert (training.n_epochs, training.batches.size, training.patience) == (100, 256, 0)
    assert training.monitor is Monitor.RB_C1000_SUM
    optimiser = training.optimiser
    assert (optimiser.weight_decay, optimiser.max_gradient_norm, optimiser.ema_decay) == (0, 0, 0)
    assert optimiser.decay is RateDecay.STEPS
    assert training.augmentation.flips_and_rotations
    assert not training.augmentation.with_rotations
    assert training.augmentation.noise_rate == 0


def test_the_rate_falls_to_a_tenth_every_40_of_100_epochs():
    optimiser = RbC1000Config().training(0, with_pseudo_labels=False).optimiser
    by_epoch = [learning_rate_factor(3 * epoch, 300, optimiser) for epoch in range(100)]
    assert by_epoch == pytest.approx([1.0] * 40 + [0.1] * 40 + [0.01] * 20, rel=1e-9)


@pytest.fixture(scope="module")
def one_run():
    return run()


def test_stages_buy_first_and_queried_labels_and_no_more(one_run):
    stages, asked, _ = one_run
    assert [stage.name for stage in stages] == ["ITS", "ALS", "R=1", "R=2"]
    assert [len(rows) for rows in asked] == [40, 9]
    assert not set(asked[0]) & set(asked[1])
    assert [stage.n_labels_paid for stage in stages] == [40, 49, 49, 49]
    assert all(stage.n_labels_kept <= stage.n_labels_paid for stage in stages)


def test_pseudo_labels_come_from_rows_that_nobody_asked_for(one_run):
    stages, asked, labels = one_run
    paid = set(np.concatenate(asked))
    last = stages[-1]
    assert len(last.i_pseudo)
    assert not paid & set(last.i_pseudo)
    assert (labels[last.i_pseudo] == last.pseudo_labels).mean() > 0.8
    assert not len(stages[0].i_pseudo)


def test_without_a_sure_row_a_round_learns_from_labels_alone():
    stages, _, _ = run(TINY.model_copy(update={"confidence": 1 - 1e-12, "n_rounds": 1}))
    assert stages[-1].name == "R=1"
    assert not len(stages[-1].i_pseudo)


def test_the_same_seed_gives_the_same_networks_and_another_one_others(one_run):
    pool, _ = dots(seed=9)
    other = run(TINY.model_copy(update={"n_rounds": 0}), seed=2)[0]
    for once, again in zip(one_run[0], run(seed=1)[0], strict=True):
        np.testing.assert_array_equal(
            once.classifier.judge(pool).logits, again.classifier.judge(pool).logits
        )
    for once, another in zip(one_run[0], other, strict=False):  # the first stages of both
        assert (once.classifier.judge(pool).logits != another.classifier.judge(pool).logits).any()


def test_a_stopped_run_goes_on_to_the_same_result(one_run, tmp_path):
    pool, _ = dots(seed=9)
    run(TINY.model_copy(update={"n_rounds": 0}), work_dir=tmp_path)
    resumed = run(work_dir=tmp_path)[0][-1]
    whole = one_run[0][-1]
    np.testing.assert_array_equal(
        resumed.classifier.judge(pool).logits, whole.classifier.judge(pool).logits
    )


def test_the_40_percent_have_held_out_logits(one_run):
    for stage in one_run[0]:
        known = np.isfinite(stage.classifier.held_out_logits)
        assert known.sum() == len(known) - int(0.6 * len(known))


def test_bought_labels_of_any_strategy_train_the_learner():
    pool, labels = dots()
    rows = np.arange(0, 60)
    bought = BoughtLabels(i_row=rows, labels=labels[rows])
    opinion = RbC1000Learner(recipe=TINY).fit(pool, bought, seed=0).judge(pool)
    assert ((opinion.logits > 0) == labels).mean() > 0.85


def test_labels_of_one_class_are_refused():
    pool, labels = dots()
    rows = np.flatnonzero(labels == 1)
    with pytest.raises(InvalidInputError, match="both REAL and BOGUS"):
        RbC1000Learner(recipe=TINY).fit(pool, BoughtLabels(i_row=rows, labels=labels[rows]), seed=0)


def test_an_object_never_stands_on_both_sides():
    pool, labels = dots()
    twins = CandidatePool(
        stamps=pool.stamps, candidate_ids=pool.candidate_ids, object_ids=np.arange(120) // 2
    )
    rows = np.arange(60)
    bought = BoughtLabels(i_row=rows, labels=labels[rows])
    RbC1000Learner(recipe=TINY.model_copy(update={"n_rounds": 1})).fit(twins, bought, seed=0)

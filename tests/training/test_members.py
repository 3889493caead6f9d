"""An ensemble is calibrated on rows that no scoring member had seen."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from skyvet.models.compact_net import CompactConfig
from skyvet.training.configs import EnsembleConfig, HardwareConfig, TrainConfig
from skyvet.training.members import TrainedEnsemble, train_ensemble
from skyvet.training.prediction import predict_logits

CONFIG = EnsembleConfig(
    member=TrainConfig(
        network=CompactConfig(widths=(4, 8)),
        n_epochs=3,
        patience=0,
        validation_fraction=0.0,
        hardware=HardwareConfig(n_threads=1),
    ),
    n_members=3,
)


@pytest.fixture(scope="module")
def trained(triplets) -> TrainedEnsemble:
    return train_ensemble(triplets(60), CONFIG)


def test_each_row_is_scored_by_the_member_that_had_not_seen_it(triplets, trained) -> None:
    rows = triplets(60)
    for i_member, member in enumerate(trained.members):
        held_out = np.flatnonzero(trained.folds == i_member)
        logits = predict_logits(member.build(), rows.stamps[held_out])
        np.testing.assert_allclose(trained.held_out_logits[held_out], logits, rtol=0, atol=1e-4)


def test_objects_are_never_split(triplets, trained) -> None:
    rows = triplets(60)
    for object_id in np.unique(rows.object_ids):
        assert len(np.unique(trained.folds[rows.object_ids == object_id])) == 1


def test_the_ensemble_is_the_mean_of_its_members(triplets, trained) -> None:
    stamps = triplets(60).stamps[:7]
    members = [predict_logits(member.build(), stamps) for member in trained.members]
    np.testing.assert_allclose(
        predict_logits(trained.build(), stamps), np.mean(members, axis=0), rtol=0, atol=1e-5
    )


def test_weak_rows_train_but_do_not_calibrate(triplets) -> None:
    labelled, weak = triplets(60), triplets(60, seed=1)
    wrong = dataclasses.replace(weak, targets=1 - weak.targets, labels=1 - weak.labels)
    helped = train_ensemble(labelled, CONFIG, weak=wrong)
    assert len(helped.held_out_logits) == 60
    assert helped.calibration.prior == pytest.approx(labelled.labels.mean())
    alone = train_ensemble(labelled, CONFIG)
    assert not np.allclose(helped.held_out_logits, alone.held_out_logits, atol=1e-3)


def test_weak_rows_of_a_held_out_object_are_left_out(triplets) -> None:
    labelled = triplets(60)
    twins = dataclasses.replace(labelled, candidate_ids=labelled.candidate_ids + 500)
    train_ensemble(labelled, CONFIG, weak=twins)  # a leak would raise LeakageError


def test_training_is_repeatable(triplets, trained) -> None:
    again = train_ensemble(triplets(60), CONFIG)
    np.testing.assert_array_equal(again.held_out_logits, trained.held_out_logits)


class _StoppingProgress:
    """Interrupts when the given number of steps of a stage at the given depth are done."""

    def __init__(self, *, depth: int, n_steps: int) -> None:
        self._at, self._left, self._depth = depth, n_steps, 0

    def start(self, description: str, total: int | None) -> None:
        self._depth += 1

    def advance(self, n_steps: int = 1) -> None:
        self._left -= n_steps if self._depth == self._at else 0
        if self._left == 0:
            raise KeyboardInterrupt

    def finish(self) -> None:
        self._depth -= 1


@pytest.mark.parametrize(("depth", "n_steps"), [(1, 1), (3, 5)])
def test_a_stopped_training_goes_on_to_the_same_ensemble(
    triplets, trained, tmp_path, depth, n_steps
) -> None:
    stop = _StoppingProgress(depth=depth, n_steps=n_steps)
    with pytest.raises(KeyboardInterrupt):
        train_ensemble(triplets(60), CONFIG, checkpoint_dir=tmp_path, progress=stop)
    assert {p.name for p in tmp_path.iterdir()} < {"fold-0", "fold-1", "fold-2"}
    again = train_ensemble(triplets(60), CONFIG, checkpoint_dir=tmp_path)
    np.testing.assert_array_equal(again.held_out_logits, trained.held_out_logits)


def test_a_finished_member_that_stopped_early_is_not_trained_on(triplets, tmp_path) -> None:
    member = CONFIG.member.model_copy(
        update={"n_epochs": 12, "patience": 1, "validation_fraction": 0.3}
    )
    config = CONFIG.model_copy(update={"member": member, "n_members": 2})
    first = train_ensemble(triplets(60), config, checkpoint_dir=tmp_path)
    again = train_ensemble(triplets(60), config, checkpoint_dir=tmp_path)
    np.testing.assert_array_equal(again.held_out_logits, first.held_out_logits)
    assert [len(m.history) for m in again.members] == [len(m.history) for m in first.members]

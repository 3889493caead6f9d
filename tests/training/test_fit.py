"""The training loop: it learns, repeats itself, resumes exactly and refuses what cannot work."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import pytest
import torch

from skyvet.core.errors import InvalidInputError, LeakageError
from skyvet.core.progress import SilentProgress
from skyvet.models.interface import InputShape
from skyvet.models.vgg6 import Vgg6Config
from skyvet.preprocessing.batches import BatchConfig
from skyvet.scoring.curves import roc_auc
from skyvet.training.configs import HardwareConfig, OptimiserConfig, TrainConfig
from skyvet.training.epochs import BestEpoch, RunningMean
from skyvet.training.fit import fit_network
from skyvet.training.losses import LossConfig
from skyvet.training.prediction import predict_logits

SMALL = TrainConfig(
    network=Vgg6Config(width=4, dense_width=16),
    batches=BatchConfig(size=16),
    hardware=HardwareConfig(n_threads=1),
    n_epochs=5,
    patience=0,
)


def changed(**changes) -> TrainConfig:
    return SMALL.model_copy(update=changes)


def assert_same_weights(first, second):
    assert first.keys() == second.keys()
    for name, weight in first.items():
        assert torch.equal(weight, second[name]), name


def assert_same_history(first, second):
    """NaN is what it is: no figure."""
    rows = [[dataclasses.asdict(record) for record in history] for history in (first, second)]
    np.testing.assert_equal(*rows)


class StopAfter(SilentProgress):
    """Progress that breaks off the training, as a user would."""

    def __init__(self, n_epochs: int) -> None:
        self.n_left = n_epochs

    def advance(self, n_steps: int = 1) -> None:
        self.n_left -= n_steps
        if self.n_left < 0:
            raise RuntimeError("broken off")


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_learns_to_tell_stars_from_holes_in_unseen_objects(triplets, precision):
    hardware = HardwareConfig(n_threads=1, precision=precision)
    fitted = fit_network(triplets(160), changed(hardware=hardware, n_epochs=12))
    unseen = triplets(60, 1)
    assert roc_auc(predict_logits(fitted.build(), unseen.stamps), unseen.labels) > 0.95
    assert fitted.history[-1].train_loss < 0.7 * fitted.history[0].train_loss


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(triplets):
    rows = triplets(40)
    config = changed(n_epochs=2)
    first = fit_network(rows, config)
    torch.manual_seed(99)  # the global generator has no say
    again = fit_network(rows, config)
    assert_same_weights(first.state_dict, again.state_dict)
    assert first.history == again.history
    other = fit_network(rows, changed(n_epochs=2, seed=1))
    assert not torch.equal(first.state_dict["head.weight"], other.state_dict["head.weight"])


def test_training_does_not_touch_the_global_generators(triplets):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit_network(triplets(16), changed(n_epochs=1))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_a_resumed_training_equals_an_uninterrupted_one(triplets, tmp_path, ema_decay):
    rows = triplets(60)
    config = changed(optimiser=OptimiserConfig(ema_decay=ema_decay), n_epochs=6)
    whole = fit_network(rows, config)
    with pytest.raises(RuntimeError, match="broken off"):
        fit_network(rows, config, checkpoint_dir=tmp_path, progress=StopAfter(3))
    assert (tmp_path / "last.ckpt").is_file()
    resumed = fit_network(rows, config, checkpoint_dir=tmp_path, resume=True)
    assert_same_history(resumed.history, whole.history)
    assert resumed.best_epoch == whole.best_epoch
    assert_same_weights(resumed.state_dict, whole.state_dict)


def test_a_checkpoint_brings_back_all_that_is_known_of_the_best_epoch():
    network = SMALL.network.build(InputShape(stamp_px=21))
    parts = [
        BestEpoch(RunningMean(network, 0.0), SMALL, validate=None, fingerprint="same")
        for _ in range(2)
    ]
    state = parts[0].state_dict() | {"best_value": 0.25, "best_epoch": 4}
    parts[1].load_state_dict(state)
    assert parts[1].state_dict() == state


def test_a_finished_training_is_not_repeated_on_resume(triplets, tmp_path):
    rows, config = triplets(40), changed(n_epochs=2)
    first = fit_network(rows, config, checkpoint_dir=tmp_path)
    again = fit_network(rows, config, checkpoint_dir=tmp_path, resume=True)
    assert_same_history(again.history, first.history)
    assert_same_weights(first.state_dict, again.state_dict)


def test_a_checkpoint_of_other_settings_is_refused(triplets, tmp_path):
    fit_network(triplets(40), changed(n_epochs=1), checkpoint_dir=tmp_path)
    with pytest.raises(InvalidInputError, match="other settings or other rows"):
        fit_network(triplets(40), changed(n_epochs=2), checkpoint_dir=tmp_path, resume=True)


def test_resume_without_a_folder_says_what_is_missing(triplets):
    with pytest.raises(InvalidInputError, match="checkpoint_dir"):
        fit_network(triplets(40), SMALL, resume=True)


def test_patience_stops_and_the_best_epoch_is_kept(triplets):
    rows = triplets(40)
    shuffled = dataclasses.replace(triplets(40, 1), labels=1 - triplets(40, 1).labels)
    fitted = fit_network(rows, changed(n_epochs=30, patience=2), validation=shuffled)
    assert len(fitted.history) < 30
    assert len(fitted.history) == fitted.best_epoch + 3
    losses = [record.validation_loss for record in fitted.history]
    assert fitted.best_epoch == int(np.argmin(losses))
    logits = predict_logits(fitted.build(), shuffled.stamps).astype(np.float64)
    loss = np.mean(np.logaddexp(0, logits) - shuffled.labels * logits)
    assert loss == pytest.approx(min(losses), rel=1e-5)  # the same figures in float32


def test_without_validation_every_epoch_is_trained_and_the_last_kept(triplets):
    fitted = fit_network(triplets(20), changed(n_epochs=3, validation_fraction=0.0))
    assert fitted.best_epoch == 2
    assert np.isnan(fitted.history[0].validation_loss)


def test_fine_tuning_starts_from_the_given_weights(triplets):
    first = fit_network(triplets(40), changed(n_epochs=1))
    still = changed(n_epochs=1, optimiser=OptimiserConfig(learning_rate=1e-30, weight_decay=0))
    tuned = fit_network(triplets(40, 1), still, initial_state=first.state_dict)
    assert_same_weights(first.state_dict, tuned.state_dict)


def test_weights_of_another_network_are_refused(triplets):
    with pytest.raises(InvalidInputError, match="initial_state does not fit the network 'vgg6'"):
        fit_network(triplets(40), SMALL, initial_state={"head.weight": torch.zeros(1)})


def test_an_object_in_training_and_validation_is_refused(triplets):
    rows = triplets(40)
    with pytest.raises(LeakageError, match="both sides"):
        fit_network(rows, SMALL, validation=rows.take(np.arange(4)))


def test_one_class_cannot_be_trained_on(triplets):
    rows = triplets(40)
    with pytest.raises(InvalidInputError, match="both REAL and BOGUS"):
        fit_network(rows.take(np.flatnonzero(rows.labels)), SMALL)


def test_metadata_alone_can_decide_and_may_be_missing(triplets):
    rows = triplets(160)
    noise = np.random.default_rng(1).normal(size=len(rows))
    told = np.where(np.arange(160) % 4 == 3, np.nan, 1e6 + 100.0 * rows.labels)
    rows = dataclasses.replace(
        rows,
        stamps=np.zeros_like(rows.stamps),
        metadata=np.stack([told, noise], axis=1).astype(np.float32),
        metadata_names=("told", "noise"),
    )
    fitted = fit_network(rows, changed(n_epochs=15, validation_fraction=0.0))
    logits = predict_logits(fitted.build(), rows.stamps, rows.metadata)
    is_told = ~np.isnan(told)
    assert np.isfinite(logits).all()
    assert roc_auc(logits[is_told], rows.labels[is_told]) > 0.95


def test_a_teacher_moves_the_student_where_labels_do_not(triplets):
    rows = dataclasses.replace(triplets(80), targets=np.full(80, 0.5, np.float32))
    teacher = np.where(rows.labels > 0, 3.0, -3.0).astype(np.float32)
    teacher[:10] = np.nan
    config = changed(n_epochs=10, loss=LossConfig(teacher_share=1.0))
    fitted = fit_network(rows, config, teacher_logits=teacher)
    unseen = triplets(60, 1)
    assert roc_auc(predict_logits(fitted.build(), unseen.stamps), unseen.labels) > 0.9


def test_lightning_stays_quiet(triplets, caplog, capfd, tmp_path):
    with caplog.at_level(logging.INFO):
        fit_network(triplets(20), changed(n_epochs=1), checkpoint_dir=tmp_path)
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_more_processes_than_processors_are_refused(triplets) -> None:
    config = changed(hardware=HardwareConfig(devices=4096))
    with pytest.raises(InvalidInputError, match="devices is 4096"):
        fit_network(triplets(40), config)


def test_few_rows_leave_some_to_validate_on(triplets):
    rows = triplets(8)
    fitted = fit_network(rows, changed(n_epochs=1, validation_fraction=0.15))
    assert np.isfinite(fitted.history[0].validation_loss)
    assert np.isfinite(predict_logits(fitted.build(), rows.stamps)).all()


def test_a_training_that_can_never_be_judged_is_one_clear_error(triplets):
    weightless = dataclasses.replace(triplets(10, 1), weights=np.zeros(10, dtype=np.float32))
    with pytest.raises(InvalidInputError, match="was never a number"):
        fit_network(triplets(20), changed(n_epochs=1), validation=weightless)

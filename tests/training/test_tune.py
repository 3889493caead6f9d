"""The search: it stays in its ranges, resumes and judges on validation folds only."""

from __future__ import annotations

import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.models.vgg6 import Vgg6Config
from skyvet.training import tune as tune_module
from skyvet.training.configs import HardwareConfig, TrainConfig
from skyvet.training.epochs import EpochRecord
from skyvet.training.fit import FittedNetwork
from skyvet.training.search import with_settings
from skyvet.training.search_config import Choice, FloatRange, IntRange
from skyvet.training.tune import tune
from skyvet.training.tune_config import TuneConfig

BASE = TrainConfig(
    network=Vgg6Config(width=2, dense_width=4),
    hardware=HardwareConfig(n_threads=1),
    n_epochs=1,
    patience=0,
)
RANGES = {
    "optimiser.learning_rate": FloatRange(low=1e-4, high=1e-1, is_log=True),
    "batches.size": IntRange(low=8, high=16),
    "augmentation.flips_and_rotations": Choice(values=(True, False)),
}


@pytest.fixture
def fits(monkeypatch):
    """Replaces the training by a bowl with its bottom at a learning rate of 0.01."""
    seen = []

    def bowl(arrays, config, *, validation):
        seen.append((set(arrays.object_ids), set(validation.object_ids), config))
        loss = abs(config.optimiser.learning_rate - 0.01)
        record = EpochRecord(epoch=0, train_loss=0.0, validation_loss=loss, validation_auc=0.5)
        return FittedNetwork(
            network_config=config.network,
            shape=None,
            state_dict={},
            history=(record,),
            best_epoch=0,
        )

    monkeypatch.setattr(tune_module, "fit_network", bowl)
    return seen


def test_finds_the_bottom_within_its_ranges(triplets, fits):
    config = TuneConfig(train=BASE, ranges=RANGES, n_trials=40, n_folds=2)
    result = tune(triplets(24), config)
    assert result.config.optimiser.learning_rate == pytest.approx(0.01, rel=0.5)
    assert result.n_finished + result.n_pruned == 40
    assert result.n_pruned > 0
    assert result.config == with_settings(BASE, result.settings)
    for trained, validated, used in fits:
        assert not trained & validated
        assert 1e-4 <= used.optimiser.learning_rate <= 1e-1
        assert 8 <= used.batches.size <= 16


def test_a_stopped_search_goes_on_from_its_storage(triplets, fits, tmp_path):
    storage = tmp_path / "trials.db"
    rows = triplets(24)
    tune(rows, TuneConfig(train=BASE, ranges=RANGES, n_trials=3, n_folds=2), storage=storage)
    n_first = len(fits)
    config = TuneConfig(train=BASE, ranges=RANGES, n_trials=5, n_folds=2)
    result = tune(rows, config, storage=storage)
    assert result.n_finished + result.n_pruned == 5
    assert len(fits) - n_first <= 4  # two trials of two folds
    with pytest.raises(InvalidInputError, match="another storage file"):
        tune(rows, config.model_copy(update={"n_folds": 3}), storage=storage)


def test_real_training_can_be_searched(triplets):
    config = TuneConfig(train=BASE, ranges=RANGES, n_trials=1, n_folds=2)
    result = tune(triplets(24), config)
    assert result.n_finished == 1
    assert result.value > 0


@pytest.mark.parametrize("name", ["optimiser.learning", "nothing.at.all", "n_epochs.more"])
def test_a_range_that_names_no_setting_is_refused(triplets, name):
    config = TuneConfig(train=BASE, ranges={name: FloatRange(low=0, high=1)}, n_trials=1)
    with pytest.raises(InvalidInputError, match="no training setting"):
        tune(triplets(24), config)


def test_a_value_outside_what_the_setting_allows_is_refused():
    with pytest.raises(InvalidInputError, match="are refused"):
        with_settings(BASE, {"optimiser.learning_rate": -1.0})

"""Which epoch is kept."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from skyvet.scoring.reproduction_metrics import rb_c1000_figures
from skyvet.training.configs import LoopConfig, Monitor
from skyvet.training.epochs import (
    BestEpoch,
    RunningMean,
    ValidationFigures,
    figures_on_validation,
)


def best_epoch(monitor, figures):
    """The epoch kept among epochs with these figures."""
    network = torch.nn.Linear(1, 1)
    waiting = iter(figures)
    best = BestEpoch(
        RunningMean(network, 0.0),
        LoopConfig(monitor=monitor, patience=0),
        validate=lambda _: next(waiting),
        fingerprint="",
    )
    for epoch in range(len(figures)):
        trainer = SimpleNamespace(current_epoch=epoch, num_training_batches=1, should_stop=False)
        best.on_train_epoch_end(trainer, SimpleNamespace(epoch_loss_sum=0.0))
    return best.best_epoch


def figures(loss=1.0, auc=0.5, total=np.nan):
    return ValidationFigures(loss=loss, auc=auc, rb_c1000_sum=total)


def test_the_sum_gives_a_tie_to_the_later_epoch():
    sums = [500.0, 550.0, 540.0, 550.0, 549.0]
    assert best_epoch(Monitor.RB_C1000_SUM, [figures(total=value) for value in sums]) == 3


@pytest.mark.parametrize(
    ("monitor", "epochs"),
    [
        (Monitor.LOSS, [figures(loss=value) for value in (2.0, 1.0, 1.0, 3.0)]),
        (Monitor.AUC, [figures(auc=value) for value in (0.6, 0.9, 0.9, 0.7)]),
    ],
)
def test_loss_and_auc_give_a_tie_to_the_earlier_epoch(monitor, epochs):
    assert best_epoch(monitor, epochs) == 1


def test_the_sum_is_computed_only_where_it_is_watched():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 50)
    logits = rng.normal(size=50) + labels
    weights = np.ones(50)
    assert np.isnan(figures_on_validation(logits, labels, weights).rb_c1000_sum)
    watched = figures_on_validation(logits, labels, weights, monitor=Monitor.RB_C1000_SUM)
    expected = rb_c1000_figures(1 / (1 + np.exp(-logits)), labels).total
    assert watched.rb_c1000_sum == pytest.approx(expected, abs=1e-9)

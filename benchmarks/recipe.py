"""The recipe of the default ZTF bundle: one place for settings, used to measure and to make it.

1. Pre-train one network on simulated triplets alone.
2. Fine-tune five copies of it on folds of the labelled triplets (by object), each helped by
   unlabelled packets with their deep score as a soft target (weak teacher, never for calibration).
3. Calibrate on the logits of the rows that each copy had not seen.

What these data chose: mask planes and the weak teacher were kept after three variants (neither,
masks, both) had been compared by cross-validation on the same labelled triplets, and the priors of
the simulation were set while looking at them. The cross-validated figures are therefore slightly
optimistic; network, epochs, learning rates and augmentation were set once and not searched.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from skyvet.core.progress import Progress
from skyvet.models.compact_net import CompactConfig
from skyvet.preprocessing.augmentation import AugmentationConfig
from skyvet.preprocessing.batches import BatchConfig, ClassBalance
from skyvet.preprocessing.normalization import Normalization, StampConfig
from skyvet.simulation.night import NightConfig
from skyvet.training.configs import EnsembleConfig, OptimiserConfig, TrainConfig
from skyvet.training.fit import FittedNetwork, fit_network
from skyvet.training.simulated import simulated_triplets

__all__ = ["FINE_TUNING", "PRE_TRAINING", "STAMPS", "pre_train", "simulated_night"]

STAMPS = StampConfig(size_px=63, normalization=Normalization.ROBUST_ASINH, with_mask_planes=True)

PRE_TRAINING = TrainConfig(
    network=CompactConfig(),
    n_epochs=10,
    patience=0,
    validation_fraction=0.0,
    optimiser=OptimiserConfig(learning_rate=2e-3, warm_up_fraction=0.1, ema_decay=0.99),
    batches=BatchConfig(size=64, balance=ClassBalance.SAMPLER),
    seed=11,
)

FINE_TUNING = EnsembleConfig(
    member=TrainConfig(
        network=CompactConfig(),
        n_epochs=25,
        patience=0,
        validation_fraction=0.0,
        optimiser=OptimiserConfig(learning_rate=1e-3, warm_up_fraction=0.1, ema_decay=0.98),
        batches=BatchConfig(size=64, balance=ClassBalance.SAMPLER),
        augmentation=AugmentationConfig(max_shift_px=2),
        seed=7,
    ),
    n_members=5,
    target_prior=0.5,  # alerts come filtered by the survey; Rubin's raw 0.1 would call most bogus
)


def simulated_night(n: int, *, seed: int = 20) -> NightConfig:
    """Return the simulated night that pre-training learns from: half real, half bogus."""
    return NightConfig(n=n, prior=0.5, seed=seed)


def pre_train(
    n_simulated: int, *, n_workers: int = 2, progress: Progress | None = None
) -> FittedNetwork:
    """Train one network on simulated triplets alone."""
    arrays = simulated_triplets(
        simulated_night(n_simulated), STAMPS, n_workers=n_workers, progress=progress
    )
    return fit_network(arrays, PRE_TRAINING, progress=progress)


def start_state(network: FittedNetwork | None) -> Mapping[str, Tensor] | None:
    """Return the weights to fine-tune from; None starts from random ones."""
    return None if network is None else network.state_dict

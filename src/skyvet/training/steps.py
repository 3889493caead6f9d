"""Trainings whose cost is a number of steps, whatever the number of rows."""

from __future__ import annotations

import math

from pydantic import Field

from skyvet.core.configs import Config
from skyvet.training.configs import HardwareConfig, LoopConfig, OptimiserConfig

__all__ = ["StepsConfig"]

_STEPS_AN_EPOCH = 50


class StepsConfig(Config):
    """Steps, optimiser and hardware of a training without validation rows.

    The running mean of the weights stands in for the choice of an epoch.
    """

    n_steps: int = Field(default=400, ge=1, description="steps in all")
    optimiser: OptimiserConfig = OptimiserConfig(
        learning_rate=2e-3, warm_up_fraction=0.1, ema_decay=0.98
    )
    hardware: HardwareConfig = HardwareConfig()

    @property
    def n_epochs(self) -> int:
        """Number of equal parts after each of which a checkpoint is written."""
        return math.ceil(self.n_steps / _STEPS_AN_EPOCH)

    @property
    def steps_per_epoch(self) -> int:
        """Steps of each part; together at least `n_steps`."""
        return math.ceil(self.n_steps / self.n_epochs)

    def loop(self, seed: int) -> LoopConfig:
        """Return what the training loop reads.

        Examples
        --------
        >>> steps = StepsConfig(n_steps=120)
        >>> steps.loop(3).n_epochs, steps.steps_per_epoch
        (3, 40)
        """
        return LoopConfig(
            optimiser=self.optimiser,
            hardware=self.hardware,
            n_epochs=self.n_epochs,
            patience=0,
            validation_fraction=0.0,
            seed=seed,
        )

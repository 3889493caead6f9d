r"""How much a folded light curve goes up and down more than once a cycle.

The excess variation is :math:`V / 2A - 1`, V the total variation of a cycle and A its range: 0 for
any curve with one rise and one fall, 1 for a binary with two equal minima. Folds at wrong periods
wiggle, for they follow noise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.periods.evidence import EvidenceBand

__all__ = ["excess_variation"]

_N_PHASES = 64
_STRENGTH, _STEEPNESS = 30.0, 2.0


def excess_variation(bands: Sequence[EvidenceBand], frequency: float, n_harmonics: int) -> float:
    """Return the excess variation of the smoothed fold, averaged over bands by their power.

    Parameters
    ----------
    bands : sequence of EvidenceBand
        Bands of one source, at least one.
    frequency : float
        Frequency of the fold [1/d].
    n_harmonics : int
        Harmonics of the fold, damped as by the prior of the evidence.

    Returns
    -------
    float
        0 or above.

    Examples
    --------
    >>> time = np.linspace(0, 7, 50)
    >>> wave = np.cos(2 * np.pi * time / 0.7)
    >>> band = EvidenceBand(time_d=time, weight=np.ones(50), weighted_residual=wave)
    >>> [round(excess_variation([band], 1 / period, 4), 1) for period in (0.7, 1.4)]
    [0.0, 1.0]
    """
    grid = _columns(np.linspace(0.0, 1.0, _N_PHASES + 1), n_harmonics)[:, 1:]
    k = np.repeat(np.arange(1.0, n_harmonics + 1), 2)
    prior = np.diag(np.concatenate([[0.0], k**_STEEPNESS / _STRENGTH]))
    excess, power = 0.0, 0.0
    for band in bands:
        columns = _columns(frequency * band.time_d, n_harmonics)
        normal = columns.T @ (columns * band.weight[:, None]) + prior
        curve = grid @ np.linalg.solve(normal, columns.T @ band.weighted_residual)[1:]
        span = float(np.ptp(curve))
        if span > 0:
            variation = float(np.abs(np.diff(curve)).sum())
            excess += len(band) * span**2 * (variation / (2.0 * span) - 1.0)
            power += len(band) * span**2
    return max(excess / power, 0.0) if power > 0 else 0.0


def _columns(phase: FloatArray, n_harmonics: int) -> FloatArray:
    """1, cos 1, sin 1, cos 2, ... of phases; shape (n, 2 K + 1)."""
    angles = 2.0 * np.pi * phase[:, None] * np.arange(1, n_harmonics + 1)
    both = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(len(phase), -1)
    return np.concatenate([np.ones((len(phase), 1)), both], axis=1)

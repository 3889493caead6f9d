"""A small survey of raw stamps: stars, a point source or a hot pixel in the middle."""

from __future__ import annotations

import numpy as np

SIZE_PX = 41
CENTRE = 20
FWHM_PX = 2.4


def star(row: float, column: float, flux: float) -> np.ndarray:
    """Return the light of a star."""
    rows, columns = np.mgrid[:SIZE_PX, :SIZE_PX]
    sigma = FWHM_PX / 2.3548
    profile = np.exp(-0.5 * ((rows - row) ** 2 + (columns - column) ** 2) / sigma**2)
    return (flux * profile / (2 * np.pi * sigma**2)).astype(np.float32)


def raw_survey(n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return stamps, shape (n, 3, 41, 41), and truth: every third is a REAL point source."""
    rng = np.random.default_rng(seed)
    truth = (np.arange(n) % 3 == 0).astype(np.int8)
    stamps = rng.normal(0.0, 1.0, (n, 3, SIZE_PX, SIZE_PX)).astype(np.float32)
    for i, is_real in enumerate(truth):
        angle = rng.uniform(0, 2 * np.pi)
        place = CENTRE + 11 * np.sin(angle), CENTRE + 11 * np.cos(angle)
        stamps[i, :2] += star(*place, 3000.0)
        if is_real:
            offset = rng.uniform(-0.5, 0.5, 2)
            stamps[i, [0, 2]] += star(CENTRE + offset[0], CENTRE + offset[1], rng.uniform(60, 200))
        else:
            stamps[i, [0, 2], CENTRE, CENTRE] += rng.uniform(30, 100)
    return stamps, truth

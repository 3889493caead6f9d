"""Speed of features and periods beside other libraries in the same run; the last line is JSON.

``python -m benchmarks.light_curve_features --data DIR`` takes real light curves of DIR
(``eros_variables``, ``s82_rrlyrae``; made ones where there are none), brings them to 256 or 300
points and a baseline of 1750 d (SCoPe's grid then has 0.84 M frequencies), and measures

- the default features with periods of light curves of 256 points in one band, two processes;
- Lomb-Scargle and conditional entropy of 300 points at 100,000 frequencies, one core;
- pair images (dm-dt) of 300 points, one core.

Every process has one thread (it is started with the variables of the environment that say so). A
figure is the best of several rounds, skyvet and its peers taking turns, so that other work on the
machine does little harm to the ratios.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import light_curve
import nifty_ls
import numpy as np
from astropy.timeseries import LombScargle as AstropyLombScargle

from benchmarks.period_recovery import Star, read_eros, read_s82
from skyvet.core.arrays import FloatArray
from skyvet.core.photometry import magnitude_to_flux_njy
from skyvet.features.band_series import BandSeries
from skyvet.features.light_curves.compute import compute_features
from skyvet.features.light_curves.configs import FeatureConfig
from skyvet.features.light_curves.dmdt import DM_EDGES_MAG, DT_EDGES_D, dmdt_images
from skyvet.features.light_curves.ragged_series import ragged_series_of
from skyvet.features.periods.conditional_entropy import ConditionalEntropy
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.lomb_scargle import LombScargle
from skyvet.records.light_curve_batch import LightCurveBatch

BASELINE_D = 1750.0
N_POINTS, N_POINTS_ONE_CORE = 256, 300
N_FREQUENCIES = 100_000
N_CURVES, N_DMDT = 48, 100
N_WORKERS = 2
N_ROUNDS = 4
JITTER_D = 0.2
PERIODFIND_CE = "3.6-6.2"
SCOPE_FEATURES = "4 (on a GPU)"

Curve = tuple[FloatArray, FloatArray, FloatArray]


def read_curves(folder: Path, n_points: int, n_curves: int) -> tuple[list[Curve], str]:
    """Return light curves of so many points, and what they are made of."""
    stars: list[Star] = []
    for name, read in (("eros_variables", read_eros), ("s82_rrlyrae", read_s82)):
        if (folder / name / "lightcurves.parquet").is_file():
            stars += read(folder / name)
    rng = np.random.default_rng(20)
    series = [max(star.series, key=len) for star in stars if star.series]
    series = [one for one in series if len(one) >= 30]
    if not series:
        return [_made(rng, n_points) for _ in range(n_curves)], "made light curves"
    chosen = rng.choice(len(series), n_curves, replace=len(series) < n_curves)
    return [_resampled(series[i], n_points, rng) for i in chosen], "real light curves"


def _made(rng: np.random.Generator, n_points: int) -> Curve:
    time_d = np.sort(rng.uniform(0.0, BASELINE_D, n_points))
    phase = time_d / rng.uniform(0.2, 5.0)
    error = np.full(n_points, 0.03)
    return time_d, 16.0 + 0.3 * np.sin(2 * np.pi * phase) + error * rng.normal(size=n_points), error


def _resampled(one: BandSeries, n_points: int, rng: np.random.Generator) -> Curve:
    """Draw measurements; one drawn again moves within the night and within its error."""
    place = np.sort(rng.choice(len(one), n_points, replace=len(one) < n_points))
    is_again = np.concatenate([[False], place[1:] == place[:-1]])
    moved = one.time_d[place] + JITTER_D * is_again * rng.random(n_points)
    error = one.magnitude_err[place]
    magnitude = one.magnitude[place] + is_again * error * rng.normal(size=n_points)
    order = np.argsort(moved, kind="stable")
    time_d = (moved[order] - moved[order[0]]) * BASELINE_D / np.ptp(moved)
    return time_d, magnitude[order], error[order]


def batch_of(curves: Sequence[Curve]) -> LightCurveBatch:
    """Return one-band light curves as a batch."""
    time_d, magnitude, error = (np.concatenate(column) for column in zip(*curves, strict=True))
    flux = magnitude_to_flux_njy(magnitude)
    counts = [len(curve[0]) for curve in curves]
    return LightCurveBatch(
        source_ids=np.arange(len(curves)),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        mjd_tai=58_000.0 + time_d,
        flux_njy=flux,
        flux_err_njy=flux * error * np.log(10.0) / 2.5,
        band=np.zeros(len(time_d)),
        bands=("r",),
    )


def series_of(curve: Curve) -> BandSeries:
    """Return one light curve as a series."""
    return BandSeries(band="r", time_d=curve[0], magnitude=curve[1], magnitude_err=curve[2])


def rates(works: dict[str, Callable[[], object]], n_curves: int) -> dict[str, float]:
    """Return light curves a second of several workers that take turns; the best round counts."""
    best = dict.fromkeys(works, np.inf)
    for work in works.values():
        work()
    for _ in range(N_ROUNDS):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - started)
    return {name: n_curves / seconds for name, seconds in best.items()}


def measure_lomb_scargle(curves: Sequence[Curve]) -> dict[str, float]:
    """Return light curves a second of Lomb-Scargle periodograms."""
    grid = FrequencyGrid(f_min=0.01, step=1.0 / (10 * BASELINE_D), n=N_FREQUENCIES)
    finder, frequencies = LombScargle(), grid.frequencies
    works: dict[str, Callable[[], object]] = {
        "skyvet": lambda: [finder.periodogram([series_of(one)], grid) for one in curves],
        "astropy fast": lambda: [
            AstropyLombScargle(*one).power(
                frequencies, method="fast", assume_regular_frequency=True
            )
            for one in curves[:1]
        ],
        "nifty-ls": lambda: [
            nifty_ls.lombscargle(
                *one, fmin=grid.f_min, fmax=grid.f_max, Nf=grid.n, backend="finufft", nthreads=1
            )
            for one in curves
        ],
    }
    found = rates(works, len(curves))
    found["astropy fast"] /= len(curves)
    return found


def measure_conditional_entropy(curves: Sequence[Curve]) -> dict[str, float]:
    """Return light curves a second of conditional entropy; NumPy on 1/500 of the grid, scaled."""
    grid = FrequencyGrid(f_min=0.01, step=1.0 / (10 * BASELINE_D), n=N_FREQUENCIES)
    finder = ConditionalEntropy(device="cpu")
    some = grid.frequencies[::500]
    works: dict[str, Callable[[], object]] = {
        "skyvet": lambda: [finder.periodogram([series_of(one)], grid) for one in curves],
        "NumPy histogram2d": lambda: entropy_of(curves[0], some),
    }
    found = rates(works, len(curves))
    found["NumPy histogram2d"] *= len(some) / N_FREQUENCIES / len(curves)
    return found


def entropy_of(curve: Curve, frequencies: FloatArray) -> FloatArray:
    """Return the conditional entropy (20 phases, 10 magnitudes) as its definition says."""
    time_d, magnitude = curve[0] - curve[0].min(), curve[1]
    scaled = (magnitude - magnitude.min()) / np.ptp(magnitude)
    entropy = np.empty(len(frequencies))
    for i, frequency in enumerate(frequencies):
        counts = np.histogram2d(
            time_d * frequency % 1.0, scaled, bins=(20, 10), range=((0, 1), (0, 1))
        )[0]
        joint = counts / counts.sum()
        in_phase = np.broadcast_to(joint.sum(axis=1, keepdims=True), joint.shape)
        filled = joint > 0
        entropy[i] = np.sum(joint[filled] * np.log(in_phase[filled] / joint[filled]))
    return entropy


def measure_pairs(curves: Sequence[Curve]) -> dict[str, float]:
    """Return light curves a second of pair images."""
    rows = ragged_series_of([series_of(one) for one in curves])
    peer = light_curve.DmDt(
        dt=np.array(DT_EDGES_D), dm=np.array(DM_EDGES_MAG), dt_type="asis", dm_type="asis", norm=[]
    )
    works: dict[str, Callable[[], object]] = {
        "skyvet": lambda: dmdt_images(rows),
        "light-curve DmDt": lambda: [peer.points(one[0], one[1], sorted=True) for one in curves],
    }
    return rates(works, len(curves))


def compute(batch: LightCurveBatch) -> int:
    """Compute the default features of a batch in a worker; return how many there are."""
    return len(compute_features(batch, FeatureConfig()).names)


def measure_features(curves: Sequence[Curve]) -> tuple[float, int]:
    """Return light curves a second of two processes, and how many features each has."""
    batches = [batch_of(curves[i : i + 4]) for i in range(0, len(curves), 4)]
    compute(batches[0])  # compiles here, before two workers would do so at the same time
    with multiprocessing.get_context("spawn").Pool(N_WORKERS) as pool:
        n_features = pool.map(compute, batches[: 2 * N_WORKERS], chunksize=2)[0]
        best = np.inf
        for _ in range(N_ROUNDS):
            started = time.perf_counter()
            pool.map(compute, batches, chunksize=1)
            best = min(best, time.perf_counter() - started)
    return len(curves) / best, n_features


def show(title: str, found: dict[str, float], quoted: str = "") -> float:
    """Print one part of the table; return skyvet's figure."""
    print(f"\n{title}{quoted}")
    for name, value in found.items():
        ratio = "" if name == "skyvet" else f"  skyvet is {found['skyvet'] / value:.1f} times it"
        print(f"  {name:20s} {value:10.1f} /s{ratio}")
    return found["skyvet"]


def main() -> None:
    """Measure, print a table and a last line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    folder = parser.parse_args().data
    for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ[f"{name}_NUM_THREADS"] = "1"
    curves, kind = read_curves(folder, N_POINTS, N_CURVES)
    small, _ = read_curves(folder, N_POINTS_ONE_CORE, N_DMDT)
    print(f"{kind}, brought to {N_POINTS} and {N_POINTS_ONE_CORE} points and {BASELINE_D:g} d")
    values: dict[str, Any] = {}
    values["features_with_periods_per_second"], n_features = measure_features(curves)
    print(
        f"\n{n_features} features with periods, {N_POINTS} points, 0.84 M frequencies, "
        f"{N_WORKERS} processes: {values['features_with_periods_per_second']:.1f} /s "
        f"(SCoPe publishes {SCOPE_FEATURES})"
    )
    on_grid = f"{N_POINTS_ONE_CORE} points, {N_FREQUENCIES} frequencies, one core"
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(measure_lomb_scargle, (small[:8],))
        values["ls_per_second"] = show(f"Lomb-Scargle, {on_grid}", found)
        found = pool.apply(measure_conditional_entropy, (small[:8],))
        quoted = f" (periodfind: {PERIODFIND_CE} /s, quoted: it cannot be installed by pip)"
        values["ce_per_second"] = show(f"Conditional entropy, {on_grid}", found, quoted)
        found = pool.apply(measure_pairs, (small,))
        values["dmdt_per_second"] = show(f"dm-dt 26x26, {N_POINTS_ONE_CORE} points", found)
    print(json.dumps({name: round(float(value), 2) for name, value in values.items()}))


if __name__ == "__main__":
    main()

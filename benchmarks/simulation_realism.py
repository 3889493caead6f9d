"""How far simulated ZTF stamps are from real ones: a table of statistics and the reality gap.

Run ``python -m benchmarks.simulation_realism --data ../shared/data``.
"""

from __future__ import annotations

import argparse
import warnings
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy import ndimage
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from skyvet.simulation.night import NightConfig, simulate_candidate

STAMP_PX = 63
REAL_SHARE = 447 / 519


def load_real(data: Path) -> tuple[np.ndarray, dict[str, list]]:
    """Return real triplets, shape (n, 3, 63, 63), fill values as NaN, and their label columns."""
    labels = pq.read_table(data / "ztf_triplets" / "labels.parquet").to_pydict()
    pixels = np.load(data / "ztf_triplets" / "triplets.npz")["triplets"].transpose(0, 3, 1, 2)
    return np.where(np.abs(pixels) > 1e6, np.nan, pixels), labels


def _simulate_one(job: tuple[NightConfig, int]) -> tuple[np.ndarray, bool]:
    config, i_candidate = job
    made = simulate_candidate(config, i_candidate)
    stamps = np.full((3, STAMP_PX, STAMP_PX), np.nan, dtype=np.float32)
    for kind, cutout in made.candidate.cutouts.items():
        height, width = cutout.shape
        stamps[kind, :height, :width] = cutout.pixels
    # Real triplets were stored with 13 bits of mantissa: nothing may be learnt from the rest.
    stamps = (stamps.view(np.uint32) & np.uint32(0xFFFFFC00)).view(np.float32)
    return np.where(np.abs(stamps) > 1e6, np.nan, stamps), made.truth.label == "real"


def simulate_stamps(
    n: int, *, seed: int = 101, prior: float = REAL_SHARE, n_workers: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Return n simulated triplets, shape (n, 3, 63, 63), and whether each is REAL."""
    config = NightConfig(n=n, seed=seed, prior=prior)
    with get_context("spawn").Pool(n_workers) as pool:
        made = pool.map(_simulate_one, [(config, i) for i in range(n)], chunksize=50)
    return np.array([stamps for stamps, _ in made]), np.array([is_real for _, is_real in made])


def stamp_features(triplet: np.ndarray) -> dict[str, float]:
    """Describe one triplet: levels, noise, correlations, widths, moments, missing pixels."""
    features: dict[str, float] = {}
    for name, image in zip(("science", "template", "difference"), triplet, strict=True):
        middle = np.nanmedian(image)
        spread = 1.4826 * np.nanmedian(np.abs(image - middle)) + 1e-9
        z = (image - middle) / spread
        quiet = np.where(np.abs(z) < 3, z, np.nan)
        variance = np.nanvar(quiet)
        features[f"{name} level"] = float(middle)
        features[f"{name} noise"] = float(spread)
        for label, shift in (("x1", (0, 1)), ("y1", (1, 0)), ("x2", (0, 2)), ("y2", (2, 0))):
            dy, dx = shift
            pairs = quiet[dy:, dx:] * quiet[: STAMP_PX - dy, : STAMP_PX - dx]
            features[f"{name} correlation {label}"] = float(np.nanmean(pairs) / variance)
        columns = np.nanmean(quiet, axis=0)
        features[f"{name} column scatter"] = float(np.nanstd(columns) * np.sqrt(STAMP_PX))
        features[f"{name} bright pixels"] = float((z > 5).sum())
        features[f"{name} dark pixels"] = float((z < -5).sum())
        core = np.nan_to_num(z[24:39, 24:39])
        features[f"{name} centre peak"] = float(np.arcsinh(core.max()))
        features[f"{name} centre trough"] = float(np.arcsinh(core.min()))
        features |= _moments(name, core)
    features["missing share"] = float(np.isnan(triplet[0]).mean())
    return features


def _moments(name: str, core: np.ndarray) -> dict[str, float]:
    """Width and elongation of what lies above 3 sigma at the centre."""
    labels, _ = ndimage.label(core > 3)
    own = labels == labels[7, 7] if labels[7, 7] else np.zeros_like(core, dtype=bool)
    if own.sum() < 2:
        return {f"{name} width": np.nan, f"{name} elongation": np.nan}
    rows, columns = np.nonzero(own)
    weights = core[own] / core[own].sum()
    xx = weights @ (columns - weights @ columns) ** 2 + 1 / 12
    yy = weights @ (rows - weights @ rows) ** 2 + 1 / 12
    xy = weights @ ((columns - weights @ columns) * (rows - weights @ rows))
    half = np.hypot((xx - yy) / 2, xy)
    return {
        f"{name} width": float(2.355 * np.sqrt((xx + yy) / 2)),
        f"{name} elongation": float(np.sqrt(((xx + yy) / 2 + half) / ((xx + yy) / 2 - half))),
    }


def feature_table(stamps: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return features of n triplets, shape (n, k), and their names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # statistics of stamps without pixels
        rows = [stamp_features(triplet) for triplet in stamps]
    return np.array([list(row.values()) for row in rows]), list(rows[0])


def reality_gap(real: np.ndarray, simulated: np.ndarray, groups: np.ndarray) -> float:
    """Return the cross-validated AUC of telling simulated from real; 0.5 is no gap.

    Parameters
    ----------
    real, simulated : ndarray, shape (n, k)
        Features.
    groups : ndarray, shape (len(real) + len(simulated),)
        Object of each row; no object is on both sides of a fold.
    """
    features = np.concatenate([real, simulated])
    is_real = np.repeat([1, 0], [len(real), len(simulated)])
    model = HistGradientBoostingClassifier(max_iter=120, random_state=0)
    scores = cross_val_predict(
        model, features, is_real, groups=groups, cv=GroupKFold(5), method="predict_proba"
    )[:, 1]
    return float(roc_auc_score(is_real, scores))


def single_gaps(real: np.ndarray, simulated: np.ndarray) -> np.ndarray:
    """Return for each feature the AUC of telling the two apart by it alone, 0.5 to 1."""
    is_real = np.repeat([1, 0], [len(real), len(simulated)])
    gaps = []
    for column in np.concatenate([real, simulated]).T:
        auc = roc_auc_score(is_real, np.nan_to_num(column, nan=-99.0))
        gaps.append(max(auc, 1 - auc))
    return np.array(gaps)


def measure(data: Path, *, n: int, n_workers: int) -> tuple[float, str]:
    """Return the reality gap and a table of every statistic, the worst first."""
    stamps, labels = load_real(data)
    simulated, _ = simulate_stamps(n, n_workers=n_workers)
    real_rows, names = feature_table(stamps)
    simulated_rows, _ = feature_table(simulated)
    objects = np.unique(labels["objectId"], return_inverse=True)[1]
    groups = np.concatenate([objects, objects.max() + 1 + np.arange(n)])
    gaps = single_gaps(real_rows, simulated_rows)
    lines = [f"{'statistic':28s} {'gap':>5s}  {'real 10/50/90 %':>30s}  {'simulated':>30s}"]
    for i in np.argsort(-gaps):
        cells = [
            "/".join(f"{value:.3g}" for value in np.nanpercentile(rows[:, i], (10, 50, 90)))
            for rows in (real_rows, simulated_rows)
        ]
        lines.append(f"{names[i]:28s} {gaps[i]:5.3f}  {cells[0]:>30s}  {cells[1]:>30s}")
    return reality_gap(real_rows, simulated_rows, groups), "\n".join(lines)


def main() -> None:
    """Print the table and the gap."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    gap, table = measure(arguments.data, n=arguments.n, n_workers=arguments.workers)
    print(table)
    print(f"reality gap AUC {gap:.3f}")


if __name__ == "__main__":
    main()

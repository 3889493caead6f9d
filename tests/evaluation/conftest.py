"""Joined score tables with known properties."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from skyvet.evaluation.configs import EvaluationConfig

N_ROWS = 400


def make_table(n_rows: int = N_ROWS, seed: int = 3) -> pa.Table:
    """Scores that separate the classes imperfectly, every column given, some rows unlabelled."""
    rng = np.random.default_rng(seed)
    is_real = rng.random(n_rows) < 0.4
    snr = 4.0 + 10.0 * rng.random(n_rows)
    snr[:5] = np.nan
    logit = np.where(is_real, 1.5, -1.5) + rng.normal(size=n_rows) * 1.3
    score = 1 / (1 + np.exp(-logit))
    survey_score = 1 / (1 + np.exp(-0.4 * logit - rng.normal(size=n_rows)))
    survey_score[::4] = np.nan
    labels = np.where(is_real, "real", "bogus").astype(object)
    labels[7::40] = "unknown"
    labels[9::40] = None
    return pa.table(
        {
            "survey": ["ztf"] * n_rows,
            "candidate_id": np.arange(n_rows) + 10**15,
            "object_id": [f"ZTF{i // 2}" for i in range(n_rows)],
            "band": rng.choice(["g", "r"], n_rows),
            "snr": snr.astype(np.float32),
            "magnitude": rng.uniform(16, 20, n_rows).astype(np.float32),
            "edge_distance_px": rng.uniform(0, 900, n_rows).astype(np.float32),
            "flags": np.where(rng.random(n_rows) < 0.2, 64, 0).astype(np.int32),
            "score": score,
            "verdict": np.where(score > 0.6, "real", np.where(score < 0.4, "bogus", "review")),
            "is_calibrated": [True] * n_rows,
            "survey_score": survey_score,
            "survey_score_version": ["drb d6_m7"] * n_rows,
            "bundle": ["test-bundle 1.0"] * n_rows,
            "label": pa.array(labels.tolist()),
            "label_subclass": np.where(is_real, "asteroid", "dipole"),
            "label_source": ["truth"] * n_rows,
        }
    )


@pytest.fixture(scope="session")
def table() -> pa.Table:
    """400 scored candidates, 380 of them labelled real or bogus."""
    return make_table()


@pytest.fixture(scope="session")
def quick_config() -> EvaluationConfig:
    """Few resamples: the tests look at the figures, not at the ends of the intervals."""
    return EvaluationConfig(n_resamples=40, seed=1)


@pytest.fixture(scope="session")
def stamps() -> Callable[[list[int | str]], list[np.ndarray | None]]:
    """Stamps of any candidate but the first: noise with a source, some pixels missing."""

    def fetch(ids: list[int | str]) -> list[np.ndarray | None]:
        rng = np.random.default_rng(0)
        triplets = rng.normal(size=(len(ids), 3, 21, 21)).astype(np.float32)
        triplets[:, :, 10, 10] += 30
        triplets[:, :, :4] = np.nan
        return [None, *triplets[1:]]

    return fetch

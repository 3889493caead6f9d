"""Periods of partitions: one row a source, joined in order."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.inference.partitions.toy_task import CountedSteps

from skyvet.features.band_series import band_series_of
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.features.periods.search import find_periods
from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.inference.partitions.engine import run_partitions
from skyvet.inference.partitions.light_curve_input import open_light_curve_input
from skyvet.inference.partitions.periods import PeriodTask, join_periods
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.preprocessing.light_curve_cuts import CutConfig

QUICK = PeriodSearchConfig(f_max_per_d=4.0, n_peaks=3, algorithms=("mhaov", "ls"))
PERIOD_D = 0.61


@pytest.fixture
def opened(tmp_path):
    rng = np.random.default_rng(9)
    rows = []
    for i_source in range(3):
        time = np.sort(rng.uniform(58000, 58060, 60 if i_source < 2 else 12))
        wave = 0.4 * np.sin(2 * np.pi * time / PERIOD_D)
        rows.append(
            {
                "source_id": i_source,
                "time": time,
                "mag": 16 + wave + rng.normal(0, 0.02, len(time)),
                "magerr": np.full(len(time), 0.02),
                "band": ["r"] * len(time),
            }
        )
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "lc.parquet")
    config = LightCurveInputConfig(sources_per_partition=1)
    return open_light_curve_input(
        [tmp_path / "lc.parquet"], config=config, cuts=CutConfig(min_epochs=20)
    )


def test_each_source_has_its_period_and_the_peaks_of_each_algorithm(opened, tmp_path):
    task = PeriodTask(reading=opened.reading, config=QUICK)
    run = run_partitions(task, opened.partitions, tmp_path / "out", config=ClusterConfig())
    assert (run.n_results, run.counts["cut_few_epochs"], run.counts["n_with_period"]) == (2, 1, 2)
    assert run.counts["n_significant"] == 2
    table = pq.read_table(join_periods(tmp_path / "out"))
    assert table["source_id"].to_pylist() == [0, 1]
    np.testing.assert_allclose(table["period_d"].to_numpy(), PERIOD_D, rtol=1e-3)
    assert all(len(peaks) == 3 for peaks in table["ls_period_d"].to_pylist())
    names = json.loads(table.schema.metadata[b"skyvet.periods"])["alias_names"]
    assert len(names) == len(table["alias_period_d"][0])


def test_table_says_what_the_search_found(opened, tmp_path):
    (batch, _) = opened.reading.source.read(opened.partitions[0].content)
    found = find_periods(band_series_of(batch, 0), QUICK)
    task = PeriodTask(reading=opened.reading, config=QUICK)
    task.run(opened.partitions[0], tmp_path)
    (row,) = pq.read_table(tmp_path / "periods.parquet").to_pylist()
    assert row["period_d"] == found.period_d
    assert row["period_flags"] == int(found.flags)
    np.testing.assert_array_equal(row["mhaov_significance"], found.peaks[0].significance)


def test_period_of_noise_counts_as_found_but_not_as_significant(tmp_path):
    rng = np.random.default_rng(4)
    row = {
        "source_id": 1,
        "time": np.sort(rng.uniform(58000, 58060, 60)),
        "mag": rng.normal(16, 0.02, 60),
        "magerr": np.full(60, 0.02),
        "band": ["r"] * 60,
    }
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "lc.parquet")
    noise = open_light_curve_input(
        [tmp_path / "lc.parquet"], config=LightCurveInputConfig(), cuts=CutConfig()
    )
    task = PeriodTask(reading=noise.reading, config=QUICK)
    counts = task.run(noise.partitions[0], tmp_path).counts
    assert (counts["n_with_period"], counts["n_significant"]) == (1, 0)


def test_progress_is_told_of_every_source(opened, tmp_path):
    steps = CountedSteps()
    task = PeriodTask(reading=opened.reading, config=QUICK)
    task.run(opened.partitions[0], tmp_path, progress=steps)
    assert (steps.stages, steps.steps) == ([("periods", 1)], [1])

"""Features and class probabilities of light curves do not depend on how the work was cut."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.inference.partitions.toy_task import CountedSteps
from tests.source_makers import make_classes

from skyvet.cli.main import main
from skyvet.features.light_curves.configs import FeatureConfig
from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.inference.partitions.engine import PartitionRun, run_partitions
from skyvet.inference.partitions.estimate import estimate_cost
from skyvet.inference.partitions.features import FeatureTask, feature_table_of, join_features
from skyvet.inference.partitions.light_curve_input import (
    OpenedLightCurves,
    open_light_curve_input,
)
from skyvet.inference.partitions.sources import (
    FeatureScoreTask,
    feature_partitions,
    is_feature_table,
    join_source_score_parts,
)
from skyvet.inference.source_scores import score_feature_table
from skyvet.io.catalogues.configs import CrossMatchConfig
from skyvet.io.feature_tables import read_feature_table, write_feature_table
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.source_score_tables import read_source_scores
from skyvet.models.source_bundle import load_source_bundle
from skyvet.preprocessing.light_curve_cuts import CutConfig

HERE = ClusterConfig()
LIGHT = FeatureConfig(has_periods=False, has_snad=False)
CUTS = CutConfig(min_epochs=10)
N_SOURCES = 12


@pytest.fixture(scope="module")
def light_curves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve sources, one row each; the last four have a band of their own, two are short."""
    rng = np.random.default_rng(5)
    rows = []
    for i_source in range(N_SOURCES):
        n_epochs = 4 if i_source in (3, 7) else 30
        bands = ["g", "r"] if i_source < 8 else ["r", "i"]
        rows.append(
            {
                "source_id": 1000 + i_source,
                "ra": 10.0 + i_source / 100,
                "dec": -5.0,
                "time": np.sort(rng.uniform(58000, 58300, n_epochs)),
                "mag": rng.normal(18, 0.3, n_epochs),
                "magerr": np.full(n_epochs, 0.05),
                "band": [bands[i % 2] for i in range(n_epochs)],
            }
        )
    path = tmp_path_factory.mktemp("light_curves") / "lc.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def _open(path: Path, *, size: int, **choices: object) -> OpenedLightCurves:
    config = LightCurveInputConfig(sources_per_partition=size)
    return open_light_curve_input([path], config=config, cuts=CUTS, **choices)  # type: ignore[arg-type]


def _features(path: Path, out: Path, *, size: int, config: ClusterConfig = HERE) -> PartitionRun:
    opened = _open(path, size=size)
    task = FeatureTask(reading=opened.reading, config=LIGHT)
    run = run_partitions(task, opened.partitions, out, config=config)
    join_features(out, LIGHT)
    return run


def test_every_source_is_a_row_or_a_counted_cut(light_curves, tmp_path):
    run = _features(light_curves, tmp_path / "f", size=4)
    assert run.n_partitions == 3
    assert run.counts["n_sources"] == N_SOURCES
    assert run.counts["cut_few_epochs"] == 2
    assert run.n_results == N_SOURCES - 2
    table = read_feature_table(tmp_path / "f")
    assert table.source_ids.tolist() == [1000 + i for i in range(N_SOURCES) if i not in (3, 7)]
    assert set(table.columns) >= {"ra_deg", "dec_deg", "survey"}


@pytest.mark.parametrize("size", [1, 5])
def test_joined_features_do_not_depend_on_the_partitions(light_curves, tmp_path, size):
    """Partitions that lack a band get what a source without epochs in it has."""
    _features(light_curves, tmp_path / "whole", size=N_SOURCES)
    _features(light_curves, tmp_path / "cut", size=size)
    whole, cut = (read_feature_table(tmp_path / name) for name in ("whole", "cut"))
    assert set(whole.names) == set(cut.names)
    np.testing.assert_array_equal(cut.select(whole.names).values, whole.values)
    assert cut.dmdt_names == whole.dmdt_names
    np.testing.assert_array_equal(cut.dmdt, whole.dmdt)


def test_task_that_travelled_to_a_worker_gives_the_same(light_curves, tmp_path):
    opened = _open(light_curves, size=4)
    task = FeatureTask(reading=opened.reading, config=LIGHT)
    travelled, partition = pickle.loads(pickle.dumps((task, opened.partitions[2])))
    for name, one in (("here", task), ("there", travelled)):
        (tmp_path / name).mkdir()
        one.run(partition, tmp_path / name)
    here, there = (
        pq.read_table(tmp_path / name / "features.parquet") for name in ("here", "there")
    )
    pd.testing.assert_frame_equal(here.to_pandas(), there.to_pandas(), check_exact=True)


def test_corrupt_file_is_a_rejection_and_the_others_are_done(light_curves, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.parquet").write_bytes(light_curves.read_bytes())
    (folder / "b.parquet").write_bytes(light_curves.read_bytes()[:300])
    opened = _open(folder, size=6)
    task = FeatureTask(reading=opened.reading, config=LIGHT)
    run = run_partitions(task, opened.partitions, tmp_path / "f", config=HERE)
    assert (run.n_results, run.rejections) == (N_SOURCES - 2, {"unreadable_file": 1})


def test_catalogue_columns_are_matched_and_names_of_features_kept_apart(light_curves, tmp_path):
    stars = pa.table(
        {"objid": [1], "ra": [10.0 + 0.1 / 3600], "dec": [-5.0], "gMeanPSFMag": [17.5]}
    )
    pq.write_table(stars, tmp_path / "ps1.parquet")
    match = CrossMatchConfig(catalogue="ps1", path=str(tmp_path / "ps1.parquet"))
    opened = _open(light_curves, size=N_SOURCES, matches=[match])
    read = opened.reading.read(opened.partitions[0])
    assert read.batch.columns["PS1_DR1___id"].tolist()[:2] == ["1", ""]
    named = dataclasses.replace(read.batch, columns={"iqr_r": np.zeros(len(read.batch))})
    assert "input_iqr_r" in feature_table_of(named, LIGHT).columns


def test_cost_counts_only_what_passes_the_cuts(light_curves):
    opened = _open(light_curves, size=4)
    task = FeatureTask(reading=opened.reading, config=LIGHT)
    cost = estimate_cost(task, opened.partitions, n_workers=2)
    assert cost is not None
    assert (cost.n_items, cost.n_sampled) == (N_SOURCES, 3)
    assert cost.seconds < cost.seconds_per_item * N_SOURCES / 2 + 3


@pytest.fixture(scope="module")
def feature_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("features") / "features.parquet"
    table, _ = make_classes(50, seed=3)
    write_feature_table(path, [table.take(np.arange(i, i + 10)) for i in range(0, 50, 10)])
    return path


def test_row_groups_are_scored_like_the_table(source_bundle_path, feature_file, tmp_path):
    bundle = load_source_bundle(source_bundle_path)
    task, partitions = feature_partitions([feature_file], bundle=bundle, survey="")
    assert len(partitions) == 5
    run = run_partitions(task, partitions, tmp_path / "parts", config=HERE)
    assert run.n_results == 50
    join_source_score_parts(tmp_path / "parts", tmp_path / "s.parquet")
    joined = read_source_scores(tmp_path / "s.parquet")
    expected = score_feature_table(read_feature_table(feature_file), bundle)
    assert joined.source_ids.tolist() == expected.source_ids.tolist()
    # The file keeps float32.
    np.testing.assert_allclose(joined.probabilities, expected.probabilities, rtol=0, atol=1e-7)
    np.testing.assert_array_equal(joined.is_positive, expected.is_positive)


def test_features_are_told_from_light_curves(feature_file, light_curves, tmp_path):
    assert is_feature_table(feature_file)
    assert is_feature_table(feature_file.parent)
    assert not is_feature_table(light_curves)
    assert not is_feature_table(tmp_path)


def test_damaged_row_group_is_one_rejection(source_bundle_path, feature_file, tmp_path):
    damaged = tmp_path / "damaged.parquet"
    content = bytearray(feature_file.read_bytes())
    content[40:400] = bytes(360)
    damaged.write_bytes(bytes(content))
    bundle = load_source_bundle(source_bundle_path)
    task, partitions = feature_partitions([damaged], bundle=bundle, survey="")
    assert isinstance(task, FeatureScoreTask)
    run = run_partitions(task, partitions, tmp_path / "parts", config=HERE)
    assert (run.n_results, run.rejections) == (40, {"unreadable_file": 1})


def _skyvet(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


def test_score_command_takes_features(source_bundle_path, feature_file, tmp_path, capsys):
    out = tmp_path / "s.parquet"
    options = ("--bundle", source_bundle_path, "--out", out, "--json")
    assert _skyvet("score", feature_file, *options) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["n_results"], document["n_rejected"]) == (50, 0)
    assert len(read_source_scores(out)) == 50
    assert not (tmp_path / "s.parquet.parts").exists()


def test_features_command_says_what_it_would_cost_and_does_nothing(light_curves, tmp_path, capsys):
    out = tmp_path / "f"
    settings = ("--cuts.min-epochs", 10, "--no-has-periods", "--no-has-snad")
    assert _skyvet("features", light_curves, "--out", out, *settings, "--dry-run", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["n_partitions"], document["n_items"]) == (1, N_SOURCES)
    assert not out.exists()


def test_light_curves_need_a_bundle_of_sources(light_curves, tmp_path, capsys):
    assert _skyvet("score", light_curves, "--kind", "light-curves", "--out", tmp_path / "s") == 4
    assert "does not classify light curves" in capsys.readouterr().err


def test_progress_of_features_reaches_the_number_of_sources(light_curves, tmp_path):
    """Cut sources are made up for at the end of their partition."""
    steps = CountedSteps()
    opened = _open(light_curves, size=6)
    task = FeatureTask(reading=opened.reading, config=LIGHT)
    run_partitions(task, opened.partitions, tmp_path, config=HERE, progress=steps)
    assert steps.stages == [("sources", N_SOURCES)]
    assert steps.steps == [5, 1, 5, 1]

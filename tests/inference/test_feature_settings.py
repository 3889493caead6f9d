"""Settings of features travel from `skyvet features` to scoring, and are held to there."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.source_makers import make_classes

from skyvet.cli.main import main
from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.features.light_curves.configs import FeatureConfig
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.inference.feature_settings import (
    changed_feature_settings,
    feature_settings,
    recorded_settings,
)
from skyvet.io.feature_tables import (
    join_feature_tables,
    read_feature_table,
    write_feature_table,
)
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.source_score_tables import read_source_scores
from skyvet.models.source_bundle import load_source_bundle
from skyvet.preprocessing.light_curve_cuts import CutConfig

OWN = FeatureConfig(has_dmdt=False, periods=PeriodSearchConfig(n_peaks=3))
RECORDED = feature_settings(OWN, CutConfig(min_cadence_min=5.0))
N_SOURCES = 60


def test_recorded_settings_are_the_default():
    config, cuts = recorded_settings(RECORDED, FeatureConfig(), CutConfig(min_epochs=7))
    assert config == OWN
    assert cuts == CutConfig(min_cadence_min=5.0, min_epochs=7)


def test_settings_that_are_repeated_are_no_contradiction():
    again = FeatureConfig(periods=PeriodSearchConfig(n_peaks=3))
    assert recorded_settings(RECORDED, again, CutConfig(min_cadence_min=5.0))[0] == OWN


@pytest.mark.parametrize(
    ("config", "cuts", "named"),
    [
        (FeatureConfig(periods=PeriodSearchConfig(n_peaks=9)), CutConfig(), "periods.n_peaks"),
        (FeatureConfig(has_dmdt=True), CutConfig(), "features.has_dmdt was false, now true"),
        (FeatureConfig(), CutConfig(min_cadence_min=30.0), "cuts.min_cadence_min"),
    ],
)
def test_a_contradiction_is_an_error_that_names_it(config, cuts, named):
    with pytest.raises(InvalidInputError, match=named):
        recorded_settings(RECORDED, config, cuts)


def test_nothing_recorded_leaves_the_choice_to_the_person():
    config, cuts = FeatureConfig(has_snad=False), CutConfig(min_cadence_min=1.0)
    assert recorded_settings({}, config, cuts) == (config, cuts)


def test_unknown_recorded_settings_are_a_fault_of_the_bundle():
    with pytest.raises(BundleError, match="this version"):
        recorded_settings({"features": {"has_wings": True}}, FeatureConfig(), CutConfig())


def test_choice_of_sources_and_of_time_is_not_recorded():
    cuts = CutConfig(min_epochs=3, last_mjd_tai=60000.0)
    assert feature_settings(OWN, cuts) == feature_settings(OWN, CutConfig())


def test_tables_keep_their_settings_and_do_not_mix_others(tmp_path):
    table, _ = make_classes(20)
    own = dataclasses.replace(table, settings=RECORDED)
    write_feature_table(tmp_path / "own.parquet", own)
    read = read_feature_table(tmp_path / "own.parquet")
    assert read.settings == json.loads(json.dumps(RECORDED))
    assert read.take(np.arange(3)).select(("noise",)).settings == read.settings
    assert join_feature_tables([own, own]).settings == RECORDED
    assert join_feature_tables([own, table]).settings == {}
    other = dataclasses.replace(table, settings=feature_settings(FeatureConfig(has_snad=False)))
    with pytest.raises(InvalidInputError, match="has_dmdt was false, now true"):
        join_feature_tables([own, other])


def test_tables_of_other_bands_join_and_leave_the_bands_open():
    table, _ = make_classes(4)
    one, two = (
        dataclasses.replace(table, settings=feature_settings(FeatureConfig(bands=bands)))
        for bands in (("g",), ("r",))
    )
    joined = join_feature_tables([one, two])
    assert joined.settings["features"]["bands"] == []
    assert changed_feature_settings(one.settings, two.settings) == ""


def _skyvet(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Light curves with epochs five minutes apart, and a bundle of features that keep them."""
    pytest.importorskip("xgboost")
    folder = tmp_path_factory.mktemp("settings")
    rng = np.random.default_rng(8)
    rows, labels = [], ["source_id,class"]
    for i_source in range(N_SOURCES):
        nights = np.sort(rng.uniform(58000, 58200, 30))
        rows.append(
            {
                "source_id": 500 + i_source,
                "ra": 20.0 + i_source / 50,
                "dec": 10.0,
                "time": np.sort(np.concatenate([nights, nights + 5 / 1440])),
                "mag": rng.normal(18, 0.05 + 0.4 * (i_source % 2), 60),
                "magerr": np.full(60, 0.05),
                "band": ["g", "r", "g"] * 20,
            }
        )
        labels.append(f"{500 + i_source},{('nonvar', 'agn')[i_source % 2]}")
    pq.write_table(pa.Table.from_pylist(rows), folder / "lc.parquet")
    (folder / "labels.csv").write_text("\n".join(labels) + "\n")
    own = ("--no-has-periods", "--no-has-snad", "--cuts.min-cadence-min", 0, "--bands", "g,r")
    assert _skyvet("features", folder / "lc.parquet", "--out", folder / "features", *own) == 0
    assert _skyvet(
        "train", "sources", folder / "features", "--labels", folder / "labels.csv",
        "--out", folder / "bundle", "--n-inner-folds", 2, "--taxonomy", "phenomenological",
        "--learners", '[{"kind": "boosted", "max_rounds": 8, "max_depth": 2}]',
        "--min-positives", 10,
    ) == 0  # fmt: skip
    return folder


def _score(folder, source, out, *more):
    bundle = ("--bundle", folder / "bundle", "--kind", "light-curves")
    return _skyvet("score", folder / source, *bundle, "--out", out, *more)


def test_light_curves_score_like_their_features_without_any_option(trained, tmp_path, capsys):
    assert _score(trained, "features", tmp_path / "a.parquet") == 0
    assert _score(trained, "lc.parquet", tmp_path / "b.parquet") == 0
    assert "other settings" not in capsys.readouterr().err
    a, b = (read_source_scores(tmp_path / f"{name}.parquet") for name in "ab")
    assert a.source_ids.tolist() == b.source_ids.tolist()
    assert len(a) == N_SOURCES
    np.testing.assert_array_equal(a.probabilities, b.probabilities)
    np.testing.assert_array_equal(a.n_missing, b.n_missing)
    settings = load_source_bundle(trained / "bundle").info.feature_settings
    assert settings["cuts"]["min_cadence_min"] == 0.0
    assert settings["features"]["has_snad"] is False


def test_an_option_that_contradicts_the_bundle_is_refused(trained, tmp_path, capsys):
    more = ("--cuts.min-cadence-min", 30)
    assert _score(trained, "lc.parquet", tmp_path / "s.parquet", *more) == 3
    assert "cuts.min_cadence_min was 0.0, now 30.0" in capsys.readouterr().err


def test_a_table_of_other_settings_is_scored_with_a_warning(trained, tmp_path, capsys):
    own = ("--no-has-periods", "--no-has-snad", "--cuts.min-epochs", 20)
    assert _skyvet("features", trained / "lc.parquet", "--out", tmp_path / "f", *own) == 0
    capsys.readouterr()
    assert _score(trained, tmp_path / "f", tmp_path / "s.parquet") == 0
    assert "cuts.min_cadence_min was 0.0, now 30.0" in " ".join(capsys.readouterr().err.split())


def test_settings_survive_consolidation(trained, tmp_path):
    table = read_feature_table(trained / "features")
    out = tmp_path / "sources.parquet"
    assert _skyvet("consolidate", trained / "features/features.parquet", "--out", out) == 0
    assert read_feature_table(out).settings == table.settings


def test_how_light_curves_were_read_travels_and_does_not_keep_tables_apart():
    eros = feature_settings(OWN, light_curves=LightCurveInputConfig(preset="eros"))
    assert eros["light_curves"] == {"preset": "eros"}
    assert "light_curves" not in feature_settings(OWN, light_curves=LightCurveInputConfig())
    assert changed_feature_settings(eros, feature_settings(OWN)) == ""
    assert recorded_settings(eros, FeatureConfig(), CutConfig())[0] == OWN
    table, _ = make_classes(4)
    one, two = (
        dataclasses.replace(table, settings=settings) for settings in (eros, feature_settings(OWN))
    )
    assert join_feature_tables([one, one]).settings == eros
    assert join_feature_tables([one, two]).settings == two.settings


def test_a_bundle_reads_light_curves_as_those_that_it_learned_from(tmp_path, trained, capsys):
    table = pq.read_table(trained / "lc.parquet")
    names = {"mag": "flux", "magerr": "fluxerr"}
    renamed = table.rename_columns([names.get(name, name) for name in table.column_names])
    pq.write_table(renamed, tmp_path / "flux.parquet")
    own = ("--no-has-periods", "--no-has-snad", "--cuts.min-cadence-min", 0, "--bands", "g,r")
    own += ("--light-curves.brightness", "magnitude")
    assert _skyvet("features", tmp_path / "flux.parquet", "--out", tmp_path / "f", *own) == 0
    assert _skyvet(
        "train", "sources", tmp_path / "f", "--labels", trained / "labels.csv",
        "--out", tmp_path / "bundle", "--n-inner-folds", 2, "--taxonomy", "phenomenological",
        "--learners", '[{"kind": "boosted", "max_rounds": 8, "max_depth": 2}]',
        "--min-positives", 10,
    ) == 0  # fmt: skip
    settings = load_source_bundle(tmp_path / "bundle").info.feature_settings
    assert settings["light_curves"] == {"brightness": "magnitude"}
    capsys.readouterr()
    assert _score(tmp_path, "flux.parquet", tmp_path / "a.parquet") == 0
    assert "read with brightness=magnitude" in " ".join(capsys.readouterr().err.split())
    assert _score(tmp_path, "f", tmp_path / "b.parquet") == 0
    a, b = (read_source_scores(tmp_path / f"{name}.parquet") for name in "ab")
    np.testing.assert_array_equal(a.probabilities, b.probabilities)
    flux = ("--light-curves.brightness", "flux")
    assert _score(tmp_path, "flux.parquet", tmp_path / "c.parquet", *flux) == 3
    assert "brightness=flux contradicts" in " ".join(capsys.readouterr().err.split())

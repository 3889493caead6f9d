"""`skyvet evaluate` on scores of sources: from files to pages."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.source_makers import TAXONOMY, make_classes

from skyvet.cli.main import main
from skyvet.inference.source_scores import score_feature_table
from skyvet.io.feature_tables import read_feature_table, write_feature_table
from skyvet.io.light_curve_tables import LightCurveRow, write_light_curves
from skyvet.io.source_score_tables import write_source_scores
from skyvet.io.taxonomy_files import write_taxonomy
from skyvet.models.source_bundle import load_source_bundle
from skyvet.records.light_curve import LightCurve

pytest.importorskip("xgboost")
pytest.importorskip("matplotlib")
_LEARNERS = '[{"kind": "boosted", "max_rounds": 10, "max_depth": 3}]'
_FAST = ("--n-resamples", "20", "--n-examples", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A bundle trained on half of the sources, and files of the other half."""
    path = tmp_path_factory.mktemp("evaluate-sources")
    table, classes = make_classes(300)
    trained, judged = np.arange(150), np.arange(150, 300)
    write_feature_table(path / "trained.parquet", table.take(trained))
    write_feature_table(path / "judged.parquet", table.take(judged))
    rows = [f"{i},{name}\n" for i, name in zip(table.source_ids.tolist(), classes, strict=True)]
    (path / "labels.csv").write_text("source_id,class\n" + "".join(rows))
    write_taxonomy(path / "own.yaml", TAXONOMY)
    write_light_curves(
        path / "curves.parquet",
        [LightCurveRow(object_id=str(i), light_curve=_curve()) for i in table.source_ids[judged]],
    )
    command = [
        "train", "sources", str(path / "trained.parquet"), "--labels", str(path / "labels.csv"),
        "--taxonomy", str(path / "own.yaml"), "--out", str(path / "bundle"), "--learners",
        _LEARNERS, "--n-inner-folds", "2", "--min-positives", "10", "--json",
    ]  # fmt: skip
    with pytest.raises(SystemExit) as done:
        main(command)
    assert done.value.code == 0
    return path


def _curve():
    flux = np.array([1e4, 2e4, 1.5e4])
    return LightCurve(
        mjd_tai=np.array([59000.0, 59001.0, 59002.0]),
        flux_njy=flux,
        flux_err_njy=0.01 * flux,
        band=np.array(["g", "r", "g"]),
        is_upper_limit=np.zeros(3, dtype=bool),
        is_difference=False,
    )


def _evaluate(folder, out, *more):
    words = ["evaluate", "--labels", str(folder / "labels.csv"), "--out", str(out), *_FAST, *more]
    with pytest.raises(SystemExit) as done:
        main(words)
    return done.value.code


def test_a_bundle_scores_features_and_is_judged(folder, tmp_path, capsys):
    out = tmp_path / "report"
    more = ("--bundle", str(folder / "bundle"), "--data", str(folder / "judged.parquet"))
    curves = ("--light-curves", str(folder / "curves.parquet"))
    assert _evaluate(folder, out, *more, *curves, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    facts = json.loads((out / "report.json").read_text())
    assert facts["n_labelled"] == 150
    assert "single sources are in both is not known" in facts["protocol"]
    assert document["macro_f1"] == pytest.approx(facts["macro_f1"])
    assert {one["threshold_origin"] for one in facts["classes"]} == {"the classifier's own"}
    first = facts["classes"][0]
    assert first["importances"]
    assert 'class="lc"' in (out / "classes" / f"{first['tag']}.html").read_text()
    assert _evaluate(folder, tmp_path / "again", "--scores", str(out / "scores.parquet"),
                     "--taxonomy", str(folder / "own.yaml"), "--json") == 0  # fmt: skip
    again = json.loads((tmp_path / "again" / "report.json").read_text())
    assert [one["auc"]["value"] for one in again["classes"]] == pytest.approx(
        [one["auc"]["value"] for one in facts["classes"]]
    )
    assert {one["threshold"] for one in again["classes"]} == {0.5}


def test_a_source_in_several_rows_is_judged_once_and_said(folder, tmp_path, capsys):
    scores = score_feature_table(
        read_feature_table(folder / "judged.parquet"), load_source_bundle(folder / "bundle")
    )
    write_source_scores(tmp_path / "twice.parquet", [scores, scores])
    more = ("--scores", str(tmp_path / "twice.parquet"), "--taxonomy", str(folder / "own.yaml"))
    assert _evaluate(folder, tmp_path / "out", *more) == 0
    assert json.loads((tmp_path / "out" / "report.json").read_text())["n_labelled"] == 150
    assert "150 rows of the scores repeat a source" in " ".join(capsys.readouterr().err.split())


def test_judging_the_training_sources_is_warned_of(folder, tmp_path, capsys):
    more = ("--bundle", str(folder / "bundle"), "--data", str(folder / "trained.parquet"))
    assert _evaluate(folder, tmp_path, *more) == 0
    assert "trained on these very sources" in capsys.readouterr().err
    assert "trained on these very sources" in (tmp_path / "report.html").read_text()


def test_the_table_of_classes_fits_into_80_columns(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    more = ("--bundle", str(folder / "bundle"), "--data", str(folder / "judged.parquet"))
    assert _evaluate(folder, tmp_path, *more) == 0
    shown = capsys.readouterr().out
    assert "…" not in shown
    for heading in ("class", "AP", "precision", "recall", "F1", "ECE"):
        assert heading in shown


def test_features_are_asked_for(folder, tmp_path, capsys):
    assert _evaluate(folder, tmp_path, "--bundle", str(folder / "bundle")) != 0
    assert "give --scores, or --bundle with a feature table" in capsys.readouterr().err

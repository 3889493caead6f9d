"""`skyvet train sources`: from files to a bundle, and what it tells of its input."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from tests.source_makers import TAXONOMY, make_classes

from skyvet.cli.main import main
from skyvet.inference.source_scores import score_feature_table
from skyvet.io.feature_tables import read_feature_table, write_feature_table
from skyvet.io.taxonomy_files import write_taxonomy
from skyvet.models.source_bundle import load_source_bundle

pytest.importorskip("xgboost")
LEARNERS = '[{"kind": "boosted", "max_rounds": 15, "max_depth": 3}]'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("train-sources")
    table, classes = make_classes(300)
    write_feature_table(path / "features.parquet", table.take(np.arange(290)))
    classes[0] = "comet"
    rows = [f"{i},{name}\n" for i, name in zip(table.source_ids.tolist(), classes, strict=True)]
    (path / "labels.csv").write_text("source_id,class\n" + "".join(rows))
    write_taxonomy(path / "own.yaml", TAXONOMY)
    return path


def _run(folder, out, *more):
    main(
        [
            "train", "sources", str(folder / "features.parquet"), "--labels",
            str(folder / "labels.csv"), "--taxonomy", str(folder / "own.yaml"), "--out", str(out),
            "--learners", LEARNERS, "--n-inner-folds", "2", *more,
        ]
    )  # fmt: skip


def test_files_become_a_bundle_that_scores(folder, tmp_path, capsys):
    out = tmp_path / "bundle"
    with pytest.raises(SystemExit) as done:
        _run(folder, out, "--json", "--min-positives", "60")
    assert done.value.code == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["n_labelled"] == 289
    assert document["n_absent"] == 10
    assert document["classes"]["vnv"]["auc"] > 0.75
    assert set(document["left_out"]) == {"agn"}
    assert "1 of 300 rows name classes that the taxonomy does not have" in printed.err
    assert "class_tags of a taxonomy file of your own" in printed.err
    assert "10 labelled sources have no features" in printed.err
    assert "1 classes are left out: agn" in printed.err
    bundle = load_source_bundle(out)
    assert bundle.info.surveys == ("ztf",)
    scores = score_feature_table(read_feature_table(folder / "features.parquet"), bundle)
    assert scores.is_calibrated.all()
    assert len(scores) == 290


def test_the_models_command_shows_it(folder, tmp_path, capsys):
    out = tmp_path / "bundle"
    with pytest.raises(SystemExit):
        _run(folder, out)
    printed = capsys.readouterr().out
    assert "Figures on inner folds" in printed
    assert "labelled, without features: left out" in printed
    assert "n_absent" not in printed
    with pytest.raises(SystemExit) as done:
        main(["models", "show", str(out), "--json"])
    assert done.value.code == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "skyvet-source-bundle"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--taxonomy", "no-such"), "there is no taxonomy 'no-such'"),
        (("--labels", "none.csv"), "none.csv"),
        (("--split.sky-block-deg", "100"), "--split.sky-block-deg"),
        (("--features", "redness"), "redness"),
        (("--min-positives", "9999"), "no class can be trained"),
        (("--split.group-column", "star"), "no column 'star'"),
    ],
)
def test_what_cannot_be_trained_is_said_in_one_line(folder, tmp_path, capsys, more, message):
    with pytest.raises(SystemExit) as done:
        _run(folder, tmp_path / "bundle", *more)
    assert done.value.code == 3
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last


def test_something_else_is_not_overwritten(folder, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(SystemExit) as done:
        _run(folder, tmp_path / "mine")
    assert done.value.code == 4
    assert (tmp_path / "mine" / "thesis.txt").exists()
    capsys.readouterr()


def test_the_table_of_classes_fits_a_terminal_of_80_columns(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        _run(folder, tmp_path / "bundle")
    printed = capsys.readouterr().out
    assert "…" not in printed
    heading = next(line for line in printed.splitlines() if "compl." in line)
    assert [part.strip(" ┃") for part in heading.split("┃")[1:-1]] == [
        "class", "yes", "no", "AUC", "AP", "ECE", "purity", "compl.", "F1",
    ]  # fmt: skip


def test_a_simulation_is_calibrated_for_the_simulation_alone(tmp_path, capsys):
    table, classes = make_classes(200, seed=4)
    simulated = dataclasses.replace(
        table, columns={**table.columns, "survey": np.full(200, "ztf-simulated")}
    )
    write_feature_table(tmp_path / "features.parquet", simulated)
    rows = [f"{i},{name}\n" for i, name in zip(table.source_ids.tolist(), classes, strict=True)]
    (tmp_path / "labels.csv").write_text("source_id,class\n" + "".join(rows))
    write_taxonomy(tmp_path / "own.yaml", TAXONOMY)
    for name, more in (("plain", ()), ("vouched", ("--surveys", "ztf-simulated,ztf"))):
        with pytest.raises(SystemExit):
            _run(tmp_path, tmp_path / name, *more)
    plain, vouched = (load_source_bundle(tmp_path / name) for name in ("plain", "vouched"))
    assert score_feature_table(simulated, plain).is_calibrated.all()
    assert not score_feature_table(table, plain).is_calibrated.any()
    assert score_feature_table(table, vouched).is_calibrated.all()
    for bundle in (plain, vouched):
        assert "200 of these rows are simulated light curves" in bundle.card

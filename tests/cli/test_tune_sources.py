"""`skyvet tune sources`: its file is what `skyvet train sources --config` reads."""

from __future__ import annotations

import json

import pytest
from tests.source_makers import TAXONOMY, make_classes

from skyvet.cli.main import main
from skyvet.io.feature_tables import write_feature_table
from skyvet.io.taxonomy_files import write_taxonomy
from skyvet.models.source_bundle import load_source_bundle

pytest.importorskip("xgboost")
RANGES = '{"learners.0.max_depth": {"kind": "int", "low": 2, "high": 2}}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tune-sources")
    table, classes = make_classes(200)
    write_feature_table(path / "features.parquet", table)
    rows = [f"{i},{name}\n" for i, name in zip(table.source_ids.tolist(), classes, strict=True)]
    (path / "labels.csv").write_text("source_id,class\n" + "".join(rows))
    write_taxonomy(path / "own.yaml", TAXONOMY)
    return path


def _run(folder, *words):
    with pytest.raises(SystemExit) as done:
        main(
            [
                *words[:2], str(folder / "features.parquet"), "--labels",
                str(folder / "labels.csv"), "--taxonomy", str(folder / "own.yaml"), *words[2:],
            ]
        )  # fmt: skip
    return done.value.code


def test_the_best_settings_train_a_bundle(folder, tmp_path, capsys):
    best, bundle = tmp_path / "best.toml", tmp_path / "bundle"
    code = _run(
        folder, "tune", "sources", "--out", str(best), "--n-trials", "1", "--n-folds", "2",
        "--ranges", RANGES, "--train.learners", '[{"kind": "boosted", "max_rounds": 7}]',
        "--json",
    )  # fmt: skip
    assert code == 0
    document = json.loads(capsys.readouterr().out)
    assert document["settings"] == {"learners.0.max_depth": 2}
    assert 0 < document["value"] < 1
    assert _run(
        folder, "train", "sources", "--config", str(best), "--out", str(bundle),
        "--n-inner-folds", "2",
    ) == 0  # fmt: skip
    (learner,) = load_source_bundle(bundle).info.training["learners"]
    assert (learner["max_depth"], learner["max_rounds"]) == (2, 7)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--ranges", '{"learners.0.depth": {"kind": "int", "low": 2, "high": 3}}'), "no training"),
        (("--ranges", '{"seed": {"kind": "int", "low": 2, "high": 3}}'), "no setting of a learner"),
        (("--goal", "accuracy"), "--goal"),
        (("--n-folds", "500"), "500"),
    ],
)
def test_what_cannot_be_searched_is_said_in_one_line(folder, tmp_path, capsys, more, message):
    out = tmp_path / "best.toml"
    assert _run(folder, "tune", "sources", "--out", str(out), "--n-trials", "1", *more) in {2, 3}
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_the_labels_are_not_written_over(folder, capsys):
    assert _run(folder, "tune", "sources", "--out", str(folder / "labels.csv")) == 3
    assert "labels.csv" in capsys.readouterr().err
    assert (folder / "labels.csv").read_text().startswith("source_id,class")

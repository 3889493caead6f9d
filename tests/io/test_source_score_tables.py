"""Score tables of sources as files."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.source_score_tables import (
    read_source_scores,
    score_heading,
    source_scores_to_arrow,
    write_source_scores,
)
from skyvet.records.source_scores import SourceScores, VerdictRules, join_source_scores
from skyvet.records.source_taxonomy import SourceTaxonomy, TaxonomyNode


def _scores(n=4, *, start=0):
    rng = np.random.default_rng(start)
    probabilities = rng.uniform(size=(n, 2)).astype(np.float32)
    return SourceScores(
        source_ids=2**60 + start + np.arange(n),
        tags=("puls", "rr"),
        probabilities=probabilities,
        is_positive=probabilities > 0.5,
        is_calibrated=np.ones(n, dtype=bool),
        n_missing=np.arange(n, dtype=np.int32),
        n_outside=np.zeros(n, dtype=np.int32),
        bundle="tiny-1+abc",
        columns={"period_d": rng.uniform(size=n), "survey": np.full(n, "ztf")},
    )


def test_scores_survive_their_file(tmp_path):
    parts = [_scores(), _scores(3, start=10)]
    assert write_source_scores(tmp_path / "s.parquet", parts) == 7
    whole, back = join_source_scores(parts), read_source_scores(tmp_path / "s.parquet")
    assert (back.tags, back.bundle) == (whole.tags, whole.bundle)
    for name in ("source_ids", "probabilities", "is_positive", "is_calibrated", "n_missing"):
        np.testing.assert_array_equal(getattr(back, name), getattr(whole, name))
    for name in whole.columns:
        np.testing.assert_array_equal(back.columns[name], whole.columns[name])


def test_rules_of_verdicts_survive_their_file(tmp_path):
    nodes = (TaxonomyNode(tag="puls", name="pulsator"),
             TaxonomyNode(tag="rr", name="RR Lyrae", parent="puls"))  # fmt: skip
    rules = VerdictRules(thresholds=(0.25, 0.5), taxonomy=SourceTaxonomy(name="two", nodes=nodes))
    scores = dataclasses.replace(_scores(), rules=rules)
    write_source_scores(tmp_path / "s.parquet", [scores])
    assert read_source_scores(tmp_path / "s.parquet").rules == rules
    assert join_source_scores([scores, scores]).rules == rules


@pytest.mark.parametrize("change", [{"thresholds": [0.5]}, {"taxonomy": {}}, {"thresholds": None}])
def test_damaged_rules_are_one_error(change):
    nodes = (TaxonomyNode(tag="puls", name="pulsator"), TaxonomyNode(tag="rr", name="RR Lyrae"))
    rules = VerdictRules(thresholds=(0.2, 0.5), taxonomy=SourceTaxonomy(name="t", nodes=nodes))
    table = source_scores_to_arrow(dataclasses.replace(_scores(), rules=rules))
    ((key, value),) = table.schema.metadata.items()
    document = json.loads(value)
    document["rules"] |= change
    damaged = table.replace_schema_metadata({key: json.dumps(document)})
    with pytest.raises(InvalidInputError, match="score again"):
        score_heading(damaged)


def test_a_verdict_on_a_foreign_survey_is_null(tmp_path):
    scores = _scores()
    foreign = SourceScores(
        **{
            name: getattr(scores, name)
            for name in SourceScores.__dataclass_fields__
            if name != "is_calibrated"
        },
        is_calibrated=np.array([True, False, True, False]),
    )
    write_source_scores(tmp_path / "s.parquet", [foreign])
    column = pq.read_table(tmp_path / "s.parquet")["is_rr"].to_pylist()
    assert [value is None for value in column] == [False, True, False, True]


def test_scores_of_other_classes_do_not_join_a_file(tmp_path):
    other = SourceScores(
        source_ids=np.arange(1),
        tags=("agn",),
        probabilities=np.zeros((1, 1)),
        is_positive=np.zeros((1, 1), dtype=bool),
        is_calibrated=np.ones(1, dtype=bool),
        n_missing=np.zeros(1, dtype=np.int32),
        n_outside=np.zeros(1, dtype=np.int32),
        bundle="b",
    )
    with pytest.raises(DatasetError, match="differ"):
        write_source_scores(tmp_path / "s.parquet", [_scores(), other])
    assert not (tmp_path / "s.parquet").exists()


def test_no_part_is_told(tmp_path):
    with pytest.raises(DatasetError, match="no scores to write"):
        write_source_scores(tmp_path / "s.parquet", [])


def test_another_table_is_refused(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(InvalidInputError, match="no table of source scores"):
        read_source_scores(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"x")
    with pytest.raises(DatasetError, match="no table of source scores"):
        read_source_scores(tmp_path / "b.parquet")

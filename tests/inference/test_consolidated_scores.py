"""Scores of several light curves as one score: verdicts and probabilities that agree."""

from __future__ import annotations

import json

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.inference.consolidating import consolidate_table
from skyvet.inference.consolidation_config import ConsolidationConfig
from skyvet.io.source_score_tables import read_source_scores, source_scores_to_arrow
from skyvet.records.source_scores import SourceScores, VerdictRules
from skyvet.records.source_taxonomy import SourceTaxonomy, TaxonomyNode

TREE = SourceTaxonomy(
    name="t",
    nodes=(
        TaxonomyNode(tag="puls", name="pulsator"),
        TaxonomyNode(tag="rrab", name="RR Lyrae ab", parent="puls"),
        TaxonomyNode(tag="quiet", name="not pulsating", complement_of="puls"),
    ),
)
RULES = VerdictRules(thresholds=(0.5, 0.6, 0.5), taxonomy=TREE)
# Two light curves of one source, and one of another.
PULS, RRAB = np.array([0.9, 0.3, 0.8]), np.array([0.8, 0.1, 0.7])


def _table(rules=RULES, *, is_calibrated=(True, True, True)):
    found = np.column_stack([PULS, RRAB, 1 - PULS])
    scores = SourceScores(
        source_ids=np.arange(3),
        tags=("puls", "rrab", "quiet"),
        probabilities=found,
        is_positive=found >= np.array([0.5, 0.6, 0.5]),
        is_calibrated=np.array(is_calibrated),
        n_missing=np.zeros(3, dtype=np.int32),
        n_outside=np.zeros(3, dtype=np.int32),
        bundle="b",
        columns={"ra_deg": np.array([10.0, 10.0, 50.0]), "dec_deg": np.zeros(3)},
        rules=rules,
    )
    return source_scores_to_arrow(scores)


def _sources(table, **settings):
    return consolidate_table(table, ConsolidationConfig(**settings))[0]


def test_verdicts_follow_from_the_combined_probabilities():
    made = _sources(_table())
    assert made["p_puls"].to_pylist() == pytest.approx([0.6, 0.8])
    assert made["p_rrab"].to_pylist() == pytest.approx([0.45, 0.7])
    assert made["is_puls"].to_pylist() == [True, True]
    assert made["is_rrab"].to_pylist() == [False, True]  # one of the light curves said True
    assert made["is_quiet"].to_pylist() == [False, False]


def test_no_class_is_likelier_than_one_above_it_whatever_the_rules():
    made = _sources(_table(), rules=("p_rrab=max",))
    assert made["p_rrab"].to_pylist() == [made["p_puls"][0].as_py(), pytest.approx(0.7)]
    assert made["is_rrab"].to_pylist() == [True, True]
    made = _sources(_table(), numbers="max")
    total = np.array(made["p_puls"].to_pylist()) + np.array(made["p_quiet"].to_pylist())
    assert total == pytest.approx([1.0, 1.0])


def test_a_source_with_a_light_curve_that_is_not_calibrated_has_no_verdict():
    made = _sources(_table(is_calibrated=(True, False, True)))
    assert made["is_puls"].to_pylist() == [None, True]
    assert made["is_calibrated"].to_pylist() == [False, True]


def test_without_thresholds_most_light_curves_decide():
    made = _sources(_table(rules=None))
    assert made["is_puls"].to_pylist() == [False, True]  # one of two is no majority
    assert made["p_puls"].to_pylist() == pytest.approx([0.6, 0.8])


def test_rules_that_differ_between_classes_need_a_tree():
    with pytest.raises(InvalidInputError, match="all need one rule"):
        _sources(_table(rules=None), rules=("p_rrab=max",))
    alike = tuple(f"p_{tag}=max" for tag in ("puls", "rrab", "quiet"))
    assert _sources(_table(rules=None), rules=alike)["p_rrab"][0].as_py() == pytest.approx(0.8)


def test_a_rule_for_a_verdict_is_refused():
    with pytest.raises(InvalidInputError, match="give a rule for p_rrab"):
        _sources(_table(), rules=("is_rrab=any",))


def test_consolidated_scores_are_scores_again_and_consolidating_twice_changes_nothing(tmp_path):
    import pyarrow.parquet as pq

    once = _sources(_table(is_calibrated=(True, False, True)))
    twice = _sources(once)
    for name in ("p_rrab", "is_rrab", "is_calibrated", "n_light_curves"):
        assert twice[name].to_pylist() == once[name].to_pylist()
    pq.write_table(once, tmp_path / "s.parquet")
    assert read_source_scores(tmp_path / "s.parquet").rules == RULES
    (document,) = map(json.loads, once.schema.metadata.values())
    assert document["rules"]["thresholds"] == [0.5, 0.6, 0.5]

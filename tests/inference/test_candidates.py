"""Scores in memory are those of the batch run."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.conftest import make_candidate

from skyvet.inference.batch import ScoreConfig, score_alerts
from skyvet.inference.candidates import score_candidates
from skyvet.io.alerts import read_alerts
from skyvet.models.bundle import load_bundle
from skyvet.models.predictor import Predictor
from skyvet.records.rejections import Rejection
from skyvet.records.scores import ScoredCandidate


def test_scores_equal_those_of_the_batch(night: Path, bundle_path: Path, tmp_path: Path) -> None:
    bundle = load_bundle(bundle_path)
    score_alerts([night], tmp_path / "s.parquet", bundle=bundle, config=ScoreConfig())
    rows = pq.read_table(tmp_path / "s.parquet").to_pylist()
    candidates = [reading.item for reading in read_alerts([night])]
    results = score_candidates(candidates, Predictor(bundle))
    assert len(results) == len(rows) == 40
    for result, row in zip(results, rows, strict=True):
        assert isinstance(result, ScoredCandidate)
        assert result.candidate.candidate_id == row["candidate_id"]
        assert result.score.value == pytest.approx(row["score"], abs=1e-5)
        assert result.score.verdict.value == row["verdict"]
        assert int(result.flags) == row["flags"]


def test_a_hopeless_candidate_keeps_its_place(bundle_path: Path) -> None:
    candidates = [
        make_candidate(0, cutouts=None),
        make_candidate(1),
        make_candidate(2, cutouts=None),
        make_candidate(3),
    ]
    results = score_candidates(candidates, Predictor(load_bundle(bundle_path)))
    assert [isinstance(r, Rejection) for r in results] == [True, False, True, False]
    assert results[2].candidate_id == candidates[2].candidate_id


def test_no_candidates_no_results(bundle_path: Path) -> None:
    assert score_candidates([], Predictor(load_bundle(bundle_path))) == []

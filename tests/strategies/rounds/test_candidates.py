"""Pool and test set: never one object in both."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.normalization import StampConfig
from skyvet.strategies.rounds.candidates import open_candidates

STAMPS = StampConfig(size_px=21)


def test_objects_of_the_test_set_leave_the_pool_as_a_whole(dataset, tmp_path, candidate_ids):
    path = tmp_path / "test.csv"
    ids = [candidate_ids[i] for i in (0, 3, 6)]  # candidates 2k and 2k + 1 share an object
    path.write_text(f"candidate_id,label\n{ids[0]},real\n{ids[1]},bogus\n{ids[2]},unknown\n")
    found = open_candidates(dataset, tmp_path / "run", stamps=STAMPS, test_labels=path)
    assert len(found.test.labels) == 2
    assert len(found.pool) == 34
    assert found.n_held_back == 3
    named = {str(i) for i in ids}
    assert not named & set(map(str, found.pool.candidate_ids.tolist()))
    assert not np.isin(found.test.rows.object_ids, found.pool.object_ids).any()


def test_without_a_test_file_all_candidates_are_in_the_pool(dataset, tmp_path):
    found = open_candidates(dataset, tmp_path / "run", stamps=STAMPS)
    assert (len(found.pool), found.test, found.n_held_back) == (40, None, 0)


def test_a_test_file_that_takes_all_is_refused(dataset, night_labels, tmp_path):
    with pytest.raises(InvalidInputError, match=r"no candidate of .* is left to learn from"):
        open_candidates(dataset, tmp_path / "run", stamps=STAMPS, test_labels=night_labels)


def test_an_expert_who_knows_nobody_is_refused(dataset, tmp_path):
    with pytest.raises(InvalidInputError, match="the expert knows none"):
        open_candidates(dataset, tmp_path / "run", stamps=STAMPS, askable_ids={"7"})

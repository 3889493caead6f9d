"""Prepared stamps: the same as in memory, written once, taken up where they were."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import DatasetError
from skyvet.io.dataset import Dataset
from skyvet.preprocessing.normalization import StampConfig, prepare_stamps
from skyvet.strategies.rounds import stamps as module
from skyvet.strategies.rounds.stamps import prepared_pool

STAMPS = StampConfig(size_px=21)
ROWS = np.array([3, 0, 17, 30])


@pytest.fixture
def opened(dataset):
    return Dataset.open(dataset)


def expected(opened):
    return prepare_stamps(opened.stamps(ROWS), STAMPS).astype(np.float16)


def test_prepared_stamps_are_a_memory_map_of_those_in_memory(opened, tmp_path):
    pool = prepared_pool(opened, ROWS, tmp_path / "pool", stamps=STAMPS)
    assert isinstance(pool.stamps, np.memmap)
    np.testing.assert_array_equal(pool.stamps, expected(opened))
    assert not pool.stamps.flags.writeable
    ids = opened.table["candidate_id"].to_pylist()
    assert pool.candidate_ids.tolist() == [ids[i] for i in ROWS]


def test_stamps_cut_off_at_any_block_go_on_there(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_ROWS_AT_A_TIME", 1)
    blocks: list[int] = []

    def prepare(stamps, config):
        if len(blocks) == 2:
            raise KeyboardInterrupt
        blocks.append(len(stamps))
        return prepare_stamps(stamps, config)

    def counted(stamps, config):
        blocks.append(len(stamps))
        return prepare_stamps(stamps, config)

    with monkeypatch.context() as patched:
        patched.setattr(module, "prepare_stamps", prepare)
        with pytest.raises(KeyboardInterrupt):
            prepared_pool(opened, ROWS, tmp_path / "pool", stamps=STAMPS)
        assert not (tmp_path / "pool").exists()
        patched.setattr(
            module, "prepare_stamps", lambda s, c: blocks.append(1) or prepare_stamps(s, c)
        )
        pool = prepared_pool(opened, ROWS, tmp_path / "pool", stamps=STAMPS)
    assert len(blocks) == 4
    np.testing.assert_array_equal(pool.stamps, expected(opened))


def test_stamps_of_other_candidates_are_refused(opened, tmp_path):
    prepared_pool(opened, ROWS, tmp_path / "pool", stamps=STAMPS)
    with pytest.raises(DatasetError, match="other candidates or of another preparation"):
        prepared_pool(opened, ROWS[::-1], tmp_path / "pool", stamps=STAMPS)


def test_a_draft_of_another_preparation_is_not_gone_on_with(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_ROWS_AT_A_TIME", 1)
    draft = tmp_path / ".pool.draft"
    draft.mkdir()
    (draft / "progress.json").write_text('{"identity": {}, "n_done": 3}')
    pool = prepared_pool(opened, ROWS, tmp_path / "pool", stamps=STAMPS)
    np.testing.assert_array_equal(pool.stamps, expected(opened))

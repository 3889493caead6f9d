"""A run over partitions: whole parts, restarts, refusals."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from tests.inference.partitions.toy_task import CountedSteps, SquareTask, n_starts, partitions

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.inference.partitions.engine import run_partitions
from skyvet.inference.partitions.task import Partition
from skyvet.io.parts import read_manifest, read_part_tables

HERE = ClusterConfig()


@pytest.fixture
def task(tmp_path):
    (tmp_path / "log").mkdir()
    return SquareTask(log=tmp_path / "log")


def test_every_partition_becomes_its_part_in_order(task, tmp_path):
    run = run_partitions(task, partitions(3), tmp_path / "out", config=HERE)
    assert (run.n_results, run.n_rejected, run.counts) == (30, 0, {"n_even": 15})
    assert run.is_complete
    table = read_part_tables(tmp_path / "out", "squares")
    assert table["number"].to_pylist() == list(range(30))


def test_corrupt_partition_is_one_counted_rejection_and_the_rest_goes_on(task, tmp_path):
    given = partitions(3, fates={1: "damaged"})
    run = run_partitions(task, given, tmp_path / "out", config=HERE)
    assert (run.n_results, run.n_rejected) == (20, 1)
    assert run.rejections == {"unreadable_file": 1}
    rejected = read_part_tables(tmp_path / "out").to_pylist()
    assert [(row["source"], row["detail"]) for row in rejected] == [("p1", "not a Parquet file")]
    assert read_manifest(tmp_path / "out", kind=task.kind).is_complete


def test_full_disk_is_one_error_and_a_second_run_repeats_nothing(task, tmp_path):
    with pytest.raises(DatasetError, match=r"No space left.*run the same command"):
        run_partitions(task, partitions(3, fates={1: "full"}), tmp_path / "out", config=HERE)
    assert not list((tmp_path / "out").glob(".part*"))
    run = run_partitions(task, partitions(3), tmp_path / "out", config=HERE)
    assert (run.n_before, run.n_results) == (1, 30)
    assert [n_starts(task.log, name) for name in ("p0", "p1", "p2")] == [1, 2, 1]


def test_other_settings_are_refused_and_named(task, tmp_path):
    run_partitions(task, partitions(2), tmp_path / "out", config=HERE)
    other = SquareTask(log=task.log, factor=2)
    with pytest.raises(DatasetError, match="factor was 1, now 2"):
        run_partitions(other, partitions(2), tmp_path / "out", config=HERE)
    with pytest.raises(DatasetError, match="n_partitions was 2, now 3"):
        run_partitions(task, partitions(3), tmp_path / "out", config=HERE)


def test_complete_run_is_left_as_it_is(task, tmp_path):
    run_partitions(task, partitions(2), tmp_path / "out", config=HERE)
    before = (tmp_path / "out" / "manifest.json").read_bytes()
    run = run_partitions(task, partitions(2), tmp_path / "out", config=HERE)
    assert run.n_before == 2
    assert (tmp_path / "out" / "manifest.json").read_bytes() == before
    assert n_starts(task.log, "p0") == 1


def test_drafts_of_a_killed_run_are_removed(task, tmp_path):
    draft = tmp_path / "out" / ".part-00000.abc.draft"
    with pytest.raises(DatasetError):
        run_partitions(task, partitions(2, fates={0: "full"}), tmp_path / "out", config=HERE)
    draft.mkdir()
    run_partitions(task, partitions(2), tmp_path / "out", config=HERE)
    assert not draft.exists()


def test_part_says_what_it_took(task, tmp_path):
    run = run_partitions(task, partitions(1), tmp_path / "out", config=HERE)
    assert run.peak_memory_mb > 1
    assert len(run.workers) == 1
    stored = pq.read_table(tmp_path / "out" / "part-00000" / "squares.parquet")
    assert stored.num_rows == run.n_results


@pytest.mark.parametrize("given", [[], partitions(1) * 2])
def test_no_partition_or_one_name_for_two_is_refused(task, tmp_path, given):
    with pytest.raises(InvalidInputError):
        run_partitions(task, given, tmp_path / "out", config=HERE)
    assert not (tmp_path / "out").exists()


def test_bug_in_a_task_is_not_swallowed(task, tmp_path):
    with pytest.raises(KeyError):
        run_partitions(task, partitions(2, fates={1: "bug"}), tmp_path / "out", config=HERE)


def test_progress_is_told_of_every_input_not_of_partitions(task, tmp_path):
    steps = CountedSteps()
    run_partitions(task, partitions(2), tmp_path / "out", config=HERE, progress=steps)
    assert steps.stages == [("numbers", 20)]
    assert steps.steps == [1] * 20


def test_progress_makes_up_what_was_done_before_or_not_told(task, tmp_path):
    with pytest.raises(DatasetError):
        run_partitions(task, partitions(3, fates={1: "full"}), tmp_path / "out", config=HERE)
    steps = CountedSteps()
    given = partitions(3, fates={1: "damaged"})
    run_partitions(task, given, tmp_path / "out", config=HERE, progress=steps)
    assert steps.steps == [10, 10, *[1] * 10]


def test_progress_counts_partitions_whose_inputs_are_not_known(task, tmp_path):
    given = [Partition(name=f"f{i}", content=(0, 5, "")) for i in range(3)]
    steps = CountedSteps()
    run_partitions(task, given, tmp_path / "out", config=HERE, progress=steps)
    assert (steps.stages, steps.steps) == ([("partitions", 3)], [1, 1, 1])

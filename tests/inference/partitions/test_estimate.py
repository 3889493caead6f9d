"""What a run costs is told from a few of its inputs."""

from __future__ import annotations

import pytest
from tests.inference.partitions.toy_task import SquareTask, n_starts, partitions

from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.inference.partitions.estimate import estimate_cost, n_workers_of
from skyvet.inference.partitions.task import Partition


@pytest.fixture
def task(tmp_path):
    (tmp_path / "log").mkdir()
    return SquareTask(log=tmp_path / "log", seconds=0.02)


def test_estimate_scales_with_inputs_and_workers(task):
    given = partitions(10, size=96)
    one = estimate_cost(task, given, n_workers=1)
    two = estimate_cost(task, given, n_workers=2)
    assert one is not None
    assert two is not None
    assert (one.n_items, one.n_partitions, one.n_sampled) == (960, 10, 48)
    # The toy takes 0.02 s a call whatever the limit: 960 inputs are 20 samples of 48.
    assert 0.35 < one.seconds < 4
    assert two.seconds * 2 == pytest.approx(two.seconds_per_item * 960)
    assert one.output_mb > 0
    assert one.memory_mb > 1


def test_sample_is_taken_from_a_partition_that_can_be_read(task):
    found = estimate_cost(task, partitions(3, fates={0: "damaged"}), n_workers=1)
    assert found is not None
    assert n_starts(task.log, "p1") == 2
    assert n_starts(task.log, "p2") == 0


def test_nothing_readable_gives_no_estimate(task):
    assert estimate_cost(task, [], n_workers=1) is None
    assert estimate_cost(task, partitions(1, fates={0: "damaged"}), n_workers=1) is None


def test_unknown_numbers_are_those_of_a_whole_partition(task):
    given = [Partition(name=f"f{i}", content=(0, 60, "")) for i in range(3)]
    found = estimate_cost(task, given, n_workers=1)
    assert found is not None
    assert (found.n_items, found.n_sampled) == (None, 60)
    assert found.seconds == pytest.approx(found.seconds_per_item * 180)


@pytest.mark.parametrize(
    ("config", "n"), [(ClusterConfig(), 1), (ClusterConfig(cluster="local", workers=3), 3)]
)
def test_workers_are_counted_without_starting_them(config, n):
    assert n_workers_of(config) == n


def test_start_of_local_workers_is_measured_and_counted(task):
    given = partitions(10, size=96)
    found = estimate_cost(task, given, n_workers=1, starts_workers=True)
    assert found is not None
    # A process that starts Python and imports Dask and Arrow takes no less than this.
    assert 0.3 < found.start_seconds - 1.5 < 60
    work = found.seconds_per_item * 960
    assert found.seconds == pytest.approx(found.start_seconds + work)
    assert n_starts(task.log, "p0") == 4, "the process did not do its two turns"


def test_local_workers_beyond_the_cores_make_nothing_faster(task, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr(
        "skyvet.inference.partitions.estimate.seconds_of_first_turn", lambda *_, **__: (2.0, 0.96)
    )
    found = estimate_cost(task, partitions(4, size=96), n_workers=4, starts_workers=True)
    assert found is not None
    assert found.start_seconds == pytest.approx(1.5 + 2 * 2.0)
    assert found.seconds_per_item == pytest.approx(0.96 / 48), "a worker has one thread"
    assert found.seconds == pytest.approx(found.start_seconds + found.seconds_per_item * 384 / 2)


def test_partitions_that_do_not_fill_the_last_round_take_a_whole_one(task):
    found = estimate_cost(task, partitions(3, size=96), n_workers=2)
    assert found is not None
    assert found.seconds == pytest.approx(found.seconds_per_item * 2 * 96)

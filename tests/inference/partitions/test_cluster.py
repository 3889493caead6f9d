"""A real cluster of local processes: spread work, dead workers, killed runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.inference.partitions.toy_task import SquareTask, n_starts, partitions

from skyvet.core.errors import DatasetError
from skyvet.inference.partitions.cluster import open_cluster
from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.inference.partitions.engine import run_partitions
from skyvet.io.parts import read_manifest, read_part_tables

pytest.importorskip("distributed")
pytestmark = pytest.mark.integration

TWO = ClusterConfig(cluster="local", workers=2)


@pytest.fixture
def task(tmp_path):
    (tmp_path / "log").mkdir()
    return SquareTask(log=tmp_path / "log", seconds=0.05)


def test_both_workers_did_work_and_the_result_is_that_of_one_process(task, tmp_path):
    given = partitions(12, fates={3: "damaged"})
    spread = run_partitions(task, given, tmp_path / "two", config=TWO)
    run_partitions(task, given, tmp_path / "one", config=ClusterConfig())
    assert len(spread.workers) == 2
    assert (spread.n_results, spread.n_rejected) == (110, 1)
    kinds = [read_manifest(tmp_path / name, kind=task.kind) for name in ("two", "one")]
    assert kinds[0] == kinds[1]


def test_dead_workers_lose_nothing_and_only_the_deadly_partition_fails(task, tmp_path):
    given = partitions(8, fates={1: "deadly", 5: "deadly once"})
    run = run_partitions(task, given, tmp_path / "out", config=TWO)
    assert [failed.name for failed in run.failed] == ["p1"]
    assert "worker died 3 times" in run.failed[0].detail
    assert run.n_results == 70
    assert n_starts(task.log, "p1") == 3
    assert n_starts(task.log, "p5") == 2
    assert not list((tmp_path / "out").glob(".part*half*"))
    again = run_partitions(task, partitions(8), tmp_path / "out", config=ClusterConfig())
    assert (again.n_before, again.n_results, again.is_complete) == (7, 80, True)


def test_full_disk_of_a_worker_is_one_error(task, tmp_path):
    with pytest.raises(DatasetError, match="No space left"):
        run_partitions(task, partitions(4, fates={2: "full"}), tmp_path / "out", config=TWO)


SCRIPT = """
import sys
from pathlib import Path
from tests.inference.partitions.toy_task import SquareTask, partitions
from skyvet.inference.partitions.cluster import open_cluster
from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.inference.partitions.engine import run_partitions

if __name__ == "__main__":
    log, out = map(Path, sys.argv[1:])
    task = SquareTask(log=log, seconds=0.3)
    run_partitions(task, partitions(40), out, config=ClusterConfig(cluster="local", workers=2))
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_run_that_was_stopped_in_the_middle_goes_on_where_it_was(task, tmp_path, sent):
    script = tmp_path / "job.py"
    script.write_text(SCRIPT)
    out = tmp_path / "out"
    job = subprocess.Popen(
        [sys.executable, str(script), str(task.log), str(out)],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while len(list(out.glob("part-*"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(job.pid, sent)
    _, said = job.communicate(timeout=60)
    n_done = len(list(out.glob("part-*")))
    assert 3 <= n_done < 40
    if sent is signal.SIGINT:
        assert said.rstrip().endswith("KeyboardInterrupt")
        assert said.count("Traceback") == 1
    run = run_partitions(task, partitions(40), out, config=ClusterConfig())
    assert (run.n_before, run.n_results) == (n_done, 400)
    assert sum(n_starts(task.log, f"p{i}") for i in range(40)) <= 42
    assert read_part_tables(out, "squares")["number"].to_pylist() == list(range(400))


def test_a_second_cluster_on_one_machine_warns_of_nothing(recwarn):
    config = ClusterConfig(cluster="local", workers=1)
    with open_cluster(config), open_cluster(config) as client:
        assert len(client.nthreads()) == 1
    assert not [str(one.message) for one in recwarn if "Port" in str(one.message)]


STARTED = """
import os, signal, threading
import distributed
from skyvet.inference.partitions.cluster import open_cluster
from skyvet.inference.partitions.configs import ClusterConfig

if __name__ == "__main__":
    threading.Timer(0.3, os.killpg, (os.getpgid(0), signal.SIGINT)).start()
    with open_cluster(ClusterConfig(cluster="local", workers=2)):
        print("it runs")
"""


def test_an_interrupt_while_the_cluster_starts_ends_the_run(tmp_path):
    script = tmp_path / "job.py"
    script.write_text(STARTED)
    job = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=120,
        start_new_session=True,
        check=False,
    )
    assert job.stdout == ""
    assert job.stderr.rstrip().endswith("KeyboardInterrupt")
    assert job.stderr.count("Traceback") == 1

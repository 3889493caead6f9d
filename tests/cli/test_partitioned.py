"""Options of partitioned commands, and what is said when partitions fail."""

from __future__ import annotations

import pytest

from skyvet.cli.errors import ExitCode, exit_code_of
from skyvet.cli.partitioned import check_all_done, cluster_config
from skyvet.core.errors import IncompleteRunError, InvalidInputError


@pytest.mark.parametrize(
    ("cluster", "workers", "said"),
    [
        ("none", 2, "need a cluster of processes"),
        ("slurm", 0, "must be none, local or an address"),
        ("tcp://host:8786", 4, "has its own workers"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(cluster, workers, said):
    with pytest.raises(InvalidInputError, match=said):
        cluster_config(cluster, workers)


@pytest.mark.parametrize(("cluster", "workers"), [("none", 0), ("none", 1), ("local", 3)])
def test_options_that_fit_are_taken(cluster, workers):
    assert cluster_config(cluster, workers).workers == workers


def test_failed_partitions_are_named_and_have_an_exit_code(tmp_path):
    check_all_done([], tmp_path)
    with pytest.raises(IncompleteRunError, match=r"2 partitions.*a, b") as caught:
        check_all_done(["a", "b"], tmp_path)
    assert exit_code_of(caught.value) is ExitCode.INCOMPLETE

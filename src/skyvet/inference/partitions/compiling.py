"""Whether a task waits for a compiler before its first source."""

from __future__ import annotations

from skyvet.inference.partitions.features import FeatureTask
from skyvet.inference.partitions.periods import PeriodTask
from skyvet.inference.partitions.sources import LightCurveScoreTask
from skyvet.inference.partitions.task import PartitionTask

__all__ = ["must_compile"]


def must_compile(task: PartitionTask) -> bool:
    """Say whether a task's first source waits until its functions are compiled.

    That is so once after the package was installed or updated: machine code stays on disk.

    Parameters
    ----------
    task : PartitionTask
        Tasks that compute neither features nor periods never compile.

    Raises
    ------
    MissingDependencyError
        If the extra ``light-curves`` is not installed and the task needs it.
    """
    if not isinstance(task, FeatureTask | LightCurveScoreTask | PeriodTask):
        return False
    from skyvet.features.light_curves import statistics  # noqa: PLC0415 - an extra
    from skyvet.features.periods import peaks  # noqa: PLC0415 - an extra
    from skyvet.features.periods.compiled import has_machine_code  # noqa: PLC0415 - an extra

    if isinstance(task, PeriodTask):
        return not has_machine_code(peaks)
    needed = [statistics, peaks] if task.config.has_periods else [statistics]
    return not all(has_machine_code(module) for module in needed)

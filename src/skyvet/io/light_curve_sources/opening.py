"""One door for light curves of any form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skyvet.core.errors import InvalidInputError
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.partitions import LightCurveSource
from skyvet.io.light_curve_sources.tables import open_tables

__all__ = ["open_light_curves"]

_TABLE_ENDINGS = (
    ".parquet", ".pq", ".parq", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".dat", ".dat.gz",
)  # fmt: skip


def open_light_curves(
    paths: Sequence[str | Path], config: LightCurveInputConfig | None = None
) -> LightCurveSource:
    """Open light curves; nothing but headings and identifiers is read yet.

    Parameters
    ----------
    paths : sequence of str or Path
        Files or folders of one form.
    config : LightCurveInputConfig, optional
        What they hold; found out where it does not say.

    Returns
    -------
    LightCurveSource
        Its ``partitions`` can be read one by one, in any order and process.

    Raises
    ------
    InvalidInputError
        If a path does not exist or columns are missing; lists what there is.
    DatasetError
        If nothing can be read.
    """
    config = config or LightCurveInputConfig()
    files = [file for path in paths for file in _files(Path(path))]
    if not files:
        raise InvalidInputError("there is no light-curve file among the inputs")
    return open_tables(files, config)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InvalidInputError(f"{path} does not exist")
    return sorted(
        file
        for file in path.rglob("*")
        if file.is_file()
        and file.name.lower().endswith(_TABLE_ENDINGS)
        and not file.name.startswith(("_", "."))
    )

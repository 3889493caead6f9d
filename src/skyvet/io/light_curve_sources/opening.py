"""One door for light curves of any form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.dataset import DATASET_KIND
from skyvet.io.light_curve_sources.blocks import BLOCK_ERRORS, blocks_of, schema_of
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.hats import hats_files, is_hats
from skyvet.io.light_curve_sources.packets import open_packets
from skyvet.io.light_curve_sources.partitions import LightCurveSource
from skyvet.io.light_curve_sources.tables import open_tables
from skyvet.io.parts import read_manifest

__all__ = ["first_table_schema", "open_light_curves"]

_TABLE_ENDINGS = (
    ".parquet", ".pq", ".parq", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".dat", ".dat.gz",
)  # fmt: skip


_PACKET_ENDINGS = (".avro", ".tar", ".tar.gz", ".tgz")


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
    texts = [str(path) for path in paths]
    if not texts:
        raise InvalidInputError("no light curves were given; name at least one file or folder")
    form = config.form if config.form != "auto" else _form_of(texts[0])
    if form in {"packets", "dataset"}:
        is_dataset = all(_is_dataset(text) for text in texts)
        return open_packets(texts, config, is_dataset=is_dataset)
    return open_tables(_table_files(texts, form), config, is_whole=form == "hats")


def first_table_schema(
    paths: Sequence[str | Path], config: LightCurveInputConfig
) -> pa.Schema | None:
    """Return the columns of the first readable table; None for alert packets and datasets.

    Parameters
    ----------
    paths : sequence of str or Path
        Files or folders of one form.
    config : LightCurveInputConfig
        What they hold.

    Raises
    ------
    InvalidInputError
        If a path does not exist.
    DatasetError
        If a HATS catalogue cannot be read.
    """
    texts = [str(path) for path in paths]
    form = config.form if config.form != "auto" else _form_of(texts[0])
    if form in {"packets", "dataset"}:
        return None
    for file in _table_files(texts, form):
        try:
            found = blocks_of(file)
            if found:
                return schema_of(found[0])
        except BLOCK_ERRORS:
            continue
    return None


def _table_files(texts: Sequence[str], form: str) -> list[str]:
    if form == "hats":
        return [str(file) for text in texts for file in hats_files(text)]
    found = [str(file) for text in texts for file in _files(Path(text))]
    if not found:
        raise InvalidInputError(
            f"there is no light-curve file in {texts[0]}; its name should end in "
            f"{', '.join(_TABLE_ENDINGS[:4])} ..."
        )
    return found


def _form_of(path: str) -> str:
    """Tell the form of an input from its name and kind."""
    if is_hats(path):
        return "hats"
    if _is_dataset(path):
        return "dataset"
    names = [path] if not Path(path).is_dir() else [str(file) for file in Path(path).iterdir()]
    if any(name.lower().endswith(_PACKET_ENDINGS) for name in names):
        return "packets"
    return "table"


def _is_dataset(path: str) -> bool:
    try:
        read_manifest(Path(path), kind=DATASET_KIND)
    except DatasetError:
        return False
    return True


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

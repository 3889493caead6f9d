"""`skyvet consolidate`: rows of light curves to rows of sources."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.options import JsonOption
from skyvet.core.errors import InvalidInputError
from skyvet.inference.consolidation_config import ConsolidationConfig
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skyvet.inference.consolidating import ConsolidationCounts
    from skyvet.records.rejections import Rejection

__all__ = ["consolidate_command"]


def consolidate_command(
    inputs: Annotated[
        list[str], typer.Argument(help="Table of scores or features, or light curves of any form.")
    ],
    *,
    out: Annotated[Path, typer.Option(help="Parquet file of sources to write.")],
    kind: Annotated[
        Literal["auto", "table", "light-curves"],
        typer.Option(help="What the input is; auto goes by its columns."),
    ] = "auto",
    config: ConsolidationConfig,
    light_curves: LightCurveInputConfig,
    as_json: JsonOption = False,
) -> None:
    """Join light curves of one source: curves, features or scores."""
    from skyvet.io.inputs import check_output_apart

    if out.suffix != ".parquet":
        raise InvalidInputError(f"--out must end in .parquet, got {out}")
    check_output_apart(inputs, out)
    is_table = kind == "table" or (kind == "auto" and _is_table(inputs))
    rejections: Sequence[Rejection] = ()
    if is_table:
        counts = _consolidate_table(inputs, out, config)
    else:
        counts, rejections = _consolidate_light_curves(inputs, out, config, light_curves)
    _report(out, counts, rejections, as_json=as_json)


def _is_table(inputs: list[str]) -> bool:
    """Tell a table of one row a light curve from light curves: it has neither times nor lists."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from skyvet.io.light_curve_sources.column_plan import plan_columns

    try:
        schema = pq.read_schema(inputs[0])
        plan_columns(schema, LightCurveInputConfig(), where=inputs[0])
    except InvalidInputError:
        return True
    except (OSError, pa.ArrowException):
        return False
    return False


def _consolidate_table(
    inputs: list[str], out: Path, config: ConsolidationConfig
) -> ConsolidationCounts:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from skyvet.core.files import atomic_path
    from skyvet.inference.consolidating import consolidate_table
    from skyvet.io.tables import concat_tables

    try:
        tables = [pq.read_table(path) for path in inputs]
    except (OSError, pa.ArrowException) as error:
        raise InvalidInputError(f"{inputs[0]} cannot be read as a table: {error}") from error
    joined = concat_tables(tables).replace_schema_metadata(tables[0].schema.metadata)
    made, counts = consolidate_table(joined, config)
    with atomic_path(out) as draft:
        pq.write_table(made, draft, compression="zstd")
    return counts


def _consolidate_light_curves(
    inputs: list[str],
    out: Path,
    config: ConsolidationConfig,
    light_curves: LightCurveInputConfig,
) -> tuple[ConsolidationCounts, Sequence[Rejection]]:
    from skyvet.inference.consolidating_light_curves import consolidate_light_curves
    from skyvet.io.light_curve_sources.opening import open_light_curves
    from skyvet.io.light_curve_sources.writing import write_light_curve_batches

    source = open_light_curves(inputs, light_curves)
    for text in source.notes:
        note(f"note: {text}")
    made = consolidate_light_curves(source, config)
    write_light_curve_batches(out, made.batches)
    return made.counts, made.rejections


def _report(
    out: Path, counts: ConsolidationCounts, rejections: Sequence[Rejection], *, as_json: bool
) -> None:
    from collections import Counter

    reasons = Counter(rejection.reason.value for rejection in rejections)
    document = {"out": str(out), **asdict(counts), "rejections": dict(reasons)}
    rows: list[tuple[str, object]] = [
        ("light curves", counts.n_light_curves),
        ("  with an identifier of a catalogue", counts.n_with_id),
        ("  without", counts.n_without_id),
        ("sources", counts.n_sources),
        ("  of one light curve", counts.n_alone),
        ("most light curves of a source", counts.largest),
        *((f"rejected: {reason}", n) for reason, n in reasons.items()),
    ]
    table = make_table("Light curves consolidated", ["what", "n"], rows)
    show_result(document, table, f"Sources: {out}", as_json=as_json)

"""`skyvet labels choose`: which sources people should look at next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.strategies.source_selection import SourceSelectionConfig

if TYPE_CHECKING:
    from skyvet.core.arrays import BoolArray, FloatArray
    from skyvet.records.source_scores import SourceScores
    from skyvet.strategies.source_selection import ChosenSources

__all__ = ["labels_choose_command"]


def labels_choose_command(
    scores: Annotated[Path, typer.Argument(help="Score table of sources (skyvet score).")],
    *,
    out: Annotated[Path, typer.Option(help="List to write (Parquet), for skyvet label.")],
    features: Annotated[
        Path | None,
        typer.Option(help="Their feature table, for strategies that spread over the sources."),
    ] = None,
    known: Annotated[
        Path | None,
        typer.Option(help="Label file or store; sources in it are not asked for again."),
    ] = None,
    config: SourceSelectionConfig,
    as_json: JsonOption = False,
) -> None:
    """Choose the sources to label next, class by class."""
    from skyvet.cli.evaluated_sources import first_of_each_source
    from skyvet.io.inputs import check_output_apart
    from skyvet.io.source_score_tables import read_source_scores
    from skyvet.strategies.source_selection import choose_sources

    check_output_apart([path for path in (scores, features, known) if path is not None], out)
    table = first_of_each_source(read_source_scores(scores))
    chosen = choose_sources(
        {tag: table.column(tag) for tag in table.tags},
        config,
        is_available=None if known is None else _is_unknown(table, known),
        embeddings=None if features is None else _embeddings(table, features),
    )
    _write(out, table, chosen)
    rows = [(tag, n) for tag, n in chosen.n_of_class.items()]
    document = {"list": str(out), "n": len(chosen.rows), "n_of_class": dict(chosen.n_of_class)}
    title = f"{len(chosen.rows)} sources to label"
    closing = (
        f"List: {out}\nLabel them with: skyvet label --data LIGHT_CURVES --taxonomy TREE "
        f"--scores {scores} --labels {_store(known)} --candidates {out}"
    )
    show_result(document, make_table(title, ["class", "n"], rows), closing, as_json=as_json)


def _store(known: Path | None) -> str:
    """Return the label store that the user named, or what stands for one."""
    from skyvet.io.label_sources import is_label_store

    return str(known) if known is not None and is_label_store(known) else "STORE"


def _is_unknown(table: SourceScores, known: Path) -> BoolArray:
    """Say which sources stand in no label file or store."""
    from skyvet.io.label_sources import is_label_store
    from skyvet.io.source_label_files import read_labelled_ids

    if is_label_store(known):
        from skyvet.io.label_store.store import open_label_store

        with open_label_store(known, must_exist=True) as store:
            labelled = {str(event.candidate_id) for event in store.current()}
    else:
        labelled = {str(one) for one in read_labelled_ids(known)}
    return np.array([str(one) not in labelled for one in table.source_ids.tolist()])


def _embeddings(table: SourceScores, features: Path) -> FloatArray:
    """Return features of the scored sources, in their order."""
    from skyvet.core.errors import InvalidInputError
    from skyvet.io.feature_tables import read_feature_table
    from skyvet.strategies.source_selection import feature_embeddings

    found = read_feature_table(features)
    row_of = {str(one): row for row, one in enumerate(found.source_ids.tolist())}
    missing = [one for one in table.source_ids.tolist() if str(one) not in row_of]
    if missing:
        raise InvalidInputError(
            f"{features} lacks {len(missing)} of the scored sources, such as {missing[0]}; give "
            "the features that were scored"
        )
    rows = np.array([row_of[str(one)] for one in table.source_ids.tolist()], dtype=np.int64)
    return feature_embeddings(found.take(rows))


def _write(out: Path, table: SourceScores, chosen: ChosenSources) -> None:
    """Write the list with what each source is asked for."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from skyvet.core.files import atomic_path

    firsts = [tags[0] for tags in chosen.asked_for]
    probability = [
        float(table.column(tag)[row]) for tag, row in zip(firsts, chosen.rows, strict=True)
    ]
    listed = pa.table(
        {
            "source_id": pa.array(table.source_ids[chosen.rows].tolist()),
            "asked_for": pa.array(["+".join(tags) for tags in chosen.asked_for], pa.string()),
            "probability": pa.array(probability, pa.float64()),
        }
    )
    with atomic_path(out) as draft:
        pq.write_table(listed, draft)

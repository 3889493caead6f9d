"""`skyvet audit`: labels that look wrong, and what correcting them did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.core.errors import InvalidInputError
from skyvet.strategies.audit import Suspects, rank_suspects
from skyvet.strategies.audit_configs import AuditConfig

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from skyvet.core.progress import Progress
    from skyvet.preprocessing.triplets import TripletArrays
    from skyvet.strategies.audit_effect import CorrectionEffect, FigurePair

__all__ = ["audit_command"]

_ABSENT = -2


def audit_command(
    *,
    data: Annotated[Path, typer.Option(help="Dataset folder (from skyvet ingest).")],
    labels: Annotated[
        str, typer.Option(help="Label file (CSV or Parquet), or a label store (path or URL).")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Ranking to write, .csv or .parquet, worst label first.")
    ] = None,
    corrections: Annotated[
        Path | None,
        typer.Option(help="Label file of labels that were checked since: report their effect."),
    ] = None,
    trusted: Annotated[
        Path | None,
        typer.Option(help="Label file checked apart from any audit: measure the effect on these."),
    ] = None,
    n_shown: Annotated[int, typer.Option(min=0, help="Rows of the table on the screen.")] = 20,
    config: AuditConfig,
    as_json: JsonOption = False,
) -> None:
    """Rank labels by how likely they are wrong."""
    from skyvet.io.inputs import check_output_apart
    from skyvet.io.label_sources import is_label_store, read_label_source
    from skyvet.strategies.audit_tables import check_suspects_path, suspect_table, write_suspects
    from skyvet.strategies.audit_training import held_out_probabilities
    from skyvet.training.datasets import load_labelled_rows

    if out is not None:
        read = [path for path in (data, corrections, trusted) if path is not None]
        if not is_label_store(labels):
            read.append(Path(labels))
        check_output_apart(read, out)
        check_suspects_path(out)
    if trusted is not None and corrections is None:
        raise InvalidInputError("--trusted measures corrections; give them with --corrections")
    rows = load_labelled_rows(data, read_label_source(labels), stamps=config.stamps)
    arrays = rows.arrays
    if rows.matched.n_absent:
        note(f"note: {rows.matched.n_absent} labels name candidates that are not in the dataset")
    changed = None if corrections is None else _laid_on(arrays, corrections)
    checked = None if trusted is None else _laid_on(arrays, trusted)
    with shown_progress(quiet=as_json) as progress:
        repeats = held_out_probabilities(arrays, config, progress=progress)
        effect = None
        if changed is not None:
            effect = _effect(arrays, repeats, changed, checked, config=config, progress=progress)
    suspects = rank_suspects(
        repeats,
        arrays.labels,
        method=config.method,
        object_ids=arrays.object_ids if config.group_by_object else None,
    )
    table = suspect_table(arrays, repeats, suspects)
    if out is not None:
        write_suspects(table, out)
    _show(table.slice(0, n_shown), suspects, effect, out=out, as_json=as_json)


def _laid_on(arrays: TripletArrays, path: Path) -> NDArray[np.int8]:
    """Return the file's label of each row: 1, 0, -1 = unknown; -2 = not in the file."""
    from skyvet.io.label_sources import read_label_source

    value = {"real": 1, "bogus": 0, "unknown": -1}
    table = read_label_source(path)
    pairs = zip(table["candidate_id"].to_pylist(), table["label"].to_pylist(), strict=True)
    given = {str(identifier): value[label] for identifier, label in pairs}
    found = [given.get(str(identifier), _ABSENT) for identifier in arrays.candidate_ids.tolist()]
    if all(label == _ABSENT for label in found):
        raise InvalidInputError(f"{path} names none of the labelled candidates of the dataset")
    return np.array(found, dtype=np.int8)


def _effect(
    arrays: TripletArrays,
    repeats: NDArray[np.float64],
    changed: NDArray[np.int8],
    checked: NDArray[np.int8] | None,
    *,
    config: AuditConfig,
    progress: Progress,
) -> CorrectionEffect:
    """Cross-validate again on the corrected labels, in the same folds, and compare."""
    from dataclasses import replace

    from skyvet.strategies.audit_effect import measure_correction
    from skyvet.strategies.audit_training import held_out_probabilities

    corrected = np.where(changed == _ABSENT, arrays.labels, changed)
    if checked is not None:
        corrected = np.where(checked == _ABSENT, corrected, checked)
    is_kept = corrected >= 0
    after = replace(
        arrays,
        targets=np.where(is_kept, corrected, arrays.labels).astype(np.float32),
        weights=np.where(is_kept, arrays.weights, 0).astype(np.float32),
    )
    # The first repeat trusts all labels alike; the same seed cuts the same folds again.
    once = config.model_copy(update={"n_repeats": 1})
    return measure_correction(
        repeats[0],
        held_out_probabilities(after, once, progress=progress)[0],
        labels=arrays.labels,
        corrected_labels=corrected,
        object_ids=arrays.object_ids,
        rng=np.random.default_rng(config.member.seed),
        is_trusted=None if checked is None else checked >= 0,
    )


def _show(
    shown: pa.Table,
    suspects: Suspects,
    effect: CorrectionEffect | None,
    *,
    out: Path | None,
    as_json: bool,
) -> None:
    n_bogus, n_real = suspects.n_expected_wrong
    document: dict[str, Any] = {
        "n_labels": len(suspects),
        "n_likely_wrong": int(suspects.is_likely_wrong.sum()),
        "n_expected_wrong_bogus": n_bogus,
        "n_expected_wrong_real": n_real,
        "out": None if out is None else str(out),
        "suspects": shown.to_pylist(),
    }
    names = ("rank", "candidate_id", "given_label", "probability_real", "probability_spread")
    rows = [[row[name] for name in names] for row in shown.to_pylist()]
    headings = ["rank", "candidate", "given", "probability REAL", "spread"]
    parts: list[Any] = [make_table("Labels that look wrong", headings, rows)]
    parts.append(
        f"{len(suspects)} labels; expected to be wrong: about {n_bogus:.0f} of those given as "
        f"bogus and {n_real:.0f} of those given as real."
    )
    if out is not None:
        parts.append(f"Ranking of all labels: {out}")
    if effect is not None:
        document["effect"] = effect
        parts.extend(_effect_tables(effect))
    show_result(document, *parts, as_json=as_json)


def _effect_tables(effect: CorrectionEffect) -> list[Any]:
    titles = {
        "trusted": "Checked apart from the audit: how good the classifier is",
        "untouched": "Rows whose label stayed: the difference is fair, the level is too high",
        "corrected": "All rows, corrected labels: circular, says how consistent they are",
    }
    headings = ["figure", "before", "after", "difference, 95 % from", "to"]
    tables: list[Any] = [
        f"{effect.n_corrected} labels turned round, {effect.n_removed} taken back as unknown."
    ]
    for name, title in titles.items():
        pairs: tuple[FigurePair, ...] = getattr(effect, name)
        rows = [
            [pair.name, pair.before, pair.after, pair.difference.low, pair.difference.high]
            for pair in pairs
        ]
        if rows:
            tables.append(make_table(title, headings, rows))
    return tables

"""Which candidates to look at: the surest and the least sure of every outcome."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa

from skyvet.core.arrays import BoolArray, IntArray
from skyvet.evaluation.facts import ExampleFact, ExampleGroup, FrameFact, finite_or_none
from skyvet.evaluation.tables import Sample

__all__ = ["pick_examples"]

_SIDES = ("at or above", "below")


def pick_examples(
    sample: Sample, *, threshold: float, n_examples: int, table: pa.Table | None = None
) -> tuple[ExampleGroup, ...]:
    """Pick candidates for the picture wall.

    Parameters
    ----------
    sample : Sample
        Labelled candidates.
    threshold : float
        ``score >= threshold`` is taken for REAL.
    n_examples : int
        At most so many in each group; a candidate is in one group only.
    table : pyarrow.Table, optional
        The table of the sample; its columns ``top_frames``, ``top_mjd_tai`` and ``top_evidence``
        say which frames of an object are suspicious.

    Returns
    -------
    tuple of ExampleGroup
        Eight groups: false positives, false negatives, true positives and true negatives, each
        surest first and least sure first. Ties are broken by row order.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from skyvet.evaluation.tables import sample_of_table
    >>> table = pa.table({"candidate_id": [7], "score": [0.9], "label": ["bogus"]})
    >>> sample, _ = sample_of_table(table)
    >>> pick_examples(sample, threshold=0.5, n_examples=2)[0].examples[0].candidate_id
    7
    """
    is_kept = sample.scores >= threshold
    above, below = (f"score {side} the threshold {threshold:g}" for side in _SIDES)
    outcomes = (
        ("fp", "False positives", f"labelled bogus, {above}", ~sample.is_real & is_kept, -1),
        ("fn", "False negatives", f"labelled real, {below}", sample.is_real & ~is_kept, 1),
        ("tp", "True positives", f"labelled real, {above}", sample.is_real & is_kept, -1),
        ("tn", "True negatives", f"labelled bogus, {below}", ~sample.is_real & ~is_kept, 1),
    )
    groups: list[ExampleGroup] = []
    for key, title, about, rows, sign in outcomes:
        surest, least = _two_ends(sample, rows, sign, n_examples)
        n_total = int(rows.sum())
        for end, name, chosen in (("surest", "surest", surest), ("least", "least sure", least)):
            groups.append(
                ExampleGroup(
                    key=f"{key}_{end}",
                    title=f"{title}: {name}",
                    about=about,
                    n_total=n_total,
                    examples=tuple(_example(sample, int(row), table) for row in chosen),
                )
            )
    return tuple(groups)


def _two_ends(
    sample: Sample, rows: BoolArray, sign: int, n_examples: int
) -> tuple[IntArray, IntArray]:
    """Row numbers of the surest and of the least sure, without overlap."""
    numbers = np.flatnonzero(rows)
    order = numbers[np.argsort(sign * sample.scores[numbers], kind="stable")]
    surest = order[:n_examples]
    least = order[len(surest) :][::-1][:n_examples]
    return surest, least


def _example(sample: Sample, row: int, table: pa.Table | None) -> ExampleFact:
    n_frames = float(sample.n_frames[row])
    return ExampleFact(
        candidate_id=_plain(sample.candidate_ids[row]),
        object_id=_plain(sample.object_ids[row]),
        score=float(sample.scores[row]),
        survey_score=finite_or_none(sample.survey_score[row]),
        snr=finite_or_none(sample.snr[row]),
        label_source=str(sample.label_source[row]),
        label_subclass=str(sample.label_subclass[row]),
        n_frames=int(n_frames) if math.isfinite(n_frames) else None,
        verdict=str(sample.verdict[row]),
        subtype=str(sample.subtype[row]),
        subtype_probability=_entry(_column(table, "subtype_probability"), int(sample.rows[row])),
        frames=() if table is None else _frames(table, int(sample.rows[row])),
    )


def _column(table: pa.Table | None, name: str) -> pa.ChunkedArray | list[None]:
    return [] if table is None or name not in table.column_names else table[name]


def _frames(table: pa.Table, row: int) -> tuple[FrameFact, ...]:
    """Return the suspicious frames of a row, where the table names any."""
    if "top_frames" not in table.column_names:
        return ()
    numbers = table["top_frames"][row].as_py() or []
    times, evidence = (
        (table[name][row].as_py() or []) if name in table.column_names else []
        for name in ("top_mjd_tai", "top_evidence")
    )
    return tuple(
        FrameFact(i_frame=number, mjd_tai=_entry(times, i_rank), evidence=_entry(evidence, i_rank))
        for i_rank, number in enumerate(numbers)
    )


def _entry(values: Any, i: int) -> float | None:  # noqa: ANN401 - list or column of Arrow
    value = values[i] if i < len(values) else None
    if isinstance(value, pa.Scalar):
        value = value.as_py()
    return None if value is None else finite_or_none(value)


def _plain(identifier: Any) -> int | str:  # noqa: ANN401 - NumPy integer or text
    return identifier if isinstance(identifier, str) else int(identifier)

"""Which candidates to look at: the surest and the least sure of every outcome."""

from __future__ import annotations

from typing import Any

import numpy as np

from skyvet.core.arrays import BoolArray, IntArray
from skyvet.evaluation.facts import ExampleFact, ExampleGroup, finite_or_none
from skyvet.evaluation.tables import Sample

__all__ = ["pick_examples"]


def pick_examples(sample: Sample, *, threshold: float, n_examples: int) -> tuple[ExampleGroup, ...]:
    """Pick candidates for the picture wall.

    Parameters
    ----------
    sample : Sample
        Labelled candidates.
    threshold : float
        ``score >= threshold`` is taken for REAL.
    n_examples : int
        At most so many in each group; a candidate is in one group only.

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
    outcomes = (
        ("fp", "False positives", "labelled bogus, taken for real", ~sample.is_real & is_kept, -1),
        ("fn", "False negatives", "labelled real, taken for bogus", sample.is_real & ~is_kept, 1),
        ("tp", "True positives", "labelled real, taken for real", sample.is_real & is_kept, -1),
        ("tn", "True negatives", "labelled bogus, taken for bogus", ~sample.is_real & ~is_kept, 1),
    )
    groups: list[ExampleGroup] = []
    for key, title, about, rows, sign in outcomes:
        surest, least = _two_ends(sample, rows, sign, n_examples)
        n_total = int(rows.sum())
        groups.append(_group(sample, f"{key}_surest", f"{title}: surest", about, n_total, surest))
        groups.append(_group(sample, f"{key}_least", f"{title}: least sure", about, n_total, least))
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


def _group(
    sample: Sample, key: str, title: str, about: str, n_total: int, rows: IntArray
) -> ExampleGroup:
    return ExampleGroup(
        key=key,
        title=title,
        about=about,
        n_total=n_total,
        examples=tuple(_example(sample, int(row)) for row in rows),
    )


def _example(sample: Sample, row: int) -> ExampleFact:
    return ExampleFact(
        candidate_id=_plain(sample.candidate_ids[row]),
        object_id=_plain(sample.object_ids[row]),
        score=float(sample.scores[row]),
        survey_score=finite_or_none(sample.survey_score[row]),
        snr=finite_or_none(sample.snr[row]),
        label_source=str(sample.label_source[row]),
        label_subclass=str(sample.label_subclass[row]),
    )


def _plain(identifier: Any) -> int | str:  # noqa: ANN401 - NumPy integer or text
    return identifier if isinstance(identifier, str) else int(identifier)

"""Which sources of a class to look at."""

from __future__ import annotations

from typing import Any

import numpy as np

from skyvet.evaluation.facts import finite_or_none
from skyvet.evaluation.source_facts import SourceExample, SourceExampleGroup
from skyvet.evaluation.source_sample import SourceSample

__all__ = ["pick_source_examples"]

_N_OTHERS = 3
_LEAST_SHOWN = 0.05


def pick_source_examples(
    sample: SourceSample, tag: str, *, threshold: float, n_examples: int
) -> tuple[SourceExampleGroup, ...]:
    """Pick the sources that say most about a class.

    Parameters
    ----------
    sample : SourceSample
        Scores and labels.
    tag : str
        The class.
    threshold : float
        ``score >= threshold`` is called the class.
    n_examples : int
        Sources in each group.

    Returns
    -------
    tuple of SourceExampleGroup
        Surest mistakes, surest right ones, most surely missed, and closest calls; groups may be
        empty.
    """
    scored = sample.of_class(tag)
    is_called = scored.scores >= threshold
    is_of_class = scored.labels == 1
    rank = np.argsort(-scored.scores, kind="stable")
    closest = np.argsort(np.abs(scored.scores - threshold), kind="stable")
    groups = (
        ("false_positive", "Surest of what is not of this class", _FALSE, rank,
         is_called & ~is_of_class),
        ("missed", "Missed most surely", _MISSED, rank[::-1], ~is_called & is_of_class),
        ("true_positive", "Surest of what is of this class", _RIGHT, rank,
         is_called & is_of_class),
        ("closest", "Closest calls", _CLOSE, closest, np.ones(len(rank), dtype=bool)),
    )  # fmt: skip
    return tuple(
        SourceExampleGroup(
            key=key,
            title=title,
            about=about,
            n_total=int(is_in.sum()),
            examples=tuple(
                _example(sample, int(scored.rows[i]), tag) for i in order[is_in[order]][:n_examples]
            ),
        )
        for key, title, about, order, is_in in groups
    )


_FALSE = "called this class, labelled otherwise: where a label is wrong, it shows here first"
_MISSED = "labelled as this class, scored lowest"
_RIGHT = "called this class, and labelled so"
_CLOSE = "scores nearest to the threshold, whatever the label"


def _example(sample: SourceSample, row: int, tag: str) -> SourceExample:
    probabilities = sample.probabilities[row]
    others = [
        (other, float(probabilities[i]))
        for i, other in enumerate(sample.tags)
        if other != tag and probabilities[i] >= _LEAST_SHOWN
    ]
    return SourceExample(
        source_id=_plain(sample.source_ids[row]),
        score=float(probabilities[sample.tags.index(tag)]),
        period_d=finite_or_none(float(sample.period_d[row])),
        others=tuple(sorted(others, key=lambda pair: -pair[1])[:_N_OTHERS]),
        labels=tuple(np.array(sample.tags)[sample.is_yes[row]].tolist()),
    )


def _plain(identifier: Any) -> int | str:  # noqa: ANN401 - NumPy integer or text
    return int(identifier) if isinstance(identifier, int | np.integer) else str(identifier)

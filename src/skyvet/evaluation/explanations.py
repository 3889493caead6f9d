"""Do the reasons hold? The kind of artefact that is named, and the frames that are pointed at."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from skyvet.core.arrays import BoolArray
from skyvet.evaluation.estimates import rate_of
from skyvet.evaluation.facts import ExplanationFacts, GuiltyFrameFact, KindFact
from skyvet.evaluation.tables import GUILTY_COLUMN, Sample

__all__ = ["measure_explanations"]

_FIRST = (1, 3, 10)
_MAX_KINDS = 16
_EVERY_KIND = "any kind"


def measure_explanations(
    sample: Sample, table: pa.Table, *, threshold: float, level: float
) -> ExplanationFacts | None:
    """Measure how often the named kind and the named frames are the right ones.

    Parameters
    ----------
    sample : Sample
        Labelled objects of `table`.
    table : pyarrow.Table
        Its column ``guilty_frames`` (numbers of the frames that are known to hold an artefact,
        null where nobody knows) is held against ``top_frames``.
    threshold : float
        Objects with a lower score are called bogus.
    level : float
        Coverage of the intervals, in (0, 1).

    Returns
    -------
    ExplanationFacts or None
        None where neither kinds nor frames can be judged.

    Examples
    --------
    >>> from skyvet.evaluation.tables import sample_of_table
    >>> table = pa.table({"candidate_id": [1, 2], "score": [0.1, 0.2], "label": ["bogus"] * 2,
    ...                   "label_subclass": ["ghost"] * 2, "subtype": ["ghost", "track"]})
    >>> sample, _ = sample_of_table(table)
    >>> facts = measure_explanations(sample, table, threshold=0.5, level=0.95)
    >>> facts.kinds[0].name, facts.kinds[0].right.value
    ('ghost', 0.5)
    """
    kinds = _kinds(sample.take(~sample.is_real), threshold=threshold, level=level)
    frames, n_frames_judged = _guilty_frames(sample, table, level=level)
    if not kinds and not frames:
        return None
    return ExplanationFacts(kinds=kinds, n_with_guilty_frames=n_frames_judged, frames=frames)


def _kinds(bogus: Sample, *, threshold: float, level: float) -> tuple[KindFact, ...]:
    """Count by tag, commonest first, then everything together."""
    if not (bogus.subtype != "").any():
        return ()
    tags = [
        frozenset(filter(None, map(str.strip, str(t).split(",")))) for t in bogus.label_subclass
    ]
    counts = Counter(tag for own in tags for tag in own)
    commonest = sorted(counts, key=lambda tag: (-counts[tag], tag))[:_MAX_KINDS]
    is_right = np.array([kind in own for kind, own in zip(bogus.subtype, tags, strict=True)], bool)
    parts = [(tag, np.array([tag in own for own in tags])) for tag in commonest]
    if len(parts) > 1:
        parts.append((_EVERY_KIND, np.array([bool(own) for own in tags])))
    return tuple(
        _kind(name, bogus.take(rows), is_right[rows], threshold=threshold, level=level)
        for name, rows in parts
    )


def _kind(
    name: str, part: Sample, is_right: BoolArray, *, threshold: float, level: float
) -> KindFact:
    is_called = np.asarray(part.scores < threshold)
    return KindFact(
        name=name,
        n=len(part),
        n_called_bogus=int(is_called.sum()),
        called_bogus=rate_of(is_called, part, level=level),
        right=rate_of(is_right[is_called], part.take(is_called), level=level),
    )


def _guilty_frames(
    sample: Sample, table: pa.Table, *, level: float
) -> tuple[tuple[GuiltyFrameFact, ...], int]:
    """Look for a guilty frame among the first of each object that has any."""
    if not {GUILTY_COLUMN, "top_frames"} <= set(table.column_names):
        return (), 0
    guilty = _lists(table, GUILTY_COLUMN, sample)
    top = _lists(table, "top_frames", sample)
    has_both = np.array([bool(g) and bool(t) for g, t in zip(guilty, top, strict=True)], bool)
    rows = np.flatnonzero(has_both & ~sample.is_real)
    if not rows.size:
        return (), 0
    part = sample.take(rows)
    n_shown = max(len(top[row]) for row in rows)
    facts = []
    for n_first in (n for n in _FIRST if n <= n_shown):
        is_found = np.array([not guilty[row].isdisjoint(top[row][:n_first]) for row in rows])
        by_chance = [
            _chance(float(sample.n_frames[row]), len(guilty[row]), n_first) for row in rows
        ]
        facts.append(
            GuiltyFrameFact(
                n_first=n_first,
                found=rate_of(is_found, part, level=level),
                by_chance=None if None in by_chance else float(np.mean(np.array(by_chance, float))),
            )
        )
    return tuple(facts), len(rows)


def _lists(table: pa.Table, name: str, sample: Sample) -> list[Any]:
    """Return the lists of the sample's rows: sets of guilty frames, ranks in order."""
    make = frozenset if name == GUILTY_COLUMN else list
    values = table[name].take(pa.array(sample.rows)).to_pylist()
    return [make(value or ()) for value in values]


def _chance(n_frames: float, n_guilty: int, n_first: int) -> float | None:
    """Return how often frames drawn blindly would hold a guilty one; None if n is not known."""
    if not math.isfinite(n_frames) or n_frames < 1:
        return None
    n = int(n_frames)
    n_innocent = max(n - n_guilty, 0)
    k = min(n_first, n)
    return 1.0 - math.comb(n_innocent, k) / math.comb(n, k)

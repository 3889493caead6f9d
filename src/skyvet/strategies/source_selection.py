"""Which sources people should look at next: any query strategy, class by class.

SCoPe's samples for its scanners (Healy et al. 2024) are three settings of this: for each class
sources above a probability drawn at random (`HighConfidenceQuery`, the default), the most probable
ones (its ``order="surest"``), and equally many of each class. Every other strategy of
`skyvet.strategies.queries` works in the same way on the logit of each class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import logit

from skyvet.core.arrays import BoolArray, FloatArray, IntArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.features.rank_scaling import fit_rank_scaling
from skyvet.records.feature_table import FeatureTable
from skyvet.strategies.queries.high_confidence import HighConfidenceQuery
from skyvet.strategies.queries.interface import Opinion, QueryState
from skyvet.strategies.queries.registry import QueryConfig

__all__ = ["ChosenSources", "SourceSelectionConfig", "choose_sources", "feature_embeddings"]

_SUREST = 1e-9  # probabilities of 0 and 1 get a finite logit


class SourceSelectionConfig(Config):
    """What to ask people for."""

    strategy: QueryConfig = Field(
        default=HighConfidenceQuery(),
        description="query strategy, applied to each class; high_confidence asks for sources that "
        "surely are of the class, never for those that surely are not",
    )
    classes: tuple[str, ...] = Field(
        default=(), description="tags of the classes to ask for; none = all of the scores"
    )
    n_per_class: int = Field(default=100, ge=1, description="sources to ask for in each class")
    min_probability: float = Field(
        default=0.0, ge=0, lt=1, description="sources below it are not asked for in that class"
    )
    seed: int = Field(default=9, ge=0, description="of random draws")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChosenSources:
    """Sources to ask for; the one to look at first in front.

    Parameters
    ----------
    rows : ndarray, shape (k,), int64
        Rows of the pool, each once: classes take turns, so that every beginning is balanced.
    asked_for : tuple of tuple of str
        The classes for which each was chosen.
    n_of_class : mapping of str to int
        How many each class got; fewer than asked for where no more are available.
    """

    rows: IntArray
    asked_for: tuple[tuple[str, ...], ...]
    n_of_class: Mapping[str, int]


def choose_sources(
    probabilities: Mapping[str, FloatArray],
    config: SourceSelectionConfig,
    *,
    labels: Mapping[str, IntArray] | None = None,
    is_available: BoolArray | None = None,
    embeddings: FloatArray | None = None,
) -> ChosenSources:
    """Choose sources of each class by the class's own probabilities.

    Parameters
    ----------
    probabilities : mapping of str to ndarray, shape (n,)
        Tag to the probability of that class, in [0, 1]; NaN = not scored, never chosen.
    config : SourceSelectionConfig
        What to ask for.
    labels : mapping of str to ndarray, shape (n,), optional
        Tag to 1 (of the class), 0 (not) or -1 (not inspected); a labelled source is not asked for
        again in that class.
    is_available : ndarray, shape (n,), bool, optional
        False where a source must not be asked for at all (it trained the classifier).
    embeddings : ndarray, shape (n, d), float32, optional
        For strategies that spread; see `feature_embeddings`.

    Returns
    -------
    ChosenSources

    Raises
    ------
    InvalidInputError
        If a class is not among the scores, or the strategy lacks what it needs.

    Examples
    --------
    >>> chosen = choose_sources(
    ...     {"rrab": np.array([0.95, 0.2, 0.99]), "ew": np.array([0.0, 0.97, 0.1])},
    ...     SourceSelectionConfig(n_per_class=1, min_probability=0.9))
    >>> len(chosen.rows), dict(chosen.n_of_class)
    (2, {'rrab': 1, 'ew': 1})
    """
    tags = _asked_classes(probabilities, config.classes)
    ranked = {
        tag: _rank_class(
            np.asarray(probabilities[tag], dtype=np.float64),
            config,
            labels=None if labels is None else labels.get(tag),
            is_available=is_available,
            embeddings=embeddings,
            seed=(config.seed, i_tag),
        )
        for i_tag, tag in enumerate(tags)
    }
    rows = _in_turns(list(ranked.values()))
    asked_for = {int(row): [tag for tag in tags if row in set(ranked[tag])] for row in rows}
    return ChosenSources(
        rows=rows,
        asked_for=tuple(tuple(asked_for[int(row)]) for row in rows),
        n_of_class={tag: len(chosen) for tag, chosen in ranked.items()},
    )


def _asked_classes(scored: Mapping[str, FloatArray], asked: Sequence[str]) -> tuple[str, ...]:
    unknown = [tag for tag in asked if tag not in scored]
    if unknown:
        raise InvalidInputError(
            f"the scores have no class {', '.join(unknown)}; they have {', '.join(scored)}"
        )
    return tuple(asked) or tuple(scored)


def _rank_class(
    probability: NDArray[np.float64],
    config: SourceSelectionConfig,
    *,
    labels: IntArray | None,
    is_available: BoolArray | None,
    embeddings: FloatArray | None,
    seed: tuple[int, int],
) -> IntArray:
    """Return the rows to ask for in one class, the first in front."""
    is_scored = np.isfinite(probability)
    safe = np.clip(np.where(is_scored, probability, 0.0), _SUREST, 1 - _SUREST)
    held = np.full(len(safe), -1, dtype=np.int8) if labels is None else np.asarray(labels)
    may_ask = is_scored & (safe >= _lowest(config)) & (held < 0)
    if is_available is not None:
        may_ask &= is_available
    state = QueryState(
        opinion=Opinion(logits=logit(safe).astype(np.float32), embeddings=embeddings),
        labels=held,
        is_available=may_ask,
    )
    query = config.strategy
    if isinstance(query, HighConfidenceQuery):
        query = query.model_copy(update={"real_share": 1.0})
    return query.rank(state, config.n_per_class, rng=np.random.default_rng(seed))


def _lowest(config: SourceSelectionConfig) -> float:
    """Return the probability below which no source is asked for."""
    query = config.strategy
    if isinstance(query, HighConfidenceQuery) and query.order == "random":
        return max(config.min_probability, query.threshold)
    return config.min_probability


def _in_turns(rankings: Sequence[IntArray]) -> IntArray:
    """Return the rows of several rankings, one of each in turn, each row once."""
    longest = max((len(ranking) for ranking in rankings), default=0)
    turns = [ranking[i] for i in range(longest) for ranking in rankings if i < len(ranking)]
    return np.array(list(dict.fromkeys(int(row) for row in turns)), dtype=np.int64)


def feature_embeddings(table: FeatureTable) -> FloatArray:
    """Return features as normal scores by rank, for strategies that measure distances.

    A missing value lies at the median and sets a column of its own to 1, where some but not all
    sources have the feature.

    Parameters
    ----------
    table : FeatureTable
        Features of the pool.

    Returns
    -------
    ndarray, shape (n, d), float32

    Examples
    --------
    >>> table = FeatureTable(
    ...     source_ids=np.arange(3), names=("iqr_g",), values=np.array([[1.0], [9.0], [np.nan]]))
    >>> feature_embeddings(table).shape
    (3, 2)
    """
    values = table.values.astype(np.float32)
    is_missing = ~np.isfinite(values)
    values[is_missing] = np.nan
    scaled = fit_rank_scaling(values).scale(values)
    sometimes = is_missing.any(axis=0) & ~is_missing.all(axis=0)
    return np.concatenate([scaled, is_missing[:, sometimes]], axis=1).astype(np.float32)

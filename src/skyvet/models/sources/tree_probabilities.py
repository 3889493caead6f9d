"""Probabilities that respect a tree: a source is never likelier of a class than of one above."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.records.source_taxonomy import SourceTaxonomy

__all__ = ["called_classes", "joint_logits", "logit_of_log_probability", "respect_tree"]


def logit_of_log_probability(log_probability: FloatArray) -> NDArray[np.float64]:
    """Return the logit of probabilities given by their logarithms, without loss near 0.

    Examples
    --------
    >>> logit_of_log_probability(np.log([0.5, 1e-300])).round(1)
    array([   0. , -690.8])
    """
    log_p = np.minimum(np.asarray(log_probability, dtype=np.float64), -1e-15)
    return np.asarray(log_p - np.log(-np.expm1(log_p)))


def joint_logits(conditional: FloatArray, parents: IntArray) -> NDArray[np.float64]:
    r"""Return the logit of being of each class from those of being of it given the one above.

    .. math:: p(c) = p(c \mid \mathrm{parent}(c)) \; p(\mathrm{parent}(c))

    Parameters
    ----------
    conditional : ndarray, shape (n, n_classes)
        Logits of each class among sources of the class above it.
    parents : ndarray, shape (n_classes,)
        Column of the class above, smaller than the own; -1 = none.

    Returns
    -------
    ndarray, shape (n, n_classes), float64

    Examples
    --------
    >>> joint = joint_logits(np.array([[0.0, 0.0]]), np.array([-1, 0]))
    >>> (1 / (1 + np.exp(-joint))).round(2).tolist()
    [[0.5, 0.25]]
    """
    log_p = -np.logaddexp(0.0, -np.asarray(conditional, dtype=np.float64))
    for i_class, parent in enumerate(parents.tolist()):
        if parent >= 0:
            log_p[:, i_class] += log_p[:, parent]
    return logit_of_log_probability(log_p)


def respect_tree(
    probabilities: FloatArray, tags: Sequence[str], taxonomy: SourceTaxonomy
) -> NDArray[np.float64]:
    """Lower each probability to that of the class above, from the top down.

    The opposite of a class gets one minus its probability before that.

    Parameters
    ----------
    probabilities : ndarray, shape (n, len(tags))
        In [0, 1].
    tags : sequence of str
        Classes of the columns, in any order.
    taxonomy : SourceTaxonomy
        The tree.

    Returns
    -------
    ndarray, shape (n, len(tags)), float64
        ``p(child) <= p(parent)`` for every pair that stands above each other.

    Examples
    --------
    >>> from skyvet.records.source_taxonomy import TaxonomyNode
    >>> tree = SourceTaxonomy(name="t", nodes=(
    ...     TaxonomyNode(tag="rrlyr", name="RR Lyrae"),
    ...     TaxonomyNode(tag="rrab", name="RR Lyrae ab", parent="rrlyr")))
    >>> respect_tree(np.array([[0.6, 0.7]]), ("rrlyr", "rrab"), tree).tolist()
    [[0.6, 0.6]]
    """
    found = np.array(probabilities, dtype=np.float64)
    place = {tag: i for i, tag in enumerate(tags)}
    parents = dict(zip(tags, taxonomy.parent_among(tags).tolist(), strict=True))
    for tag in taxonomy.top_down(tags):
        opposite_of = place.get(taxonomy.node(tag).complement_of, -1)
        if opposite_of >= 0:
            found[:, place[tag]] = 1.0 - found[:, opposite_of]
        elif parents[tag] >= 0:
            column = found[:, place[tag]]
            np.minimum(column, found[:, parents[tag]], out=column)
    return found


def called_classes(
    probabilities: FloatArray,
    thresholds: FloatArray,
    *,
    tags: Sequence[str],
    taxonomy: SourceTaxonomy,
) -> NDArray[np.bool_]:
    """Return whether each class is reached: its own threshold, and those of all above.

    Parameters
    ----------
    probabilities : ndarray, shape (n, len(tags))
        That respect the tree.
    thresholds : ndarray, shape (len(tags),)
        Of each class.
    tags : sequence of str
        Classes of the columns, in any order.
    taxonomy : SourceTaxonomy
        The tree.

    Returns
    -------
    ndarray, shape (n, len(tags)), bool
    """
    found = np.asarray(probabilities >= thresholds)
    parents = taxonomy.parent_among(tags)
    for i_class in [list(tags).index(tag) for tag in taxonomy.top_down(tags)]:
        if parents[i_class] >= 0:
            found[:, i_class] &= found[:, parents[i_class]]
    return found

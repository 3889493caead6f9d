"""Scores of sources made of those of their light curves: what verdicts and probabilities keep to.

Combined probabilities respect the tree of classes again, and verdicts follow from them by the
thresholds that the score table carries. Where it carries none, a source is of a class if more
than half of its light curves with a verdict are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.inference.consolidation_config import ConsolidationConfig
from skyvet.inference.source_groups import SourceGroups
from skyvet.io.source_score_tables import score_heading
from skyvet.models.sources.tree_probabilities import called_classes, respect_tree
from skyvet.records.source_scores import VerdictRules

__all__ = ["consistent_scores"]


def consistent_scores(
    table: pa.Table, made: pa.Table, groups: SourceGroups, *, config: ConsolidationConfig
) -> pa.Table:
    """Return consolidated scores whose classes agree with each other.

    Parameters
    ----------
    table : Table
        One row a light curve; any table but one of scores changes nothing.
    made : Table
        Its rows combined column by column.
    groups : SourceGroups
        Source of each light curve.
    config : ConsolidationConfig
        Rules of single columns.

    Returns
    -------
    Table
        `made` with other ``p_<tag>`` and ``is_<tag>``: ``p(child) <= p(parent)``, and verdicts
        as the module's text says; null where the source is not calibrated. The scores of a source
        of one light curve stay as they are.

    Raises
    ------
    InvalidInputError
        If a rule is given for a verdict, or rules differ between classes whose tree is not known.
    """
    heading = score_heading(table)
    if heading is None or not set(_columns(heading[0])) <= set(table.column_names):
        return made
    tags, rules = heading
    _check_rules(tags, config, has_tree=rules is not None)
    is_lone = np.bincount(groups.group, minlength=groups.n_groups) == 1
    if rules is None:
        is_positive = _by_majority(table, tags, groups)
    else:
        found = np.column_stack([made[f"p_{tag}"].to_numpy() for tag in tags])
        kept = np.where(is_lone[:, None], found, respect_tree(found, tags, rules.taxonomy))
        made = _with_probabilities(made, tags, kept)
        is_positive = _by_thresholds(kept, tags, rules)
    return _with_verdicts(made, tags, is_positive, is_lone)


def _columns(tags: Sequence[str]) -> list[str]:
    return ["is_calibrated", *(f"{head}_{tag}" for head in ("p", "is") for tag in tags)]


def _check_rules(tags: Sequence[str], config: ConsolidationConfig, *, has_tree: bool) -> None:
    verdicts = [f"is_{tag}" for tag in tags if config.rule_of(f"is_{tag}") is not None]
    if verdicts:
        raise InvalidInputError(
            f"{verdicts[0]} follows from the probabilities: give a rule for p_{verdicts[0][3:]}"
        )
    given = {config.rule_of(f"p_{tag}") or config.numbers for tag in tags}
    if len(given) > 1 and not has_tree:
        raise InvalidInputError(
            "the score table does not say which class contains which, so all need one rule, got "
            f"{', '.join(sorted(given))}; set --numbers, or score again with this skyvet"
        )


def _by_thresholds(
    probabilities: FloatArray, tags: Sequence[str], rules: VerdictRules
) -> NDArray[np.bool_]:
    """Return verdicts; thresholds are rounded as the table's probabilities are."""
    thresholds = np.array(rules.thresholds, dtype=np.float32)
    rounded = probabilities.astype(np.float32)
    return called_classes(rounded, thresholds, tags=tags, taxonomy=rules.taxonomy)


def _by_majority(table: pa.Table, tags: Sequence[str], groups: SourceGroups) -> NDArray[np.bool_]:
    columns = []
    for tag in tags:
        said = table[f"is_{tag}"]
        is_there = np.asarray(said.is_valid().to_numpy(), dtype=np.float64)
        is_yes = said.fill_null(fill_value=False).to_numpy().astype(np.float64)
        n_yes, n_there = (
            np.bincount(groups.group, weights=weights, minlength=groups.n_groups)
            for weights in (is_yes, is_there)
        )
        columns.append(2 * n_yes > n_there)
    return np.column_stack(columns)


def _with_probabilities(made: pa.Table, tags: Sequence[str], values: FloatArray) -> pa.Table:
    for i_class, tag in enumerate(tags):
        place = made.column_names.index(f"p_{tag}")
        made = made.set_column(place, made.schema.field(place), pa.array(values[:, i_class]).cast(
            made.schema.field(place).type))  # fmt: skip
    return made


def _with_verdicts(
    made: pa.Table, tags: Sequence[str], is_positive: NDArray[np.bool_], is_lone: BoolArray
) -> pa.Table:
    """Return the table with verdicts; those of lone light curves stay, as do nulls."""
    is_open = ~np.asarray(made["is_calibrated"].to_numpy(), dtype=np.bool_)
    for i_class, tag in enumerate(tags):
        place = made.column_names.index(f"is_{tag}")
        before = made[f"is_{tag}"].fill_null(fill_value=False).to_numpy()
        verdicts = np.where(is_lone, before, is_positive[:, i_class])
        made = made.set_column(
            place, f"is_{tag}", pa.array(verdicts.astype(np.bool_), mask=is_open)
        )
    return made

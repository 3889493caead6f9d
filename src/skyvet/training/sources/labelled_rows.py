"""From files of features and labels to rows that a classifier of sources can learn from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skyvet.io.feature_tables import read_feature_table
from skyvet.io.label_sources import is_label_store
from skyvet.io.source_label_files import read_source_labels
from skyvet.io.stored_source_labels import read_stored_source_labels
from skyvet.io.taxonomy_files import read_taxonomy
from skyvet.preprocessing.sources import LabelledSources, SourceMatch, label_sources
from skyvet.records.source_labels import SourceLabels
from skyvet.records.source_taxonomy import SourceTaxonomy
from skyvet.training.sources.configs import SourceTrainConfig
from skyvet.training.sources.groups import source_groups

__all__ = ["LabelledSourceRows", "load_labelled_sources"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledSourceRows:
    """Rows with votes, and how they came about.

    Parameters
    ----------
    labelled : LabelledSources
        Rows that have a vote.
    match : SourceMatch
        How labels and features met.
    remarks : tuple of str
        What a person should know of them.
    """

    labelled: LabelledSources
    match: SourceMatch
    remarks: tuple[str, ...]


def load_labelled_sources(
    features: Path,
    labels: str,
    taxonomy_name: str,
    *,
    config: SourceTrainConfig,
    zeros_are_votes: bool = True,
) -> LabelledSourceRows:
    """Read features and labels, and lay one on the other.

    Parameters
    ----------
    features : Path
        Feature table, or a folder of its parts.
    labels : str
        Label file, or address of a label store.
    taxonomy_name : str
        A tree that comes with skyvet, or a YAML file.
    config : SourceTrainConfig
        Features to read, and what keeps rows together.
    zeros_are_votes : bool, default True
        A vote of 0 is a no; without, it means that nobody looked.

    Returns
    -------
    LabelledSourceRows

    Raises
    ------
    InvalidInputError, LabelError, DatasetError
        If a file, a feature or a column is missing, or nothing is labelled.
    """
    taxonomy = read_taxonomy(taxonomy_name)
    table = read_feature_table(features, names=config.features or None)
    given, remarks = _read_labels(labels, taxonomy)
    votes = given if zeros_are_votes else given.without_zeros()
    groups = source_groups(table, config.split)
    label_ids = table.columns[config.split.group_column] if config.split.group_column else None
    labelled, match = label_sources(table, votes, taxonomy, groups=groups, label_ids=label_ids)
    if match.n_absent:
        absent = f"{match.n_absent} labelled sources have no features and are left out"
        remarks = (*remarks, absent)
    return LabelledSourceRows(labelled=labelled, match=match, remarks=remarks)


def _read_labels(source: str, taxonomy: SourceTaxonomy) -> tuple[SourceLabels, tuple[str, ...]]:
    """Return the votes of a file or label store, and what a person should know of them."""
    if is_label_store(source):
        return read_stored_source_labels(source, taxonomy), ()
    file = read_source_labels(Path(source), taxonomy)
    return file.labels, file.remarks()

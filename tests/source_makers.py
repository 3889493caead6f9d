"""Fake sources of known classes, for tests of their classification."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from skyvet.preprocessing.sources import LabelledSources, label_sources
from skyvet.records.feature_table import FeatureTable
from skyvet.records.source_labels import SourceLabels, labels_of_classes
from skyvet.records.source_taxonomy import SourceTaxonomy, TaxonomyNode

TAXONOMY = SourceTaxonomy(
    name="fake",
    nodes=(
        TaxonomyNode(tag="vnv", name="variable"),
        TaxonomyNode(tag="puls", name="pulsator", parent="vnv"),
        TaxonomyNode(tag="rr", name="RR Lyrae", parent="puls"),
        TaxonomyNode(tag="agn", name="AGN", parent="vnv"),
        TaxonomyNode(tag="nonvar", name="non-variable", complement_of="vnv"),
    ),
    class_tags={"quiet": ("nonvar",), "pulsating_rr": ("rr",)},
)
NAMES = ("colour", "amplitude", "period", "noise")


def make_classes(n: int, *, seed: int = 0) -> tuple[FeatureTable, list[str]]:
    """Return features and one class a source; a tenth of the values is missing."""
    rng = np.random.default_rng([41, seed])
    kinds = rng.choice(4, size=n, p=[0.4, 0.2, 0.25, 0.15])
    values = rng.normal(size=(n, len(NAMES)))
    values[:, 1] += 2.5 * (kinds > 0)
    values[:, 0] += 2.5 * (kinds == 3)
    values[:, 2] += 2.5 * (kinds == 2)
    values[rng.uniform(size=values.shape) < 0.1] = np.nan
    table = FeatureTable(
        source_ids=10_000 * seed + np.arange(n),
        names=NAMES,
        values=values,
        columns={"survey": np.full(n, "ztf"), "ra_deg": rng.uniform(0, 360, n),
                 "dec_deg": rng.uniform(-30, 30, n)},
    )  # fmt: skip
    return table, [("quiet", "puls", "pulsating_rr", "agn")[kind] for kind in kinds]


def make_labelled_sources(n: int = 400, *, seed: int = 0, **changes: Any) -> LabelledSources:
    """Return fake sources with their votes."""
    table, classes = make_classes(n, seed=seed)
    labels, _ = labels_of_classes(table.source_ids, classes, TAXONOMY)
    votes = np.array(labels.votes)
    i_rr = labels.tags.index("rr")
    is_open = np.isnan(votes[:, i_rr]) & (np.arange(n) % 10 > 0)
    votes[is_open, i_rr] = 0.0  # most of those known as pulsators only were looked at closely
    labels = SourceLabels(source_ids=labels.source_ids, tags=labels.tags, votes=votes)
    return label_sources(table, labels, TAXONOMY, **changes)[0]


def make_source_bundle(path: Path, *, learner: Any = None) -> Path:
    """Write a bundle that learned from fake sources: of few small trees, or of what is given."""
    from skyvet.training.sources.configs import BoostedConfig, SourceTrainConfig
    from skyvet.training.sources.packing import SourceBundleText, pack_sources
    from skyvet.training.sources.train import train_sources

    config = SourceTrainConfig(
        learners=(learner or BoostedConfig(max_rounds=20, max_depth=3),), n_inner_folds=2
    )
    text = SourceBundleText(
        name="tiny",
        summary="few trees on fake sources",
        surveys=("ztf",),
        data_description="Fake sources.",
        data_licence="none needed",
    )
    pack_sources(path, train_sources(make_labelled_sources(), config), config=config, text=text)
    return path

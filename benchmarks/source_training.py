"""Time and memory of training a classifier of sources, on rows of made-up classes.

::

    python -m benchmarks.source_training --rows 40000

Classes are those of the ontological tree, with sizes that fall as published training sets' do and
60 features of overlapping Gaussians, a tenth of them missing. Skill on such rows says nothing
about real ones; time and memory do. Processor time is that of one core: it hardly depends on
what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from dataclasses import replace

import numpy as np

from skyvet.io.taxonomy_files import read_taxonomy
from skyvet.preprocessing.sources import LabelledSources, label_sources
from skyvet.records.feature_table import FeatureTable
from skyvet.records.source_labels import labels_of_classes
from skyvet.training.sources.configs import BoostedConfig, SourceTrainConfig
from skyvet.training.sources.train import train_sources


def make_rows(n_rows: int, *, n_features: int, seed: int) -> LabelledSources:
    """Return rows of made-up classes; six in ten are of none."""
    rng = np.random.default_rng(seed)
    taxonomy = replace(read_taxonomy("ontological"), class_tags={"none": ()})
    names = [*taxonomy.tags, "none"]
    share = np.arange(1, len(names)) ** -1.2
    kinds = rng.choice(len(names), size=n_rows, p=[*(0.4 * share / share.sum()), 0.6])
    centres = 0.7 * rng.normal(size=(len(names), n_features))
    values = centres[kinds] + rng.normal(size=(n_rows, n_features))
    values[rng.uniform(size=values.shape) < 0.1] = np.nan
    ids = np.arange(n_rows)
    labels, _ = labels_of_classes(ids, [names[kind] for kind in kinds], taxonomy)
    columns = tuple(f"feature_{i}" for i in range(n_features))
    table = FeatureTable(source_ids=ids, names=columns, values=values)
    return label_sources(table, labels, taxonomy)[0]


def main() -> None:
    """Train once and print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=60)
    parser.add_argument("--structure", choices=("hierarchical", "independent"))
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    labelled = make_rows(args.rows, n_features=args.features, seed=0)
    learner = BoostedConfig(structure=args.structure or "hierarchical", n_workers=args.workers)
    start, cpu = time.perf_counter(), time.process_time()
    trained = train_sources(labelled, SourceTrainConfig(learners=(learner,)))
    metrics = trained.held_out.metrics().values()
    found = {
        "rows": args.rows,
        "features": args.features,
        "classes": len(trained.labelled.tags),
        "processor_s": round(time.process_time() - cpu, 1),
        "elapsed_s": round(time.perf_counter() - start, 1),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "largest_ece": max(float(one["ece"] or 0.0) for one in metrics),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()

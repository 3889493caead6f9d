"""From light curves, a class tree and a label store to a session that is ready to serve."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.io.label_store.store import LabelStore
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.opening import open_light_curves
from skyvet.io.source_score_tables import read_source_scores
from skyvet.records.light_curve_batch import LightCurveBatch, join_light_curve_batches
from skyvet.records.source_taxonomy import SourceTaxonomy
from skyvet.services.labelling.app import page_version
from skyvet.services.labelling.candidate_list import read_candidate_list
from skyvet.services.labelling.opening import known_strategies
from skyvet.services.labelling.rankers import LinearRanker
from skyvet.services.labelling.rounds import RoundKeeper
from skyvet.services.labelling.service import LabellingService
from skyvet.services.labelling.settings import LabellingConfig
from skyvet.services.labelling.shown_sources import ShownSources, source_statistics
from skyvet.services.labelling.source_classes import shown_classes

__all__ = ["open_source_session"]

_MAX_EPOCHS = 20_000_000


def open_source_session(
    paths: Sequence[Path],
    store: LabelStore,
    *,
    taxonomy: SourceTaxonomy,
    config: LabellingConfig,
    scores: Path | None = None,
    only: Path | None = None,
    inputs: LightCurveInputConfig | None = None,
    progress: Progress | None = None,
) -> LabellingService:
    """Read light curves and their scores and return a session, started.

    Parameters
    ----------
    paths : sequence of Path
        Light curves in any form that `open_light_curves` reads.
    store : LabelStore
        Where labels go.
    taxonomy : SourceTaxonomy
        The tree that is shown.
    config : LabellingConfig
        What the person chose.
    scores : Path, optional
        Table of class probabilities (``skyvet score``), shown beside each source.
    only : Path, optional
        List of the sources to label, the first one first.
    inputs : LightCurveInputConfig, optional
        How the light curves are read.
    progress : Progress, optional
        Told of every piece of input.

    Returns
    -------
    LabellingService

    Raises
    ------
    InvalidInputError
        If there is no source, or more than can be held at once (20 million epochs).
    StoreUnavailableError
        If the store does not answer.
    """
    batch = _read_all(paths, inputs or LightCurveInputConfig(), progress or SilentProgress())
    probabilities = None if scores is None else _probabilities(scores, taxonomy, batch)
    shown = ShownSources(
        Path(paths[0]).resolve().name,
        batch,
        classes=shown_classes(taxonomy),
        probabilities=probabilities,
    )
    rounds = RoundKeeper(
        LinearRanker(source_statistics(batch)),
        strategies=known_strategies(config.strategy),
        groups=shown.object_codes(),
        config=config,
    )
    service = LabellingService(
        shown,
        store,
        rounds,
        config=config,
        only=None if only is None else read_candidate_list(only, shown),
        page_version=page_version(),
    )
    service.start()
    return service


def _read_all(
    paths: Sequence[Path], inputs: LightCurveInputConfig, progress: Progress
) -> LightCurveBatch:
    """Return every source that can be read."""
    source = open_light_curves(list(paths), inputs)
    batches, n_epochs = [], 0
    progress.start("Light curves", len(source.partitions))
    for partition in source.partitions:
        batch, _ = source.read(partition)
        n_epochs += len(batch.mjd_tai)
        if n_epochs > _MAX_EPOCHS:
            raise InvalidInputError(
                f"these light curves have more than {_MAX_EPOCHS} epochs; label a part of them: "
                "name fewer files"
            )
        batches.append(batch)
        progress.advance()
    progress.finish()
    if not batches:
        raise InvalidInputError(f"{paths[0]} holds no light curve; there is nothing to label")
    return join_light_curve_batches(batches)


def _probabilities(
    path: Path, taxonomy: SourceTaxonomy, batch: LightCurveBatch
) -> dict[str, FloatArray]:
    """Return the probability of each class of each source; NaN where a source has no score."""
    scores = read_source_scores(path)
    tags = [tag for tag in taxonomy.tags if tag in scores.tags]
    if not tags:
        raise InvalidInputError(
            f"{path} has scores of {', '.join(scores.tags)}, none of which is a class of taxonomy "
            f"'{taxonomy.name}'; choose the taxonomy of the bundle"
        )
    row_of = {str(one): row for row, one in enumerate(scores.source_ids.tolist())}
    rows = np.array([row_of.get(str(one), -1) for one in batch.source_ids.tolist()])
    return {tag: np.where(rows >= 0, scores.column(tag)[rows], np.nan) for tag in tags}

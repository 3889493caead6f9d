"""From a dataset folder and a label store to a session that is ready to serve."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.io.dataset import DATASET_KIND, Dataset
from skyvet.io.label_store.store import LabelStore
from skyvet.io.parts import manifest_kind
from skyvet.models.bundle import Bundle
from skyvet.services.labelling.app import page_version
from skyvet.services.labelling.bundle_scores import score_dataset, statistics_of_dataset
from skyvet.services.labelling.candidate_list import read_candidate_list
from skyvet.services.labelling.candidates import ShownCandidates
from skyvet.services.labelling.rankers import LinearRanker, Ranker
from skyvet.services.labelling.rounds import AUTO_STRATEGY, RoundKeeper
from skyvet.services.labelling.service import LabellingService
from skyvet.services.labelling.settings import LabellingConfig
from skyvet.services.labelling.subclasses import Subclass, default_subclasses
from skyvet.strategies.queries.interface import QuerySettings
from skyvet.strategies.queries.registry import build_query, strategy_titles

__all__ = ["cache_folder", "known_strategies", "open_dataset_to_label", "open_session"]


def open_dataset_to_label(path: Path) -> Dataset:
    """Open a dataset folder, or say what to do with anything else.

    Raises
    ------
    InvalidInputError
        If there is nothing, or alerts that were not ingested.
    DatasetError
        If the dataset is unfinished or damaged.
    """
    if not path.exists():
        raise InvalidInputError(f"{path} does not exist; give a dataset folder with --data")
    if path.is_dir() and manifest_kind(path) == DATASET_KIND:
        return Dataset.open(path)
    raise InvalidInputError(
        f"{path} is no dataset folder; make one with: skyvet ingest {path} --out dataset "
        "--with-light-curves"
    )


def cache_folder(dataset: Dataset) -> Path:
    """Return where scores and statistics of a dataset are kept: beside it."""
    path = dataset.path.resolve()
    return path.with_name(f"{path.name}.labelling")


def open_session(
    dataset: Dataset,
    store: LabelStore,
    *,
    config: LabellingConfig,
    bundle: Bundle | None = None,
    cache: Path | None = None,
    subclasses: Sequence[Subclass] | None = None,
    ranker: Ranker | None = None,
    only: Path | None = None,
    progress: Progress | None = None,
) -> LabellingService:
    """Score, measure and rank a dataset, and return its session, started.

    Parameters
    ----------
    dataset : Dataset
        What is labelled.
    store : LabelStore
        Where labels go.
    config : LabellingConfig
        What the person chose.
    bundle : Bundle, optional
        Its scores are shown and begin the ranking.
    cache : Path, optional
        Where scores and statistics are kept; default `cache_folder`.
    subclasses : sequence of Subclass, optional
        Default `default_subclasses`.
    ranker : Ranker, optional
        What learns from the labels; default a linear model on stamp statistics.
    only : Path, optional
        List of the candidates to label, the first one first; see `read_candidate_list`.
    progress : Progress, optional
        Told of every candidate that is scored and measured.

    Returns
    -------
    LabellingService

    Raises
    ------
    InvalidInputError
        If the strategy is not known, or the dataset is empty.
    StoreUnavailableError
        If the store does not answer.
    """
    strategies = known_strategies(config.strategy)
    candidates = ShownCandidates(dataset)
    cache = cache or cache_folder(dataset)
    scores = None
    if bundle is not None:
        scores = score_dataset(dataset, bundle, cache=cache, progress=progress)
    if ranker is None:
        statistics = statistics_of_dataset(dataset, cache=cache, progress=progress)
        ranker = LinearRanker(statistics, logits=None if scores is None else scores.logits)
    rounds = RoundKeeper(
        ranker, strategies=strategies, groups=candidates.object_codes(), config=config
    )
    service = LabellingService(
        candidates,
        store,
        rounds,
        config=config,
        scores=scores,
        only=None if only is None else read_candidate_list(only, candidates),
        subclasses=default_subclasses() if subclasses is None else subclasses,
        page_version=page_version(),
    )
    service.start()
    return service


def known_strategies(chosen: str) -> dict[str, QuerySettings]:
    """Return every strategy with its defaults, and check the chosen one.

    Raises
    ------
    InvalidInputError
        If there is no such strategy.

    Examples
    --------
    >>> "entropy" in known_strategies("auto")
    True
    """
    known = strategy_titles()
    if chosen not in (AUTO_STRATEGY, *known):
        raise InvalidInputError(
            f"there is no strategy {chosen!r}; choose one of {', '.join((AUTO_STRATEGY, *known))}"
        )
    return {kind: build_query(kind) for kind in known}

"""Candidates in memory to scored candidates: for notebooks and services."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skyvet.core.errors import PacketError
from skyvet.models.predictor import Predictor
from skyvet.preprocessing.stamps import (
    PlacedStamps,
    place_triplet,
    quantise_stamps,
    restore_stamps,
)
from skyvet.records.candidate import Candidate
from skyvet.records.flags import CandidateFlag
from skyvet.records.rejections import Rejection, rejection_of
from skyvet.records.scores import Score, ScoredCandidate

__all__ = ["score_candidates"]


def score_candidates(
    candidates: Sequence[Candidate],
    predictor: Predictor,
    *,
    prior: float | None = None,
    alpha: float = 0.05,
) -> list[ScoredCandidate | Rejection]:
    """Score candidates exactly as ``skyvet score`` does, one result each, in order.

    Parameters
    ----------
    candidates : sequence of Candidate
        From `skyvet.io.alerts.read_alerts` or made by hand; a few thousand at a time.
    predictor : Predictor
        A loaded bundle.
    prior, alpha
        As for `Predictor.assess`.

    Returns
    -------
    list of ScoredCandidate or Rejection
        A candidate that cannot be scored is a rejection with its reason.

    Examples
    --------
    >>> from skyvet.models.bundle import load_bundle
    >>> blank = Candidate(survey="ztf", candidate_id=1, object_id="a", mjd_tai=60000.0)
    >>> score_candidates([blank], Predictor(load_bundle("default")))[0].reason.value
    'no_cutouts'
    """
    placed = [_place(candidate, predictor) for candidate in candidates]
    good = [i for i, stamps in enumerate(placed) if isinstance(stamps, PlacedStamps)]
    results: list[ScoredCandidate | Rejection] = [s for s in placed if isinstance(s, Rejection)]
    if not good:
        return results
    chosen = [stamps for stamps in placed if isinstance(stamps, PlacedStamps)]
    pixels = restore_stamps(quantise_stamps(np.stack([stamps.pixels for stamps in chosen])))
    names = predictor.bundle.info.metadata_names
    metadata = np.array(
        [[candidates[i].features.get(name, np.nan) for name in names] for i in good],
        dtype=np.float32,
    )
    logits = predictor.logits(pixels, metadata if names else None)
    surveys = [candidates[i].survey for i in good]
    found = predictor.assess(logits, surveys, prior=prior, alpha=alpha)
    for row, i in enumerate(good):
        is_calibrated = bool(found.is_calibrated[row])
        foreign = CandidateFlag.NONE if is_calibrated else CandidateFlag.FOREIGN_SURVEY
        scored = ScoredCandidate(
            candidate=candidates[i],
            score=Score(
                value=float(found.score[row]),
                verdict=found.verdict[row],
                is_calibrated=is_calibrated,
                bundle=predictor.bundle.label,
            ),
            flags=chosen[row].flags | foreign,
            source="",
        )
        results.insert(i, scored)
    return results


def _place(candidate: Candidate, predictor: Predictor) -> PlacedStamps | Rejection:
    config = predictor.bundle.info.stamps
    try:
        return place_triplet(
            candidate,
            size_px=predictor.bundle.placed_px,
            centring=config.centring,
            with_variance=config.with_variance_planes,
        )
    except PacketError as error:
        return rejection_of(candidate, error)

"""Rows without a vote: ignored, a no, or weighed as Elkan and Noto do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.special import expit, logit

from skyvet.models.sequences.interface import MemberParts
from skyvet.preprocessing.sources import LabelledSources
from skyvet.records.feature_table import FeatureTable
from skyvet.records.source_taxonomy import SourceTaxonomy, TaxonomyNode
from skyvet.scoring.curves import roc_auc
from skyvet.training.sources.boosted import fit_boosted
from skyvet.training.sources.configs import BoostedConfig, NotInspected
from skyvet.training.sources.unlabelled import elkan_noto_votes, resolve_not_inspected

TREE = SourceTaxonomy(name="t", nodes=(TaxonomyNode(tag="a", name="a"),))


class _Oracle:
    """Knows exactly how likely a source is labelled: P(y = 1 | x) times the labelled share."""

    classes = ("a",)

    def __init__(self, share):
        self.share = share

    def logits(self, table):
        return logit(self.share * expit(table.values[:, :1] * 4.0))

    def parts(self):
        return MemberParts(settings={}, graphs={}, arrays={})


def _sources(n, *, share, seed=0):
    """Positives of which a random share is labelled; all else has no vote."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    is_positive = rng.uniform(size=n) < expit(4.0 * x)
    is_labelled = is_positive & (rng.uniform(size=n) < share)
    votes = np.where(is_labelled, 1.0, np.nan)[:, None]
    table = FeatureTable(source_ids=np.arange(n), names=("x",), values=x[:, None])
    labelled = LabelledSources(
        table=table,
        taxonomy=TREE,
        tags=("a",),
        votes=votes,
        weights=np.ones((n, 1)),
        groups=np.arange(n),
    )
    return labelled, is_positive


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_the_true_chance_of_being_positive_is_found(share):
    labelled, _ = _sources(4000, share=share)
    p = expit(4.0 * labelled.table.values[:, 0])
    g = share * p
    without_vote = p * (1 - share) / (1 - share * p)  # Bayes
    np.testing.assert_allclose(elkan_noto_votes(g, labelled_share=share), without_vote, atol=1e-12)


def test_estimated_votes_follow_the_truth_of_unlabelled_rows():
    labelled, is_positive = _sources(20_000, share=0.4)
    found, _ = resolve_not_inspected(
        labelled,
        labelled.take(np.arange(0)),
        rule=NotInspected.POSITIVE_UNLABELLED,
        fit=lambda rows, seed: _Oracle(0.4),
        seed=0,
    )
    is_open = np.isnan(labelled.votes[:, 0])
    votes = found.votes[is_open, 0]
    # c is the mean of g over labelled positives, below the share where classes overlap.
    assert votes.sum() == pytest.approx(is_positive[is_open].sum(), rel=0.35)
    assert roc_auc(votes, is_positive[is_open].astype(int)) > 0.9
    np.testing.assert_array_equal(found.votes[~is_open, 0], 1.0)


def test_a_vote_against_stays_one_and_teaches_nothing_about_being_labelled():
    labelled, _ = _sources(200, share=0.5)
    votes = np.array(labelled.votes)
    votes[:20] = 0.0
    asked = []

    def fit(rows, seed):
        asked.append(rows.votes[np.isin(rows.table.source_ids, np.arange(20))])
        return _Oracle(0.5)

    found, _ = resolve_not_inspected(
        dataclasses.replace(labelled, votes=votes),
        labelled.take(np.arange(0)),
        rule=NotInspected.POSITIVE_UNLABELLED,
        fit=fit,
        seed=0,
    )
    assert np.isnan(np.concatenate(asked)).all()
    np.testing.assert_array_equal(found.votes[:20], 0.0)


@pytest.mark.parametrize(
    ("rule", "expected"), [(NotInspected.IGNORE, np.nan), (NotInspected.NEGATIVE, 0.0)]
)
def test_the_plain_rules(rule, expected):
    labelled, _ = _sources(50, share=0.5)

    def fit(rows, seed):
        raise AssertionError("nothing is to be trained")

    found, other = resolve_not_inspected(labelled, labelled, rule=rule, fit=fit, seed=0)
    for part in (found, other):
        np.testing.assert_array_equal(
            part.votes, np.where(np.isnan(labelled.votes), expected, labelled.votes)
        )


def test_votes_of_held_out_rows_are_never_looked_at():
    labelled, _ = _sources(600, share=0.5)
    train, held = labelled.take(np.arange(400)), labelled.take(np.arange(400, 600))
    seen = []

    def fit(rows, seed):
        seen.extend(rows.table.source_ids.tolist())
        return _Oracle(0.5)

    rule = NotInspected.POSITIVE_UNLABELLED
    one = resolve_not_inspected(train, held, rule=rule, fit=fit, seed=0)[1]
    blank = dataclasses.replace(held, votes=np.full(held.votes.shape, np.nan))
    other = resolve_not_inspected(train, blank, rule=rule, fit=fit, seed=0)[1]
    assert max(seen) < 400
    is_open = np.isnan(held.votes)
    np.testing.assert_array_equal(one.votes[is_open], other.votes[is_open])


def test_unlabelled_positives_cost_less_than_taking_them_for_negatives():
    """rrab at .78/.51 points to incomplete labels (spec section 9, Method)."""
    pytest.importorskip("xgboost")
    labelled, is_positive = _sources(3000, share=0.3)
    config = BoostedConfig(max_rounds=40, max_depth=3)

    def fit(rows, seed):
        return fit_boosted(rows, config, seed=seed)

    found = {}
    for rule in (NotInspected.NEGATIVE, NotInspected.POSITIVE_UNLABELLED):
        train, _ = resolve_not_inspected(
            labelled, labelled.take(np.arange(0)), rule=rule, fit=fit, seed=0
        )
        found[rule] = expit(fit(train, 0).logits(labelled.table))[:, 0]
    truth = is_positive.mean()
    error = {rule: abs(p.mean() - truth) for rule, p in found.items()}
    assert error[NotInspected.POSITIVE_UNLABELLED] < 0.5 * error[NotInspected.NEGATIVE]

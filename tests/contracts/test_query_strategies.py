"""What every query strategy must do."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter

from skyvet.core.errors import InvalidInputError
from skyvet.strategies.queries.interface import Opinion, QueryState
from skyvet.strategies.queries.mixture import MixtureQuery
from skyvet.strategies.queries.registry import STRATEGIES, QueryConfig, build_query, strategy_titles

KINDS = list(strategy_titles())
CHANGED = {
    "random": {},
    "stratified": {"boundary_share": 0.5},
    "least_confidence": {"probability": {"temperature": 2.0, "pool_prior": 0.3}},
    "margin": {"coldness": 1.0},
    "entropy": {"coldness": 0.0},
    "disagreement": {"coldness": 2.0},
    "k_center": {"standardize": True},
    "badge": {"probability": {"temperature": 3.0}},
    "diverse_uncertain": {"factor": 2.5, "standardize": True},
    "high_confidence": {"order": "surest", "threshold": 0.7, "real_share": 0.25},
    "anomaly": {"interesting": "bogus", "n_trees": 7, "n_per_tree": 16},
    "mixture": {
        "main": {"kind": "least_confidence"}, "random_share": 0.3, "real_share": 0.4,
        "max_per_object": 2,
    },
}  # fmt: skip
QUERIES = {kind: build_query(kind) for kind in KINDS} | {
    f"{kind} changed": build_query(kind, **settings) for kind, settings in CHANGED.items()
}
# Drawn by chance, or random trees: another order of the rows is another draw.
WITH_CHANCE = {
    "random", "random changed", "stratified", "stratified changed", "margin changed",
    "entropy changed", "disagreement changed", "badge", "badge changed", "high_confidence",
    "anomaly", "anomaly changed", "mixture", "mixture changed",
}  # fmt: skip


def make_state(n: int = 60, *, seed: int = 0, n_labelled: int = 12) -> QueryState:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, n).astype(np.float32)
    labels = np.full(n, -1, dtype=np.int8)
    labels[:n_labelled] = np.arange(n_labelled) % 2
    is_available = labels < 0
    is_available[n_labelled : n_labelled + min(3, n - n_labelled)] = False
    arrays = {
        "logits": logits,
        "member_logits": (logits + rng.normal(0, 1, (3, n))).astype(np.float32),
        "embeddings": rng.normal(size=(n, 5)).astype(np.float32),
    }
    objects = np.arange(n) // 2
    for array in (*arrays.values(), labels, is_available, objects):
        array.flags.writeable = False
    return QueryState(
        opinion=Opinion(**arrays), labels=labels, is_available=is_available, object_ids=objects
    )


def rank(query, state, n, seed=3):
    return query.rank(state, n, rng=np.random.default_rng(seed))


def those(is_meant):
    """Run a test on the strategies that it is about."""
    names = [name for name, query in QUERIES.items() if is_meant(query)]
    return pytest.mark.parametrize("query", names, indirect=True)


def needs_scores_alone(query):
    inner = query.main if isinstance(query, MixtureQuery) else query
    return not (inner.needs_embeddings or inner.needs_members)


@pytest.fixture(params=list(QUERIES))
def query(request):
    return QUERIES[request.param]


def test_every_strategy_is_tested_with_its_defaults_and_changed():
    assert set(KINDS) == set(CHANGED)
    assert len(STRATEGIES) == len(set(KINDS))
    assert all(strategy_titles().values())


@pytest.mark.parametrize("n", [1, 7, 45])
def test_answers_the_number_asked_for_each_available_and_once(query, n):
    state = make_state()
    rows = rank(query, state, n)
    assert rows.dtype == np.intp
    assert len(rows) == n == len(set(rows.tolist()))
    assert state.is_available[rows].all()


def test_answers_all_available_ones_where_more_are_wanted(query):
    state = make_state()
    rows = rank(query, state, 1000)
    assert sorted(rows) == np.flatnonzero(state.is_available).tolist()


def test_no_wish_is_an_empty_answer(query):
    assert rank(query, make_state(), 0).shape == (0,)


def test_negative_wish_is_refused(query):
    with pytest.raises(InvalidInputError, match="n must be >= 0, got -1"):
        rank(query, make_state(), -1)


def test_nothing_available_is_an_empty_answer(query):
    state = make_state()
    closed = replace(state, is_available=np.zeros(len(state.labels), dtype=bool))
    assert rank(query, closed, 5).shape == (0,)


def test_empty_pool_is_an_empty_answer(query):
    state = make_state(0, n_labelled=0)
    assert rank(query, state, 5).shape == (0,)


def test_all_labelled_is_an_empty_answer(query):
    state = make_state()
    labelled = replace(
        state,
        labels=np.ones(len(state.labels), dtype=np.int8),
        is_available=np.zeros(len(state.labels), dtype=bool),
    )
    assert len(rank(query, labelled, 5)) == 0


def test_works_before_the_first_label(query):
    state = make_state(n_labelled=0)
    assert len(rank(query, state, 6)) == 6


def test_works_with_labels_of_one_class(query):
    state = make_state()
    one_class = replace(state, labels=np.minimum(state.labels, 0))
    assert len(rank(query, one_class, 6)) == 6


def test_one_candidate_alone_is_asked_for(query):
    state = make_state(1, n_labelled=0)
    state = replace(state, is_available=np.ones(1, dtype=bool))
    assert rank(query, state, 3).tolist() == [0]


def test_same_seed_same_answer(query):
    np.testing.assert_array_equal(rank(query, make_state(), 9), rank(query, make_state(), 9))


def test_input_is_left_alone(query):
    state, untouched = make_state(), make_state()
    rank(query, state, 9)
    for name in ("logits", "member_logits", "embeddings"):
        np.testing.assert_array_equal(
            getattr(state.opinion, name), getattr(untouched.opinion, name)
        )
    np.testing.assert_array_equal(state.is_available, untouched.is_available)


@those(lambda query: query.is_nested)
def test_nested_strategies_begin_a_long_answer_with_the_short_one(query):
    state = make_state()
    np.testing.assert_array_equal(rank(query, state, 20)[:6], rank(query, state, 6))


@pytest.mark.parametrize("name", sorted(set(QUERIES) - WITH_CHANCE))
def test_order_of_the_pool_does_not_matter(name):
    state = make_state()
    shuffle = np.random.default_rng(8).permutation(len(state.labels))
    shuffled = QueryState(
        opinion=state.opinion.take(shuffle),
        labels=state.labels[shuffle],
        is_available=state.is_available[shuffle],
        object_ids=state.object_ids[shuffle],
    )
    rows = rank(QUERIES[name], shuffled, 10)
    np.testing.assert_array_equal(shuffle[rows], rank(QUERIES[name], state, 10))


def test_ties_are_broken_by_chance(query):
    n = 40
    state = QueryState(
        opinion=Opinion(
            logits=np.zeros(n), member_logits=np.zeros((2, n)), embeddings=np.ones((n, 3))
        ),
        labels=np.full(n, -1),
        is_available=np.ones(n, dtype=bool),
        object_ids=np.arange(n),
    )
    firsts = {tuple(sorted(rank(query, state, 3, seed=seed))) for seed in range(12)}
    assert len(firsts) > 4


def test_nan_logit_is_refused_and_named(query):
    state = make_state()
    logits = state.opinion.logits.copy()
    logits[4] = np.nan
    broken = replace(state, opinion=replace(state.opinion, logits=logits))
    with pytest.raises(InvalidInputError, match=r"logits must be numbers.* row 4"):
        rank(query, broken, 5)


@those(lambda query: query.needs_members)
def test_missing_members_are_refused(query):
    state = make_state()
    members = state.opinion.member_logits
    for given in (None, members[:1]):
        with pytest.raises(InvalidInputError, match="at least 2"):
            rank(query, replace(state, opinion=replace(state.opinion, member_logits=given)), 5)


@those(lambda query: query.needs_embeddings)
def test_missing_or_broken_embeddings_are_refused(query):
    state = make_state()
    with pytest.raises(InvalidInputError, match="needs embeddings"):
        rank(query, replace(state, opinion=replace(state.opinion, embeddings=None)), 5)
    broken = state.opinion.embeddings.copy()
    broken[2, 1] = np.nan
    with pytest.raises(InvalidInputError, match=r"embeddings must be numbers.* row 2"):
        rank(query, replace(state, opinion=replace(state.opinion, embeddings=broken)), 5)


@those(lambda query: not needs_scores_alone(query))
@pytest.mark.parametrize("size", [1e300, 1e30, -1e30, np.inf, -np.inf])
def test_embeddings_too_large_to_measure_are_refused_and_named(query, size):
    state = make_state()
    if getattr(query, "main", query).needs_embeddings:
        broken = state.opinion.embeddings.astype(np.float64)
        broken[2, 1] = size
        with pytest.raises(InvalidInputError, match=r"embeddings must .* row 2"):
            rank(query, replace(state, opinion=replace(state.opinion, embeddings=broken)), 5)


@those(needs_scores_alone)
def test_scores_alone_suffice_where_nothing_else_is_needed(query):
    state = make_state()
    bare = replace(state, opinion=Opinion(logits=state.opinion.logits))
    assert len(rank(query, bare, 5)) == 5


def test_settings_survive_json(query):
    adapter = TypeAdapter(QueryConfig)
    assert adapter.validate_json(adapter.dump_json(query)) == query


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_setting_is_refused(kind):
    with pytest.raises(InvalidInputError, match=f"{kind}.*colour"):
        build_query(kind, colour="red")


def test_unknown_strategy_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInputError, match="'guess'; choose one of random, "):
        build_query("guess")


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_fifty_thousand_candidates_take_seconds(kind):
    rng = np.random.default_rng(1)
    n = 50_000
    labels = np.full(n, -1, dtype=np.int8)
    labels[:200] = np.arange(200) % 2
    state = QueryState(
        opinion=Opinion(
            logits=rng.normal(0, 3, n).astype(np.float32),
            member_logits=rng.normal(0, 3, (5, n)).astype(np.float32),
            embeddings=rng.standard_normal((n, 192), dtype=np.float32),
        ),
        labels=labels,
        is_available=labels < 0,
        object_ids=np.arange(n) // 3,
    )
    query = build_query(kind)
    started = time.process_time()
    assert len(rank(query, state, 100)) == 100
    limit_s = 60.0  # several times what a slow, shared core needs
    assert time.process_time() - started < limit_s

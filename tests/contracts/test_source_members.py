"""What every classifier of sources must do, whatever its kind."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.source_makers import make_labelled_sources

from skyvet.core.errors import InvalidInputError
from skyvet.models.sources.members import load_source_member
from skyvet.models.sources.network_settings import SourceNetworkSettings
from skyvet.scoring.curves import roc_auc
from skyvet.training.configs import OptimiserConfig
from skyvet.training.sources.configs import BoostedConfig
from skyvet.training.sources.network_configs import DenseDmdtConfig, HierarchicalNetworkConfig
from skyvet.training.sources.registry import SOURCE_TRAINERS, fit_source_member

pytest.importorskip("xgboost")
_TINY = {
    "network": SourceNetworkSettings(
        first_width=12, second_width=8, head_width=8, dropout=0.0, with_dmdt=False
    ),
    "n_epochs": 12,
    "patience": 0,
    "optimiser": OptimiserConfig(learning_rate=1e-2),
}
CONFIGS = {
    "boosted": BoostedConfig(max_rounds=15, max_depth=3),
    "dense_dmdt": DenseDmdtConfig(**_TINY),
    "hierarchical_network": HierarchicalNetworkConfig(**_TINY),
}
TAGS = ("vnv", "puls", "agn")


@pytest.fixture(scope="module", params=sorted(SOURCE_TRAINERS))
def member(request):
    """A member of each kind; a trainer without settings here fails by its name."""
    return fit_source_member(
        make_labelled_sources(300).select(TAGS),
        CONFIGS[request.param],
        validation=make_labelled_sources(80, seed=1).select(TAGS),
        seed=3,
    )


@pytest.fixture(scope="module")
def others():
    return make_labelled_sources(200, seed=2)


def test_it_answers_for_every_class_in_finite_numbers(member, others):
    assert sorted(member.classes) == sorted(TAGS)
    logits = member.logits(others.table)
    assert logits.shape == (len(others), len(TAGS))
    assert logits.dtype == np.float64
    assert np.isfinite(logits).all()


def test_it_has_learned(member, others):
    votes = others.votes[:, others.column("vnv")]
    found = member.logits(others.table)[:, member.classes.index("vnv")]
    assert roc_auc(found, votes.astype(int)) > 0.85


def test_a_row_does_not_depend_on_the_others(member, others):
    whole = member.logits(others.table)
    few = member.logits(others.table.take(np.array([5, 3])))
    np.testing.assert_allclose(few, whole[[5, 3]], atol=1e-4)


def test_no_row_is_no_error(member, others):
    assert member.logits(others.table.take(np.arange(0))).shape == (0, len(TAGS))


def test_order_and_number_of_other_features_do_not_matter(member, others):
    turned = others.table.select([*others.table.names[::-1], "another"])
    np.testing.assert_allclose(member.logits(turned), member.logits(others.table), atol=1e-6)


def test_an_absent_feature_is_refused(member, others):
    with pytest.raises(InvalidInputError, match="period"):
        member.logits(others.table.select(("colour", "amplitude", "noise")))


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e300])
def test_a_source_without_any_sound_feature_still_gets_a_logit(member, others, value):
    values = np.full(others.table.values.shape, value)
    table = dataclasses.replace(others.table, values=values)
    assert np.isfinite(member.logits(table)).all()


def test_it_survives_being_taken_apart(member, others):
    again = load_source_member(member.parts())
    assert again.classes == member.classes
    np.testing.assert_allclose(again.logits(others.table), member.logits(others.table), atol=1e-6)


def test_its_arrays_hold_no_objects(member):
    assert all(array.dtype != object for array in member.parts().arrays.values())

"""Training of networks of sources."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from skyvet.core.errors import InvalidInputError, LeakageError
from skyvet.models.sources.network_inputs import fit_source_inputs
from skyvet.models.sources.network_member import load_network_source_member
from skyvet.models.sources.network_settings import SourceNetworkSettings
from skyvet.preprocessing.sources import LabelledSources
from skyvet.records.feature_table import FeatureTable
from skyvet.records.source_taxonomy import SourceTaxonomy, TaxonomyNode
from skyvet.scoring.curves import roc_auc
from skyvet.training.configs import HardwareConfig, OptimiserConfig, Precision
from skyvet.training.sources.network_configs import DenseDmdtConfig, HierarchicalNetworkConfig
from skyvet.training.sources.network_member import fit_network_member
from skyvet.training.sources.networks import fit_source_networks, pack_source_networks
from skyvet.training.sources.source_batches import SourceBatches, SourceRows

PARENTS = (-1, 0)
TINY = {
    "network": SourceNetworkSettings(
        first_width=16,
        second_width=8,
        first_filters=8,
        second_filters=8,
        head_width=8,
        dropout=0.0,
        head_dropout=0.0,
    ),
    "n_epochs": 20,
    "batch_size": 64,
    "optimiser": OptimiserConfig(learning_rate=1e-2, warm_up_fraction=0.1),
    "hardware": HardwareConfig(accelerator="cpu", precision=Precision.FLOAT32, n_threads=1),
}


def _table(n=300, seed=0):
    """Variables differ in the features, one kind of them in the images alone."""
    rng = np.random.default_rng(seed)
    is_variable = rng.random(n) < 0.6
    is_kind = is_variable & (rng.random(n) < 0.5)
    values = rng.normal(size=(n, 3))
    values[:, 0] += 3 * is_variable
    values[rng.random((n, 3)) < 0.05] = np.nan
    dmdt = 0.1 * rng.random((n, 1, 26, 26))
    dmdt[is_kind, 0, 10:16, 10:16] += 1.0
    dmdt /= np.sqrt(np.square(dmdt).sum(axis=(2, 3), keepdims=True))
    table = FeatureTable(
        source_ids=np.arange(n),
        names=("a", "b", "c"),
        values=values,
        dmdt=dmdt,
        dmdt_names=("dmdt_g",),
    )
    return table, np.stack([is_variable, is_kind], axis=1).astype(float)


def _rows(table, votes, inputs, **changes):
    document = {
        "features": inputs.features(table),
        "images": inputs.images(table),
        "votes": votes,
        "weights": np.ones_like(votes),
        "source_ids": table.source_ids,
    }
    return SourceRows(**{**document, **changes})


@pytest.fixture(scope="module")
def trained():
    table, votes = _table()
    inputs = fit_source_inputs(table, table.names, with_dmdt=True)
    rows = _rows(table, votes, inputs)
    members = {}
    for config in (DenseDmdtConfig(**TINY), HierarchicalNetworkConfig(**TINY)):
        networks = fit_source_networks(rows, config, parents=PARENTS)
        members[config.kind] = (
            networks,
            pack_source_networks(
                networks, inputs, config, classes=("vnv", "rrlyr"), reference=rows
            ),
        )
    return members


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["dense_dmdt", "hierarchical_network"])
def test_features_and_images_are_learnt(trained, kind):
    table, votes = _table(seed=1)
    logits = trained[kind][1].logits(table)
    for i_class in range(2):
        assert roc_auc(logits[:, i_class], votes[:, i_class].astype(int)) > 0.9


@pytest.mark.integration
def test_the_joint_network_respects_the_tree_and_the_others_need_not(trained):
    table, _ = _table(seed=2)
    probability = expit(trained["hierarchical_network"][1].logits(table))
    assert (probability[:, 1] <= probability[:, 0] + 1e-6).all()
    assert len(trained["hierarchical_network"][0]) == 1
    assert len(trained["dense_dmdt"][0]) == 2


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["dense_dmdt", "hierarchical_network"])
def test_a_member_taken_apart_scores_the_same(trained, kind):
    table, _ = _table(n=10, seed=3)
    member = trained[kind][1]
    again = load_network_source_member(member.parts())
    np.testing.assert_array_equal(again.logits(table), member.logits(table))
    one = table.take(np.array([4]))
    np.testing.assert_allclose(again.logits(one), member.logits(table)[4:5], rtol=0, atol=1e-5)


@pytest.mark.integration
def test_training_goes_on_from_earlier_weights(trained):
    table, votes = _table(seed=4)
    (network,) = trained["hierarchical_network"][0]
    inputs = trained["hierarchical_network"][1].inputs
    rows = _rows(table, votes, inputs)
    config = HierarchicalNetworkConfig(
        **{**TINY, "n_epochs": 1, "optimiser": OptimiserConfig(learning_rate=1e-9)}
    )
    (again,) = fit_source_networks(
        rows, config, parents=PARENTS, initial_states=[network.state_dict()]
    )
    for before, after in zip(network.parameters(), again.parameters(), strict=True):
        np.testing.assert_allclose(
            after.detach().numpy(), before.detach().numpy(), rtol=0, atol=1e-5
        )
    with pytest.raises(InvalidInputError, match="do not fit"):
        fit_source_networks(rows, config, parents=(-1, -1), initial_states=[{}])


@pytest.mark.integration
def test_unlabelled_positives_are_found_from_few_inspected_ones():
    table, votes = _table(n=600, seed=5)
    rng = np.random.default_rng(6)
    is_found = (votes[:, 0] == 1) & (rng.random(600) < 0.3)
    known = np.where(is_found, 1.0, np.nan)[:, None]
    inputs = fit_source_inputs(table, table.names, with_dmdt=False)
    rows = _rows(table, known, inputs, images=None)
    config = HierarchicalNetworkConfig(**TINY, label_frequency=0.3)
    (network,) = fit_source_networks(rows, config, parents=(-1,))
    member = pack_source_networks((network,), inputs, config, classes=("vnv",), reference=rows)
    hidden = ~is_found
    probability = expit(member.logits(table))[hidden, 0]
    truth = votes[hidden, 0]
    assert roc_auc(probability, truth.astype(int)) > 0.9
    assert abs(probability.mean() - truth.mean()) < 0.15


def test_a_source_on_both_sides_and_a_class_without_positives_are_refused():
    table, votes = _table(n=20)
    inputs = fit_source_inputs(table, table.names, with_dmdt=False)
    rows = _rows(table, votes, inputs, images=None)
    config = HierarchicalNetworkConfig(**TINY)
    with pytest.raises(LeakageError):
        fit_source_networks(rows, config, parents=PARENTS, validation=rows)
    with pytest.raises(InvalidInputError, match=r"classes \[1\] have no positive"):
        fit_source_networks(
            _rows(table, votes * [1, 0], inputs, images=None), config, parents=PARENTS
        )


def test_each_source_comes_once_an_epoch_and_processes_share_them():
    table, votes = _table(n=10)
    inputs = fit_source_inputs(table, ("a",), with_dmdt=False)
    rows = _rows(table, votes, inputs, images=None, features=np.arange(10.0)[:, None])
    seen = np.concatenate([b.features[:, 0] for b in SourceBatches(rows, size=3, seed=0)])
    assert sorted(seen) == list(range(10))
    shares = [
        np.concatenate(
            [b.features[:, 0] for b in SourceBatches(rows, size=3, seed=0, rank=rank, world_size=2)]
        )
        for rank in (0, 1)
    ]
    assert sorted(np.concatenate(shares)) == list(range(10))
    with pytest.raises(InvalidInputError, match="no sources"):
        SourceBatches(rows.take(np.zeros(0, int)), size=3, seed=0)


@pytest.mark.integration
def test_a_saved_member_can_be_trained_further_on_new_labels(trained):
    member = load_network_source_member(trained["hierarchical_network"][1].parts())
    table, votes = _table(n=100, seed=7)
    labelled = _labelled(table, votes)
    slow = {**TINY, "n_epochs": 1, "optimiser": OptimiserConfig(learning_rate=1e-9)}
    config = HierarchicalNetworkConfig(**slow)
    again = fit_network_member(labelled, config, seed=1, start=member)
    np.testing.assert_allclose(again.logits(table), member.logits(table), rtol=0, atol=1e-3)
    with pytest.raises(InvalidInputError, match="choose the same"):
        fit_network_member(labelled, DenseDmdtConfig(**slow), seed=1, start=member)


def _labelled(table, votes):
    nodes = (
        TaxonomyNode(tag="vnv", name="variable"),
        TaxonomyNode(tag="rrlyr", name="RR Lyrae", parent="vnv"),
    )
    return LabelledSources(
        table=table,
        taxonomy=SourceTaxonomy(name="test", nodes=nodes),
        tags=("vnv", "rrlyr"),
        votes=votes,
        weights=np.ones_like(votes),
        groups=table.source_ids,
    )

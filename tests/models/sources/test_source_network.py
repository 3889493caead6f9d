"""The network of sources: its layers, its tree, its inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skyvet.core.errors import InvalidInputError
from skyvet.models.sources.network_inputs import fit_source_inputs
from skyvet.models.sources.network_settings import SourceNetworkSettings
from skyvet.models.sources.source_network import SourceNetwork, SourceShape, logits_down_the_tree
from skyvet.records.feature_table import FeatureTable


@pytest.mark.parametrize(("n_features", "n_thousand"), [(35, 21), (61, 28)])
def test_the_default_layers_have_the_published_number_of_parameters(n_features, n_thousand):
    shape = SourceShape(n_features=n_features, n_images=1, parents=(-1,))
    network = SourceNetwork(SourceNetworkSettings(), shape)
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    assert round(n_parameters / 1000) == n_thousand


def test_no_class_is_likelier_than_its_parent():
    parents = (-1, 0, 1, -1, 3)
    conditional = torch.randn(500, 5, generator=torch.Generator().manual_seed(0)) * 8
    probability = torch.sigmoid(logits_down_the_tree(conditional, parents).double())
    for child, parent in enumerate(parents):
        if parent >= 0:
            assert (probability[:, child] <= probability[:, parent] + 1e-6).all()


def test_probabilities_are_products_down_the_tree():
    conditional = torch.randn(50, 3, generator=torch.Generator().manual_seed(1)).double()
    probability = torch.sigmoid(logits_down_the_tree(conditional, (-1, 0, 1)))
    given = torch.sigmoid(conditional)
    torch.testing.assert_close(probability, torch.cumprod(given, dim=1), rtol=1e-9, atol=1e-12)


def test_sure_verdicts_keep_finite_gradients_down_the_tree():
    conditional = torch.full((1, 3), 60.0, requires_grad=True)
    logits = logits_down_the_tree(conditional, (-1, 0, 1))
    logits.sum().backward()
    assert torch.isfinite(logits).all()
    assert torch.isfinite(conditional.grad).all()


def test_a_parent_must_stand_before_its_child():
    with pytest.raises(InvalidInputError, match="before their children"):
        SourceShape(n_features=1, n_images=0, parents=(1, -1))


def _table(n=20):
    rng = np.random.default_rng(2)
    values = rng.normal(size=(n, 3))
    values[::4, 1] = np.nan
    values[1, 2] = np.inf
    return FeatureTable(
        source_ids=np.arange(n),
        names=("a", "b", "c"),
        values=values,
        dmdt=rng.random((n, 2, 26, 26)),
        dmdt_names=("dmdt_g", "dmdt_r"),
    )


def test_inputs_of_a_source_do_not_depend_on_the_others():
    table = _table()
    inputs = fit_source_inputs(table, ("c", "b"), with_dmdt=True)
    one = table.take(np.array([7]))
    np.testing.assert_array_equal(inputs.features(one), inputs.features(table)[7:8])
    np.testing.assert_array_equal(inputs.images(one), table.dmdt[7:8])


def test_missing_and_infinite_values_are_masked_and_finite():
    table = _table()
    inputs = fit_source_inputs(table, table.names, with_dmdt=False)
    features = inputs.features(table)
    assert np.isfinite(features).all()
    np.testing.assert_array_equal(features[:, 3:] == 1, ~np.isfinite(table.values))
    assert inputs.images(table) is None


def test_tables_without_a_feature_or_image_are_refused():
    table = _table()
    inputs = fit_source_inputs(table, ("a", "b"), with_dmdt=True)
    with pytest.raises(InvalidInputError, match="not in the table: a"):
        inputs.features(table.select(("b",)))
    bare = FeatureTable(source_ids=table.source_ids, names=table.names, values=table.values)
    with pytest.raises(InvalidInputError, match="dm-dt"):
        inputs.images(bare)

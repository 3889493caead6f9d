"""Networks that judge: averages, views, modes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skyvet.core.errors import InvalidInputError
from skyvet.models.compact_net import CompactConfig
from skyvet.models.ensemble import EnsembleOfLogits
from skyvet.models.interface import InputShape
from skyvet.preprocessing.pools import CandidatePool
from skyvet.strategies.learners.networks import NetworkClassifier, opinion_of_networks
from skyvet.training.prediction import predict_logits

CONFIG = CompactConfig(widths=(4, 8))


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(1)
    return tuple(CONFIG.build(InputShape(stamp_px=21, n_metadata=2)).eval() for _ in range(3))


@pytest.fixture(scope="module")
def pool():
    rng = np.random.default_rng(2)
    metadata = rng.normal(size=(9, 2)).astype(np.float32)
    metadata[0, 1] = np.nan
    return CandidatePool(
        stamps=rng.normal(size=(9, 3, 21, 21)).astype(np.float16),
        candidate_ids=np.arange(9),
        object_ids=np.arange(9),
        metadata=metadata,
        metadata_names=("a", "b"),
    )


@pytest.mark.parametrize("averaged", [False, True])
@pytest.mark.parametrize("batch_rows", [1, 4, 64])
def test_logits_are_those_of_the_ensemble_that_is_packed(networks, pool, averaged, batch_rows):
    ensemble = EnsembleOfLogits(networks, with_dihedral_average=averaged).eval()
    expected = predict_logits(ensemble, pool.stamps, pool.metadata)
    opinion = opinion_of_networks(
        networks, pool, with_dihedral_average=averaged, batch_rows=batch_rows
    )
    np.testing.assert_allclose(opinion.logits, expected, atol=1e-5)


def test_head_of_the_first_network_turns_embeddings_into_its_logits(networks, pool):
    opinion = opinion_of_networks(networks, pool)
    with torch.no_grad():
        logits = networks[0].head(torch.from_numpy(opinion.embeddings)).squeeze(1).numpy()
    np.testing.assert_allclose(logits, opinion.member_logits[0], atol=1e-5)


def test_averaged_opinion_does_not_depend_on_orientation(networks, pool):
    turned = CandidatePool(
        stamps=np.ascontiguousarray(np.rot90(pool.stamps, axes=(2, 3))),
        candidate_ids=pool.candidate_ids,
        object_ids=pool.object_ids,
        metadata=pool.metadata,
        metadata_names=pool.metadata_names,
    )
    first, second = (
        opinion_of_networks(networks, rows, with_dihedral_average=True) for rows in (pool, turned)
    )
    np.testing.assert_allclose(first.logits, second.logits, atol=1e-5)
    np.testing.assert_allclose(first.embeddings, second.embeddings, atol=1e-5)


def test_training_mode_is_given_back_and_never_judges(networks, pool):
    expected = opinion_of_networks(networks, pool).logits
    networks[0].train()
    np.testing.assert_array_equal(opinion_of_networks(networks, pool).logits, expected)
    assert networks[0].training
    networks[0].eval()


def test_no_rows_give_an_empty_opinion(networks, pool):
    opinion = opinion_of_networks(networks, pool.take(np.zeros(0, dtype=int)))
    assert (len(opinion), opinion.member_logits.shape, len(opinion.embeddings)) == (0, (3, 0), 0)


def test_a_classifier_without_networks_is_refused():
    with pytest.raises(InvalidInputError, match="at least one network"):
        NetworkClassifier(networks=(), network_config=CONFIG, held_out_logits=np.zeros(0))

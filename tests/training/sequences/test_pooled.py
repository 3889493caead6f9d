"""The default classifier learns, scores each object alone and survives a bundle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.conftest import make_labelled_sequences

from skyvet.core.configs import MAX_SEED
from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.models.sequences.interface import MemberParts
from skyvet.models.sequences.members import load_member
from skyvet.preprocessing.sequences import LabelledSequences
from skyvet.records.sequences import EmbeddedSequences
from skyvet.scoring.curves import roc_auc
from skyvet.training.sequences.configs import SequenceTrainConfig
from skyvet.training.sequences.folds import FoldConfig
from skyvet.training.sequences.pooled import fit_pooled
from skyvet.training.sequences.pooled_config import BoostingConfig, PooledConfig

SMALL = PooledConfig(
    boosting=BoostingConfig(n_bags=2, n_rounds=15, min_leaf=5),
    n_trees=20,
    subtypes=("ghost", "never"),
)


@pytest.fixture(scope="module")
def member():
    return fit_pooled(make_labelled_sequences(), SMALL, seed=1)


@pytest.fixture(scope="module")
def fused():
    return fit_pooled(make_labelled_sequences(with_light_curve=True), SMALL, seed=1)


def test_planted_artefacts_are_recognised(member):
    new = make_labelled_sequences(seed=5)
    assert roc_auc(member.logits(new.sequences), new.labels) > 0.97


def test_subtypes_are_recognised_and_unseen_ones_get_nothing(member):
    new = make_labelled_sequences(seed=6)
    found = member.subtype_probabilities(new.sequences)
    assert member.subtype_names == ("ghost", "never")
    assert roc_auc(found[:, 0], new.has_tag("ghost")) > 0.95
    np.testing.assert_array_equal(found[:, 1], 0.0)


def test_the_moved_frame_is_the_most_suspicious(member):
    sequences = make_labelled_sequences(seed=7).sequences
    values = np.zeros((30, 6), np.float32) + np.random.default_rng(1).normal(size=(30, 6))
    values[11, 1] += 9.0
    one = EmbeddedSequences(
        values=values, offsets=[0, 30], object_ids=np.array([1]), n_latent=3,
        mjd_tai=np.full(30, np.nan),
    )  # fmt: skip
    assert member.frame_evidence(one)[0].argmax() == 11
    assert [len(e) for e in member.frame_evidence(sequences)] == sequences.n_frames.tolist()


@pytest.mark.parametrize("name", ["member", "fused"])
def test_a_score_does_not_depend_on_its_companions(request, name):
    fitted = request.getfixturevalue(name)
    sequences = make_labelled_sequences(12, seed=8, with_light_curve=True).sequences
    together = fitted.logits(sequences)
    order = np.random.default_rng(0).permutation(12)
    np.testing.assert_allclose(fitted.logits(sequences.take(order)), together[order], atol=1e-9)
    for i in range(12):
        alone = fitted.logits(sequences.take(np.array([i])))
        np.testing.assert_allclose(alone, together[i : i + 1], atol=1e-9)


@pytest.mark.parametrize("name", ["member", "fused"])
def test_a_member_returns_from_its_parts(request, name):
    fitted = request.getfixturevalue(name)
    again = load_member(fitted.parts())
    sequences = make_labelled_sequences(9, seed=9, with_light_curve=True).sequences
    np.testing.assert_array_equal(again.logits(sequences), fitted.logits(sequences))
    np.testing.assert_array_equal(
        again.subtype_probabilities(sequences), fitted.subtype_probabilities(sequences)
    )


def test_training_again_gives_the_same_member(member):
    again = fit_pooled(make_labelled_sequences(), SMALL, seed=1)
    sequences = make_labelled_sequences(9, seed=3).sequences
    np.testing.assert_array_equal(again.logits(sequences), member.logits(sequences))


def test_light_curve_features_are_found_by_name(fused):
    sequences = make_labelled_sequences(10, seed=4, with_light_curve=True).sequences
    swapped = EmbeddedSequences(
        values=sequences.values, offsets=sequences.offsets, object_ids=sequences.object_ids,
        mjd_tai=sequences.mjd_tai, n_latent=3, light_curve=sequences.light_curve[:, ::-1],
        light_curve_names=("skew", "amplitude"),
    )  # fmt: skip
    np.testing.assert_array_equal(fused.logits(swapped), fused.logits(sequences))
    with pytest.raises(InvalidInputError, match="light-curve features"):
        fused.logits(sequences.without_light_curve())


def test_frames_and_light_curve_are_views_of_their_own(member, fused):
    (n_frames,) = member.parts().arrays["kernel.view_sizes"]
    assert fused.parts().arrays["kernel.view_sizes"].tolist() == [n_frames, 2]


def test_an_object_without_light_curve_gets_a_score(fused):
    sequences = make_labelled_sequences(10, seed=4, with_light_curve=True).sequences
    blank = EmbeddedSequences(
        values=sequences.values, offsets=sequences.offsets, object_ids=sequences.object_ids,
        mjd_tai=sequences.mjd_tai, n_latent=3, light_curve=np.full((10, 2), np.nan),
        light_curve_names=sequences.light_curve_names,
    )  # fmt: skip
    assert np.isfinite(fused.logits(blank)).all()


@pytest.mark.parametrize("n_frames", [1, 2])
def test_an_object_of_few_frames_gets_a_finite_score(member, n_frames):
    one = make_labelled_sequences(1, seed=2).sequences
    short = EmbeddedSequences(
        values=one.values[:n_frames], offsets=[0, n_frames], object_ids=one.object_ids,
        mjd_tai=one.mjd_tai[:n_frames], n_latent=3,
    )  # fmt: skip
    assert np.isfinite(member.logits(short)).all()
    assert np.isfinite(member.frame_evidence(short)[0]).all()


def test_frames_of_another_encoder_are_refused(member):
    other = EmbeddedSequences(
        values=np.zeros((4, 8)), offsets=[0, 4], object_ids=np.array([1]), n_latent=4,
        mjd_tai=np.full(4, np.nan),
    )  # fmt: skip
    for ask in (member.logits, member.frame_evidence, member.subtype_probabilities):
        with pytest.raises(InvalidInputError, match="encoder"):
            ask(other)


def test_one_class_cannot_be_learnt():
    labelled = make_labelled_sequences()
    real = labelled.take(np.flatnonzero(labelled.labels == 1))
    with pytest.raises(InvalidInputError, match="both classes"):
        fit_pooled(real, SMALL)


def test_objects_of_no_weight_are_not_learnt():
    labelled = make_labelled_sequences()
    is_spoilt = np.arange(len(labelled)) < 40
    spoilt = LabelledSequences(
        sequences=labelled.sequences, labels=np.where(is_spoilt, 1 - labelled.labels,
        labelled.labels), tags=labelled.tags, weights=(~is_spoilt).astype(np.float32),
    )  # fmt: skip
    new = make_labelled_sequences(seed=5)
    assert roc_auc(fit_pooled(spoilt, SMALL).logits(new.sequences), new.labels) > 0.95


@pytest.mark.parametrize("lost", ["kernel.weights", "rank.knots", "space.active", "looks.scale"])
def test_a_member_that_is_not_whole_is_refused(member, lost):
    parts = member.parts()
    arrays = {name: array for name, array in parts.arrays.items() if name != lost}
    with pytest.raises(BundleError, match="not whole"):
        load_member(MemberParts(settings=parts.settings, graphs=parts.graphs, arrays=arrays))


def test_unknown_settings_are_refused(member):
    parts = member.parts()
    settings = {**parts.settings, "surprise": 1}
    with pytest.raises(BundleError, match="cannot be understood"):
        load_member(MemberParts(settings=settings, graphs=parts.graphs, arrays=parts.arrays))


@pytest.mark.parametrize("level", [0.0, 3.0])
def test_six_objects_of_constant_frames_can_be_trained_on(level):
    sequences = EmbeddedSequences(
        values=np.full((12, 4), level), offsets=np.arange(0, 13, 2), object_ids=np.arange(6),
        mjd_tai=np.full(12, np.nan), n_latent=2,
    )  # fmt: skip
    labelled = LabelledSequences(
        sequences=sequences, labels=[0, 1] * 3, tags=((),) * 6, weights=np.ones(6, np.float32)
    )
    member = fit_pooled(labelled, SMALL)
    assert np.isfinite(member.logits(sequences)).all()


def test_without_subtypes_none_are_told(member):
    config = SMALL.model_copy(update={"subtypes": ()})
    bare = load_member(fit_pooled(make_labelled_sequences(), config, seed=1).parts())
    sequences = make_labelled_sequences(5, seed=2).sequences
    assert bare.subtype_probabilities(sequences).shape == (5, 0)
    np.testing.assert_array_equal(bare.logits(sequences), member.logits(sequences))


@pytest.mark.parametrize("is_empty", [(True, False), (True, True)])
def test_light_curve_columns_without_any_value_tell_nothing(is_empty):
    labelled = make_labelled_sequences(with_light_curve=True)
    curve = np.where(is_empty, np.nan, labelled.sequences.light_curve).astype(np.float32)
    labelled = replace(labelled, sequences=replace(labelled.sequences, light_curve=curve))
    member = fit_pooled(labelled, SMALL, seed=1)
    known = np.where(is_empty, np.float32(7.0), curve)
    np.testing.assert_allclose(
        member.logits(replace(labelled.sequences, light_curve=known)),
        member.logits(labelled.sequences),
        atol=1e-5,
    )


def test_the_largest_seed_can_be_used():
    config = SMALL.model_copy(update={"subtypes": ()})
    fit_pooled(make_labelled_sequences(n=40), config, seed=MAX_SEED + 21_000)


def test_seeds_beyond_those_of_scikit_learn_are_refused():
    for config in (SequenceTrainConfig, FoldConfig):
        assert config(seed=MAX_SEED).seed == MAX_SEED
        with pytest.raises(ValueError, match="seed"):
            config(seed=2**32)

"""Confident learning against a transition table that is known, and brute force."""

from __future__ import annotations

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.strategies.audit import SuspicionMethod, confident_joint, rank_suspects
from skyvet.strategies.audit_effect import measure_correction
from skyvet.strategies.audit_tables import suspect_table, write_suspects
from skyvet.strategies.experts import plant_wrong_labels

METHODS = list(SuspicionMethod)


def planted(n=2000, *, rate=0.05, seed=0, width=1.0):
    """Return honest probabilities, the true labels, and labels with planted errors."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, n) * width + np.where(rng.random(n) < 0.3, 4.0, -4.0)
    probabilities = 1 / (1 + np.exp(-logits))
    truth = (rng.random(n) < probabilities).astype(np.int8)
    return probabilities, truth, plant_wrong_labels(truth, rate, rng)


@pytest.mark.parametrize("method", METHODS)
def test_planted_errors_come_first(method):
    probabilities, _, errors = planted()
    suspects = rank_suspects(probabilities, errors.labels, method=method)
    assert errors.is_wrong[suspects.i_row[:150]].sum() >= 95


@pytest.mark.parametrize("method", METHODS)
def test_every_label_is_ranked_once_by_falling_suspicion(method):
    probabilities, _, errors = planted()
    suspects = rank_suspects(probabilities, errors.labels, method=method)
    assert sorted(suspects.i_row) == list(range(2000))
    assert (np.diff(suspects.suspicion) <= 0).all()
    assert suspects.suspicion.min() >= 0
    assert suspects.suspicion.max() <= 1
    np.testing.assert_array_equal(suspects.given, errors.labels[suspects.i_row])


def test_self_confidence_and_margin_rank_two_classes_alike():
    probabilities, _, errors = planted()
    first, second = (
        rank_suspects(probabilities, errors.labels, method=method).i_row for method in METHODS[:2]
    )
    np.testing.assert_array_equal(first, second)


def test_number_of_wrong_labels_is_estimated():
    probabilities, _, errors = planted(8000, rate=0.1)
    suspects = rank_suspects(probabilities, errors.labels)
    for label in (0, 1):
        n_wrong = errors.is_wrong[errors.labels == label].sum()
        assert suspects.n_expected_wrong[label] == pytest.approx(n_wrong, rel=0.2)


def test_labels_without_errors_are_left_in_peace():
    probabilities, truth, _ = planted(8000)
    suspects = rank_suspects(probabilities, truth)
    # the honest probabilities themselves say how many labels contradict them
    surprises = np.where(truth == 1, 1 - probabilities, probabilities).sum()
    assert sum(suspects.n_expected_wrong) <= 2 * surprises


def test_confident_joint_is_the_published_count_by_brute_force():
    rng = np.random.default_rng(3)
    probabilities, labels = rng.random(300), rng.integers(0, 2, 300)
    low = np.mean([1 - p for p, y in zip(probabilities, labels, strict=True) if y == 0])
    high = np.mean([p for p, y in zip(probabilities, labels, strict=True) if y == 1])
    counts = np.zeros((2, 2), dtype=int)
    for p, y in zip(probabilities, labels, strict=True):
        confident = [k for k, (q, t) in enumerate([(1 - p, low), (p, high)]) if q >= t]
        if confident:
            counts[y, max(confident, key=lambda k: [1 - p, p][k])] += 1
    joint = confident_joint(probabilities, labels)
    np.testing.assert_array_equal(joint.counts, counts)
    assert joint.thresholds == pytest.approx((low, high))


def test_a_shy_class_is_judged_by_its_own_threshold():
    labels = np.repeat([0, 1], 50)
    probabilities = np.where(labels == 1, 0.4, 0.02)
    probabilities[0] = 0.4  # for a BOGUS label this is what REAL ones get
    suspects = rank_suspects(probabilities, labels)
    assert suspects.n_expected_wrong[1] == 0
    adjusted = rank_suspects(probabilities, labels, method=SuspicionMethod.CLASS_ADJUSTED)
    assert adjusted.i_row[0] == 0
    assert adjusted.is_likely_wrong.sum() == 1
    assert suspects.i_row[0] != 0  # plain self-confidence suspects the whole shy class first


def test_repeats_are_averaged():
    probabilities, _, errors = planted(400)
    rng = np.random.default_rng(5)
    noisy = np.clip(probabilities + rng.normal(0, 0.3, (8, 400)), 0, 1)
    n_found = [
        errors.is_wrong[rank_suspects(p, errors.labels).i_row[:30]].sum() for p in (noisy[0], noisy)
    ]
    assert n_found[1] > n_found[0]
    np.testing.assert_array_equal(
        rank_suspects(np.stack([probabilities] * 3), errors.labels).i_row,
        rank_suspects(probabilities, errors.labels).i_row,
    )


def test_order_of_rows_does_not_matter():
    probabilities, _, errors = planted(300)
    shuffle = np.random.default_rng(1).permutation(300)
    there = rank_suspects(probabilities, errors.labels)
    here = rank_suspects(probabilities[shuffle], errors.labels[shuffle])
    np.testing.assert_array_equal(shuffle[here.i_row], there.i_row)


def test_rows_of_an_object_stay_together_at_the_worst_ones_place():
    labels = np.array([1, 0, 1, 0, 1, 0])
    probabilities = np.array([0.9, 0.8, 0.1, 0.2, 0.7, 0.3])
    objects = np.array(["a", "b", "c", "c", "a", "b"])
    suspects = rank_suspects(probabilities, labels, object_ids=objects)
    assert objects[suspects.i_row].tolist() == ["c", "c", "b", "b", "a", "a"]
    assert suspects.i_row[0] == 2


def test_input_is_left_alone():
    probabilities, _, errors = planted(50)
    probabilities.flags.writeable = errors.labels.flags.writeable = False
    rank_suspects(probabilities, errors.labels)


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        ([0.5, 1.5], [0, 1], r"\[0, 1\]"),
        ([0.5, np.nan], [0, 1], "finite|NaN"),
        ([0.5, 0.6], [1, 1], "BOGUS"),
        ([0.5, 0.6], [0, -1], "UNKNOWN"),
        ([0.5], [0, 1], "length"),
        ([], [], "none"),
        (np.zeros((0, 2)), [0, 1], "n_repeats"),
    ],
)
def test_unusable_input_is_refused(probabilities, labels, message):
    with pytest.raises(InvalidInputError, match=message):
        rank_suspects(np.array(probabilities), np.array(labels))


def make_arrays(labels, *, ids=None):
    n = len(labels)
    identifiers = np.arange(n) + 2**60 if ids is None else ids
    return TripletArrays(
        stamps=np.zeros((n, 3, 9, 9), np.float32),
        labels=np.asarray(labels, dtype=np.int8),
        candidate_ids=identifiers,
        object_ids=identifiers,
        weights=np.ones(n, np.float32),
        targets=np.asarray(labels, dtype=np.float32),
    )


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_ranking_is_written_with_its_reasons(suffix, tmp_path):
    probabilities, _, errors = planted(60)
    repeats = np.stack([probabilities, np.sqrt(probabilities)])
    arrays = make_arrays(errors.labels)
    suspects = rank_suspects(repeats, errors.labels)
    path = tmp_path / "deep" / f"suspects{suffix}"
    write_suspects(suspect_table(arrays, repeats, suspects), path)
    read = pyarrow.csv.read_csv if suffix == ".csv" else pyarrow.parquet.read_table
    rows = read(path).to_pylist()
    assert [row["candidate_id"] for row in rows] == (suspects.i_row + 2**60).tolist()
    assert rows[0]["rank"] == 1
    assert "had not seen it" in rows[0]["reason"]
    assert "label" not in rows[0]


def test_ranking_of_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"\.csv or \.parquet"):
        write_suspects(pyarrow.table({"rank": [1]}), tmp_path / "suspects.xlsx")


def effect_of(before, after, labels, corrected, **options):
    return measure_correction(
        before,
        after,
        labels=labels,
        corrected_labels=corrected,
        object_ids=np.arange(len(labels)),
        rng=np.random.default_rng(0),
        n_resamples=50,
        **options,
    )


def test_untouched_rows_do_not_reward_a_correction_by_itself():
    probabilities, _, errors = planted(600)
    flipped = errors.labels.copy()
    suspects = rank_suspects(probabilities, errors.labels)
    flipped[suspects.i_row[:40]] = suspects.suggested[:40]
    effect = effect_of(probabilities, probabilities, errors.labels, flipped)
    for pair in (*effect.untouched, *effect.corrected):
        assert pair.before == pair.after
        assert pair.difference.low == pair.difference.high == 0
    assert effect.trusted == ()
    assert effect.n_corrected == (flipped != errors.labels).sum()


def test_a_better_classifier_shows_on_trusted_and_untouched_rows():
    probabilities, truth, errors = planted(1500)
    noise = np.random.default_rng(2).random(1500)
    worse = 0.5 * probabilities + 0.5 * noise
    effect = effect_of(
        worse, probabilities, errors.labels, truth, is_trusted=np.arange(1500) % 3 == 0
    )
    for view in (effect.trusted, effect.untouched, effect.corrected):
        auc = view[0]
        assert auc.name == "auc"
        assert auc.after > auc.before
        assert auc.difference.low > 0


def test_labels_taken_back_count_nowhere():
    probabilities, truth, _ = planted(300)
    corrected = truth.copy()
    corrected[:30] = -1
    effect = effect_of(probabilities, probabilities, truth, corrected)
    assert (effect.n_removed, effect.n_corrected) == (30, 0)
    kept = effect_of(probabilities[30:], probabilities[30:], truth[30:], truth[30:])
    assert effect.corrected[0].before == kept.corrected[0].before


def test_view_of_one_class_is_empty():
    labels = np.array([0, 0, 1, 1])
    effect = effect_of(np.full(4, 0.5), np.full(4, 0.5), labels, labels, is_trusted=labels == 1)
    assert effect.trusted == ()
    assert len(effect.untouched) == 3

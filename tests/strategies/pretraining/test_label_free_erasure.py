"""Detections taken out of their stamps."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.strategies.pretraining.label_free_erasure import erase_detection, largest_radius

SIZE, CENTRE, RADIUS = 63, 31, 6.0


def noise(seed=0):
    return np.random.default_rng(seed).normal(100.0, 2.0, (3, SIZE, SIZE)).astype(np.float32)


def blob(row, column, height, sigma=1.2):
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return height * np.exp(-0.5 * ((rows - row) ** 2 + (columns - column) ** 2) / sigma**2)


def detection(seed=0, height=300.0):
    stamp = noise(seed)
    stamp[[0, 2]] += blob(CENTRE, CENTRE, height).astype(np.float32)
    return stamp


def erased(stamp, seed=1):
    return erase_detection(stamp, radius_px=RADIUS, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("height", [30.0, 3000.0, -300.0])
def test_what_is_left_in_the_middle_is_the_noise_of_the_rest(seed, height):
    found = erased(detection(seed, height))[2]
    middle = found[CENTRE - 4 : CENTRE + 5, CENTRE - 4 : CENTRE + 5]
    assert abs(middle.mean() - 100) < 4 * 2.0 / 9
    assert 1.3 < middle.std() < 2.8


def test_science_loses_the_detection_and_the_template_nothing():
    stamp = detection(height=3000.0)
    found = erased(stamp)
    middle = found[0, CENTRE - 4 : CENTRE + 5, CENTRE - 4 : CENTRE + 5]
    assert abs(middle.mean() - 100) < 3
    np.testing.assert_array_equal(found[1], stamp[1])


def test_noise_of_both_images_is_what_it_was_in_disc_and_taper():
    rows, columns = np.mgrid[:SIZE, :SIZE]
    distance = np.hypot(rows - CENTRE, columns - CENTRE)
    taper = (distance > RADIUS) & (distance < RADIUS + 3)
    found = {"disc": [], "taper": []}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        template = rng.normal(100.0, 1.0, (SIZE, SIZE))
        science = rng.normal(100.0, 2.0, (SIZE, SIZE))
        stamp = np.stack([science, template, science - template]).astype(np.float32)
        after = erased(stamp, seed)
        found["disc"].append(after[[0, 2]][:, distance < RADIUS].std(axis=1))
        found["taper"].append(after[[0, 2]][:, taper].std(axis=1))
    for values in found.values():
        np.testing.assert_allclose(np.mean(values, axis=0), [2.0, 5**0.5], rtol=0.1)


def test_nothing_changes_beyond_radius_and_taper():
    stamp = detection()
    rows, columns = np.mgrid[:SIZE, :SIZE]
    far = np.hypot(rows - CENTRE, columns - CENTRE) > RADIUS + 3
    np.testing.assert_array_equal(erased(stamp)[:, far], stamp[:, far])


def test_the_given_stamp_is_left_alone_and_a_seed_repeats_itself():
    stamp = detection()
    before = stamp.copy()
    np.testing.assert_array_equal(erased(stamp), erased(stamp))
    np.testing.assert_array_equal(stamp, before)
    assert not np.array_equal(erased(stamp, seed=1), erased(stamp, seed=2))


def test_a_host_galaxy_stays():
    stamp = detection()
    stamp[:2] += blob(CENTRE + 2, CENTRE - 1, 5000.0, sigma=3.0).astype(np.float32)
    found = erased(stamp)
    assert found[0, CENTRE + 2, CENTRE - 1] > 4000


def test_a_patch_is_never_taken_from_where_something_is():
    stamp = detection()
    stamp[2] += blob(12, 12, 800.0).astype(np.float32)
    for seed in range(30):
        assert erased(stamp, seed)[2, CENTRE - 5 : CENTRE + 6, CENTRE - 5 : CENTRE + 6].max() < 112


def test_a_trail_is_refused():
    stamp = noise()
    stamp[[0, 2], CENTRE - 1 : CENTRE + 2] += 100
    assert erased(stamp) is None


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_a_missing_centre_is_refused_whatever_image_lacks_it(plane):
    stamp = detection()
    stamp[plane, CENTRE, CENTRE + 2] = np.nan
    assert erased(stamp) is None


def test_a_missing_edge_is_kept_as_it_is():
    stamp = detection()
    stamp[:, :, :8] = np.nan
    found = erased(stamp)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(stamp))


@pytest.mark.parametrize("size", [1, 9, 21])
def test_a_stamp_without_room_for_a_patch_is_refused(size):
    stamp = np.random.default_rng(0).normal(size=(3, size, size)).astype(np.float32)
    assert erase_detection(stamp, radius_px=RADIUS, rng=np.random.default_rng(0)) is None


@pytest.mark.parametrize("size", [31, 41, 63, 101])
def test_the_largest_radius_has_room_and_a_larger_one_has_none(size):
    stamp = np.random.default_rng(0).normal(size=(3, size, size)).astype(np.float32)
    largest = largest_radius(size)
    for radius_px, has_room in ((largest, True), (largest + 0.5, False)):
        found = erase_detection(stamp, radius_px=radius_px, rng=np.random.default_rng(0))
        assert (found is not None) == has_room


def test_all_missing_is_refused():
    assert erased(np.full((3, SIZE, SIZE), np.nan, np.float32)) is None

"""What the benchmark of periods reads and counts."""

import pytest
from benchmarks.period_recovery import is_development, is_recovered, read_eros, read_s82, search


@pytest.mark.parametrize(("period", "ratios", "counts"), [
    (0.5, (1.0,), True), (0.504, (1.0,), True), (0.506, (1.0,), False), (1.0, (1.0,), False),
    (1.0, (1.0, 0.5, 2.0), True), (float("nan"), (1.0,), False),
])  # fmt: skip
def test_what_counts_as_recovered(period, ratios, counts):
    assert is_recovered(period, 0.5, ratios) == counts


def test_the_development_part_is_two_fifths_and_does_not_depend_on_order():
    names = [f"{i}_{i * 7}" for i in range(2000)]
    assert sum(map(is_development, names)) == pytest.approx(800, abs=100)


@pytest.mark.integration
def test_stars_of_both_surveys_are_read_and_a_period_is_found(shared_data):
    stars = read_s82(shared_data / "s82_rrlyrae")
    assert len(stars) == 253
    assert {one.band for one in stars[0].series} == set("ugriz")
    assert search(stars[0]).period_d == pytest.approx(stars[0].period_d, rel=0.01)
    eros = read_eros(shared_data / "eros_variables")
    assert len(eros) == 2912
    assert all(len(star.series) == 2 for star in eros)

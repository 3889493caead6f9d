"""Light curves to sources: who belongs together, how values join, and that nothing is lost."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skyvet.core.errors import InvalidInputError
from skyvet.inference.column_rules import combined, mean_positions, rule_for
from skyvet.inference.consolidating import consolidate_batch, consolidate_table, group_sources
from skyvet.inference.consolidation_config import ConsolidationConfig
from skyvet.inference.source_groups import (
    groups_by_ids,
    groups_by_position,
    join_lone_by_position,
)
from skyvet.io.catalogues.sky_index import separation_arcsec
from skyvet.io.feature_tables import feature_table_to_arrow
from skyvet.records.feature_table import FeatureTable
from skyvet.records.light_curve_batch import LightCurveBatch

ARCSEC = 1 / 3600
CONFIG = ConsolidationConfig()


def partition_of(groups):
    """Groups as a set of sets of rows, whatever their numbers."""
    members = {}
    for row, group in enumerate(groups.group.tolist()):
        members.setdefault(group, set()).add(row)
    return {frozenset(rows) for rows in members.values()}


def test_identifiers_go_gaia_before_allwise_before_ps1():
    gaia = np.array(["G1", "G1", "", "", "", ""])
    wise = np.array(["W1", "", "W1", "W2", "", ""])
    ps1 = np.array(["", "P1", "", "", "P1", ""])
    groups = groups_by_ids([gaia, wise, ps1], n_rows=6)
    assert partition_of(groups) == {frozenset({0, 1, 2, 4}), frozenset({3}), frozenset({5})}
    assert groups.has_id.tolist() == [True] * 5 + [False]


def test_an_identifier_of_two_sources_joins_neither():
    """One blended AllWISE detection of two Gaia stars must not make one star of them."""
    gaia = np.array(["G1", "G2", "", ""])
    wise = np.array(["W1", "W1", "W1", "W1"])
    assert len(partition_of(groups_by_ids([gaia, wise], n_rows=4))) == 4


def test_a_chain_of_neighbours_is_not_drawn_together():
    steps = np.array([0.0, 0.9, 1.9, 2.7, 3.8]) * ARCSEC  # each within 1.5" of the next
    groups = groups_by_position(10 + steps, np.zeros(5), radius_arcsec=1.5)
    assert partition_of(groups) == {frozenset({0, 1}), frozenset({2, 3}), frozenset({4})}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=25),
    st.randoms(use_true_random=False),
)
def test_groups_by_position_hold_to_the_radius_and_not_to_the_order_of_rows(places, random):
    ra = np.array([x for x, _ in places]) * 0.1 * ARCSEC
    dec = 89.99 + np.array([y for _, y in places]) * 0.1 * ARCSEC
    groups = groups_by_position(ra, dec, radius_arcsec=1.5)
    for rows in map(list, partition_of(groups)):
        first, second = np.triu_indices(len(rows), k=1)
        distances = separation_arcsec(
            ra[rows][first], dec[rows][first],
            other_ra_deg=ra[rows][second], other_dec_deg=dec[rows][second],
        )  # fmt: skip
        assert (distances <= 1.5 + 1e-6).all()
    order = list(range(len(places)))
    random.shuffle(order)
    again = groups_by_position(ra[order], dec[order], radius_arcsec=1.5)
    moved = {frozenset(order[row] for row in rows) for rows in partition_of(again)}
    # Equal places are one place: which of them stands where is not decided by the order.
    assert {frozenset(places[row] for row in rows) for rows in moved} == {
        frozenset(places[row] for row in rows) for rows in partition_of(groups)
    }


@pytest.mark.parametrize(
    ("ra", "dec"),
    [([359.9999, 0.0001], [10.0, 10.0]), ([0.0, 180.0], [89.9999, 89.9999]),
     ([10.0, 100.0], [-90.0, -90.0])],
)  # fmt: skip
def test_neighbours_over_the_zero_and_the_poles_are_found(ra, dec):
    groups = groups_by_position(np.array(ra), np.array(dec), radius_arcsec=1.0)
    assert groups.n_groups == 1


def test_a_light_curve_without_identifier_joins_the_nearest_source_with_one():
    gaia = np.array(["G1", "G2", "", "", ""])
    ra = 10 + np.array([0.0, 2.0, 1.2, 50.0, 50.5]) * ARCSEC
    groups = join_lone_by_position(
        groups_by_ids([gaia], n_rows=5), ra, np.zeros(5), radius_arcsec=1.5
    )
    assert partition_of(groups) == {frozenset({0}), frozenset({1, 2}), frozenset({3, 4})}


def test_unknown_positions_stay_alone():
    groups = groups_by_position(np.full(3, np.nan), np.zeros(3), radius_arcsec=1.0)
    assert groups.n_groups == 3


def test_a_radius_that_joins_all_is_an_error_that_says_so():
    ra = np.linspace(0, 1, 3100)
    with pytest.raises(InvalidInputError, match="radius_arcsec is too large"):
        groups_by_position(ra, np.zeros(3100), radius_arcsec=10.0)


@pytest.mark.parametrize(
    ("ra", "expected"),
    [([359.0, 1.0], 0.0), ([350.0, 20.0], 5.0), ([10.0, 20.0], 15.0), ([0.0, 359.98], 359.99)],
)
def test_right_ascensions_are_averaged_on_the_circle(ra, expected):
    """Defect j of the predecessor: the mean of 359 and 1 deg was 180 deg."""
    mean, dec = mean_positions(np.array(ra), np.zeros(2), np.zeros(2, int), n_groups=1)
    assert (mean[0] - expected + 180) % 360 - 180 == pytest.approx(0, abs=1e-9)
    assert 0 <= mean[0] < 360
    assert dec[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("rule", ["mean", "median", "max", "min", "sum"])
def test_rules_agree_with_numpy_source_by_source(rule):
    rng = np.random.default_rng(4)
    group = np.append(rng.integers(0, 20, 200), np.arange(21))
    values = np.where(rng.random(221) < 0.3, np.nan, rng.normal(size=221))
    values[group == 20] = np.nan
    found = combined(values, group, lead=np.arange(21), rule=rule)
    for i_group in range(20):
        expected = getattr(np, f"nan{rule}")(values[group == i_group])
        assert found[i_group] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(found[20]), "no value stays no value"


@pytest.mark.parametrize(
    ("name", "kind", "rule"),
    [
        ("rrab", "f", "mean"), ("period_d", "f", "lead"), ("period_LS", "f", "lead"),
        ("f1_phi0_LS", "f", "lead"), ("significance_AOV", "f", "lead"), ("n_epochs", "i", "sum"),
        ("n_r", "f", "sum"), ("n_ztf_alerts", "i", "max"), ("field", "i", "lead"),
        ("is_calibrated", "b", "all"), ("is_flagged", "b", "any"), ("survey", "U", "lead"),
        ("fold_bin_03", "f", "lead"), ("double_skew", "f", "lead"), ("agree_score", "f", "lead"),
        ("log_odds_half", "f", "lead"), ("n_agree_pairs", "f", "lead"), ("skew_g", "f", "mean"),
    ],
)  # fmt: skip
def test_each_kind_of_column_has_its_rule(name, kind, rule):
    assert rule_for(name, kind, CONFIG) == rule
    assert rule_for(name, kind, ConsolidationConfig(rules=(f"{name}=min",))) == "min"


def score_table():
    return pa.table(
        {
            "source_id": [2**60 + 1, 2**60 + 2, 2**60 + 3],
            "ra_deg": [359.9999, 0.0001, 200.0],
            "dec_deg": [5.0, 5.0, 5.0],
            "rrab": [0.2, 0.6, 0.9],
            "period_d": [0.5, 0.25, 0.7],
            "false_alarm_probability": [1e-9, 0.1, 0.5],
            "n_epochs": [60, 300, 10],
            "is_calibrated": [True, False, True],
            "Gaia_EDR3___id": [None, None, 2**62 + 1],
        }
    ).replace_schema_metadata({b"skyvet": b"{}"})


def test_a_table_of_scores_becomes_one_row_a_source():
    made, counts = consolidate_table(score_table(), CONFIG)
    assert made["source_id"].to_pylist() == [2**60 + 1, 2**60 + 3]
    assert made["rrab"].to_pylist() == pytest.approx([0.4, 0.9])
    assert made["period_d"].to_pylist() == [0.5, 0.7], "the surest period, never a mean"
    assert made["n_epochs"].to_pylist() == [360, 10]
    assert made["is_calibrated"].to_pylist() == [False, True]
    assert made["light_curve_ids"].to_pylist() == [[2**60 + 1, 2**60 + 2], [2**60 + 3]]
    assert made["Gaia_EDR3___id"].to_pylist() == ["", str(2**62 + 1)]
    assert made["ra_deg"].to_pylist() == pytest.approx([0.0, 200.0], abs=1e-9)
    assert made.schema.metadata == {b"skyvet": b"{}"}
    assert (counts.n_light_curves, counts.n_sources, counts.n_without_id) == (3, 2, 2)
    assert (counts.n_alone, counts.largest) == (1, 2)


@pytest.mark.parametrize(
    ("name", "values", "period_d"),
    [
        ("period_log10_fap", [-9.0, -1.0, -2.0], 0.5),
        ("period_log10_fap", [-1.0, -9.0, -2.0], 0.25),
        ("significance", [5.0, 9.0, 1.0], 0.25), ("significance", [9.0, 5.0, 1.0], 0.5),
        ("significance", [np.nan, 5.0, 1.0], 0.25),
    ],
)  # fmt: skip
def test_the_surest_period_leads_by_any_measure(name, values, period_d):
    table = score_table().drop_columns(["false_alarm_probability"])
    made, _ = consolidate_table(table.append_column(name, pa.array(values)), CONFIG)
    assert made["period_d"][0].as_py() == period_d


def test_without_significances_the_period_of_most_epochs_is_taken():
    made, _ = consolidate_table(score_table().drop_columns(["false_alarm_probability"]), CONFIG)
    assert made["period_d"].to_pylist() == [0.25, 0.7]


@pytest.mark.parametrize(("rule", "expected"), [("max", 0.6), ("median", 0.4), ("mean", 0.4)])
def test_numbers_follow_the_rule_asked_for(rule, expected):
    made, _ = consolidate_table(score_table(), ConsolidationConfig(numbers=rule))
    assert made["rrab"][0].as_py() == pytest.approx(expected)


def test_no_light_curve_is_lost_without_an_identifier():
    """The predecessor lost sources without counterpart without a word."""
    config = ConsolidationConfig(by="ids")
    made, counts = consolidate_table(score_table(), config)
    listed = [id_ for ids in made["light_curve_ids"].to_pylist() for id_ in ids]
    assert sorted(listed) == sorted(score_table()["source_id"].to_pylist())
    assert (counts.n_sources, counts.n_with_id, counts.n_without_id) == (3, 1, 2)


def test_consolidating_again_changes_nothing():
    once, _ = consolidate_table(score_table(), CONFIG)
    twice, counts = consolidate_table(once, CONFIG)
    assert twice.to_pylist() == once.to_pylist()
    assert counts.n_sources == counts.n_light_curves


def test_features_of_two_bands_fill_each_other_and_images_are_joined():
    image = np.zeros((2, 1, 2, 2), dtype=np.float32)
    image[0, 0, 0, 0] = image[1, 0, 1, 1] = 1.0
    table = FeatureTable(
        source_ids=np.array([1, 2]), names=("iqr_g", "iqr_r"),
        values=np.array([[0.1, np.nan], [np.nan, 0.3]]), dmdt=image, dmdt_names=("dmdt",),
        columns={"ra_deg": np.array([10.0, 10.0]), "dec_deg": np.zeros(2)},
    )  # fmt: skip
    made, _ = consolidate_table(feature_table_to_arrow(table), CONFIG)
    assert made.select(["iqr_g", "iqr_r"]).to_pylist() == [{"iqr_g": 0.1, "iqr_r": 0.3}]
    joined = np.array(made["dmdt"][0].as_py())
    np.testing.assert_allclose(joined, [np.sqrt(0.5), 0, 0, np.sqrt(0.5)], rtol=1e-6)


def test_what_cannot_be_grouped_is_an_error_that_says_what_is_needed():
    bare = score_table().drop_columns(["ra_deg", "dec_deg", "Gaia_EDR3___id"])
    with pytest.raises(InvalidInputError, match="neither identifiers of catalogues nor positions"):
        consolidate_table(bare, CONFIG)
    with pytest.raises(InvalidInputError, match="cross-match first"):
        consolidate_table(bare, ConsolidationConfig(by="ids"))
    with pytest.raises(InvalidInputError, match="has no identifier"):
        consolidate_table(bare.drop_columns(["source_id"]), CONFIG)
    floats = score_table().drop_columns(["Gaia_EDR3___id"])
    floats = floats.append_column("Gaia_EDR3___id", pa.array([1.0, 2.0, 3.0]))
    with pytest.raises(InvalidInputError, match="lose digits"):
        consolidate_table(floats, CONFIG)
    with pytest.raises(ValueError, match="a rule such as"):
        ConsolidationConfig(rules=("score=mode",))
    with pytest.raises(InvalidInputError, match="rules are for columns of the table, got scor=max"):
        consolidate_table(score_table(), ConsolidationConfig(rules=("scor=max",)))
    i_ra = score_table().column_names.index("ra_deg")
    words = score_table().set_column(i_ra, "ra_deg", pa.array(["12h", "13h", "14h"]))
    with pytest.raises(InvalidInputError, match=r"positions .* must be numbers"):
        consolidate_table(words, CONFIG)
    with pytest.raises(InvalidInputError, match="at most 648000"):
        consolidate_table(score_table(), ConsolidationConfig(by="position", radius_arcsec=1e9))


def test_an_empty_table_stays_empty():
    made, counts = consolidate_table(score_table().slice(0, 0), CONFIG)
    assert made.num_rows == counts.n_sources == 0


def test_bands_of_a_source_become_one_light_curve():
    rng = np.random.default_rng(2)
    counts = np.array([5, 0, 7, 4])
    times = np.concatenate([np.sort(rng.uniform(0, 10, n)) for n in counts])
    n = len(times)
    batch = LightCurveBatch(
        source_ids=np.array(["a", "b", "c", "d"]), offsets=np.concatenate([[0], counts.cumsum()]),
        mjd_tai=times, flux_njy=np.arange(n, dtype=float), flux_err_njy=np.ones(n),
        band=np.repeat([0, 1, 1, 0], counts), bands=("g", "r"),
        ra_deg=np.array([0.00001, 70.0, 359.99999, 120.0]), dec_deg=np.zeros(4),
        columns={"n_epochs_read": counts},
    )  # fmt: skip
    groups = group_sources(batch.columns, batch.ra_deg, batch.dec_deg, config=CONFIG)
    made = consolidate_batch(batch, groups, config=CONFIG)
    assert made.source_ids.tolist() == ["c", "b", "d"], "of the light curve with most epochs"
    assert made.n_epochs.tolist() == [12, 0, 4]
    assert made.columns["light_curve_ids"].tolist() == ["a c", "b", "d"]
    assert made.columns["n_epochs_read"].tolist() == [12, 0, 4]
    of_first = set(zip(made.mjd_tai[:12], made.flux_njy[:12], made.band[:12], strict=True))
    rows = np.r_[0:5, 5:12]
    assert of_first == set(zip(times[rows], rows.astype(float), batch.band[rows], strict=True))

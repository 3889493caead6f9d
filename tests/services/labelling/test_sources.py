"""Labelling of light curves: what is shown, which labels are taken, what comes out."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.io.label_store.store import open_label_store
from skyvet.io.light_curve_tables import LightCurveRow, write_light_curves
from skyvet.io.source_score_tables import write_source_scores
from skyvet.io.stored_source_labels import read_stored_source_labels
from skyvet.records.light_curve import LightCurve
from skyvet.records.source_scores import SourceScores
from skyvet.records.source_taxonomy import SourceTaxonomy, TaxonomyNode
from skyvet.services.labelling.access import Viewer
from skyvet.services.labelling.messages import QueueRequest
from skyvet.services.labelling.settings import LabellingConfig
from skyvet.services.labelling.source_classes import shown_classes
from skyvet.services.labelling.source_opening import open_source_session

ADA = Viewer(name="ada", can_label=True, csrf_token="c" * 24)
PERIOD_D = 0.5671
TREE = SourceTaxonomy(
    name="tree",
    nodes=(
        TaxonomyNode(tag="rrab", name="RRab", parent="rrlyr"),
        TaxonomyNode(tag="rrlyr", name="RR Lyrae", parent="puls"),
        TaxonomyNode(tag="puls", name="pulsator"),
        TaxonomyNode(tag="agn", name="AGN"),
    ),
)


def _row(name, seed):
    rng = np.random.default_rng(seed)
    time = np.sort(58000 + rng.uniform(0, 300, 120))
    band = np.where(np.arange(120) % 2, "g", "r")
    flux = 1e4 * (1 + 0.3 * np.sin(2 * np.pi * time / PERIOD_D))
    error = np.full(120, 100.0)
    return LightCurveRow(
        object_id=name,
        survey="ztf",
        light_curve=LightCurve(
            mjd_tai=time,
            flux_njy=flux + error * rng.standard_normal(120),
            flux_err_njy=error,
            band=band,
            is_upper_limit=np.zeros(120, dtype=bool),
            is_difference=False,
        ),
    )


@pytest.fixture(scope="module")
def light_curves(tmp_path_factory):
    path = tmp_path_factory.mktemp("curves") / "curves.parquet"
    write_light_curves(path, [_row(f"s{i}", i) for i in range(4)])
    return path


@pytest.fixture
def store(tmp_path):
    with open_label_store(tmp_path / "labels.db") as opened:
        yield opened


@pytest.fixture
def scores(tmp_path):
    path = tmp_path / "scores.parquet"
    ids, tags = np.array(["s2", "s0", "s9"]), ("puls", "rrlyr")
    table = SourceScores(
        source_ids=ids,
        tags=tags,
        probabilities=np.array([[0.9, 0.8], [0.3, 0.2], [0.5, 0.5]]),
        is_positive=np.ones((3, 2), dtype=bool),
        is_calibrated=np.ones(3, dtype=bool),
        n_missing=np.zeros(3, dtype=np.int32),
        n_outside=np.zeros(3, dtype=np.int32),
        bundle="b",
    )
    write_source_scores(path, [table])
    return path


def _open(light_curves, store, **changes):
    config = LabellingConfig(**changes.pop("config", {}))
    return open_source_session([light_curves], store, taxonomy=TREE, config=config, **changes)


def _event(key, **changes):
    document = {
        "event_key": f"event-{key}-{changes}",
        "key": key,
        "action": "label",
        "value": "real",
        "subclass": "rrab",
        "labelled_at": dt.datetime.now(dt.UTC).isoformat(),
    }
    return {**document, **changes, "event_key": str(abs(hash(str(changes) + key))).zfill(8)}


def test_the_session_shows_the_tree_with_parents_before_children(light_curves, store):
    session = _open(light_curves, store).session(ADA)
    tags = [shown.tag for shown in session.classes]
    assert tags == ["puls", "rrlyr", "rrab", "agn"]
    assert session.subclasses == ()


def test_a_source_is_shown_with_its_light_curve_its_period_and_its_periodogram(light_curves, store):
    service = _open(light_curves, store)
    (item,) = service.queue(ADA, QueueRequest(n=1)).items
    assert item.stamps is None
    assert item.source == f"/api/sources/{item.key.replace(':', '%3A')}"
    shown = service.source(item.key)
    assert {band.band for band in shown.bands} == {"g", "r"}
    assert sum(len(band.mjd) for band in shown.bands) == 120
    assert shown.periods[0].name == "consensus"
    assert shown.periods[0].period_d == pytest.approx(PERIOD_D, rel=1e-3)
    best = shown.frequency_per_d[int(np.argmax(shown.power))]
    assert best == pytest.approx(1 / PERIOD_D, abs=0.01)
    assert len(shown.frequency_per_d) == len(shown.power) <= 1500
    assert (np.diff(shown.frequency_per_d) > 0).all()


def test_class_probabilities_are_shown_unless_labelling_is_blind(light_curves, store, scores):
    service = _open(light_curves, store, scores=scores)
    items = {item.candidate_id: item for item in service.queue(ADA, QueueRequest(n=4)).items}
    assert items["s2"].classes == {"puls": 0.9, "rrlyr": 0.8}
    assert items["s1"].classes == {}
    blind = _open(light_curves, store, scores=scores, config={"blind": True})
    assert all(i.classes is None for i in blind.items(ADA, ["ztf:s2", "ztf:s0"]).items)


def test_labels_with_several_classes_are_stored_and_read_back_as_votes(
    light_curves, store, tmp_path
):
    service = _open(light_curves, store)
    answer = service.record(
        ADA,
        [
            _event("ztf:s0", subclass="rrab+agn", confidence=0.75),
            _event("ztf:s1", value="bogus", subclass=""),
        ],
    )
    assert len(answer.acknowledged) == 2
    labels = read_stored_source_labels(str(tmp_path / "labels.db"), TREE)
    found = dict(zip(labels.source_ids.tolist(), labels.votes.tolist(), strict=True))
    assert found == {"s0": [0.75, 0.75, 0.75, 0.75], "s1": [0.0, 0.0, 0.0, 0.0]}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subclass": "mira"}, "no class 'mira'"),
        ({"subclass": "rrab+mira"}, "no class 'mira'"),
        ({"value": "bogus"}, "must be labelled real"),
        ({"value": "unknown"}, "must be labelled real"),
    ],
)
def test_labels_that_do_not_fit_the_tree_are_refused_with_the_reason(
    light_curves, store, changes, reason
):
    answer = _open(light_curves, store).record(ADA, [_event("ztf:s0", **changes)])
    assert answer.acknowledged == ()
    assert reason in answer.refused[0].reason


def test_only_listed_sources_are_asked_for_in_their_order(light_curves, store, tmp_path):
    path = tmp_path / "ask.csv"
    path.write_text("source_id\ns3\ns1\n")
    service = _open(light_curves, store, only=path)
    assert [i.candidate_id for i in service.queue(ADA, QueueRequest(n=9)).items] == ["s3", "s1"]


def test_scores_of_another_taxonomy_are_refused(light_curves, store, scores):
    other = SourceTaxonomy(name="other", nodes=(TaxonomyNode(tag="x", name="X"),))
    with pytest.raises(InvalidInputError, match="choose the taxonomy of the bundle"):
        open_source_session(
            [light_curves], store, taxonomy=other, config=LabellingConfig(), scores=scores
        )


def test_a_source_without_usable_epochs_is_shown_empty(tmp_path, store):
    row = _row("only", 1)
    curve = row.light_curve
    bad = LightCurve(
        mjd_tai=curve.mjd_tai,
        flux_njy=-curve.flux_njy,
        flux_err_njy=curve.flux_err_njy,
        band=curve.band,
        is_upper_limit=curve.is_upper_limit,
        is_difference=False,
    )
    path = tmp_path / "bad.parquet"
    write_light_curves(path, [LightCurveRow(object_id="only", survey="ztf", light_curve=bad)])
    shown = _open(path, store).source("ztf:only")
    assert shown.periods == ()
    assert shown.power == ()
    assert sum(band.n_left_out for band in shown.bands) == 120
    assert shown.remarks


def test_messages_are_plain_json(light_curves, store):
    shown = _open(light_curves, store).source("ztf:s0")
    assert json.loads(shown.model_dump_json())["key"] == "ztf:s0"


def test_all_classes_but_groups_take_votes():
    tree = SourceTaxonomy(
        name="t",
        nodes=(
            TaxonomyNode(tag="accr", name="accreting", is_group=True),
            TaxonomyNode(tag="agn", name="AGN", parent="accr"),
        ),
    )
    assert [shown.can_vote for shown in shown_classes(tree)] == [False, True]

"""The labelling page over light curves in a real browser: classes, periods, folds."""

from __future__ import annotations

import numpy as np
import pytest
from tests.integration.conftest import AbsentableStore, bare_id, serve_session

from skyvet.io.label_store.store import open_label_store
from skyvet.io.light_curve_tables import LightCurveRow, write_light_curves
from skyvet.io.source_score_tables import write_source_scores
from skyvet.io.taxonomy_files import read_taxonomy
from skyvet.records.label_events import LabelAction
from skyvet.records.labels import LabelValue
from skyvet.records.light_curve import LightCurve
from skyvet.records.source_scores import SourceScores

pytestmark = pytest.mark.integration

PERIODS_D = (0.5671, 0.3312, 3.219, 0.7811, 1.377)


def _row(i):
    rng = np.random.default_rng(i)
    time = np.sort(58000 + rng.uniform(0, 200, 80))
    wave = np.sin(2 * np.pi * time / PERIODS_D[i]) + 0.3 * np.sin(4 * np.pi * time / PERIODS_D[i])
    return LightCurveRow(
        object_id=f"s{i}",
        survey="ztf",
        light_curve=LightCurve(
            mjd_tai=time,
            flux_njy=1e4 * (1 + 0.2 * wave) + 100 * rng.standard_normal(80),
            flux_err_njy=np.full(80, 100.0),
            band=np.where(np.arange(80) % 2, "g", "r"),
            is_upper_limit=np.zeros(80, dtype=bool),
            is_difference=False,
        ),
    )


@pytest.fixture
def open_source_desk(tmp_path):
    """Start a server over five light curves; the likeliest class of each is RRab, then W UMa."""
    from skyvet.services.labelling.settings import LabellingConfig
    from skyvet.services.labelling.source_opening import open_source_session

    tags = ("puls", "rrlyr", "rrab", "bis", "wuma")
    n = len(PERIODS_D)
    write_light_curves(tmp_path / "curves.parquet", [_row(i) for i in range(n)])
    table = SourceScores(
        source_ids=np.array([f"s{i}" for i in range(n)]),
        tags=tags,
        probabilities=np.tile([0.9, 0.8, 0.75, 0.3, 0.25], (n, 1)),
        is_positive=np.ones((n, 5), dtype=bool),
        is_calibrated=np.ones(n, dtype=bool),
        n_missing=np.zeros(n, dtype=np.int32),
        n_outside=np.zeros(n, dtype=np.int32),
        bundle="b",
    )
    write_source_scores(tmp_path / "scores.parquet", [table])
    stops = []

    def start(**settings):
        store = AbsentableStore(open_label_store(tmp_path / "labels.db"))
        session = open_source_session(
            [tmp_path / "curves.parquet"],
            store,
            taxonomy=read_taxonomy("ontological"),
            config=LabellingConfig(**settings),
            scores=tmp_path / "scores.parquet",
        )
        desk = serve_session(session, store, needs_token=False, tokens={})
        stops.append(desk.stop)
        return desk

    yield start
    for stop in stops:
        stop()


def test_the_likeliest_classes_are_ticked_by_digits_and_stored_together(open_source_desk, visit):
    desk = open_source_desk()
    opened = visit(shown="#source").open(desk.address)
    opened.page.keyboard.press("1")
    opened.page.keyboard.press("2")
    opened.page.keyboard.press("]")
    (first,) = opened.press("r")
    (second,) = opened.press("b")
    opened.wait_until_saved()
    stored = desk.labels()
    assert stored[bare_id(first)].value is LabelValue.REAL
    assert set(stored[bare_id(first)].subclass.split("+")) == {"rrab", "wuma"}
    assert stored[bare_id(first)].confidence == 0.25
    assert stored[bare_id(second)].value is LabelValue.BOGUS
    assert stored[bare_id(second)].subclass == ""


def test_classes_above_a_ticked_one_are_shown_as_implied_and_not_stored(open_source_desk, visit):
    desk = open_source_desk()
    opened = visit(shown="#source").open(desk.address)
    page = opened.page
    page.locator("[data-tag=puls]").click()
    page.locator("[data-tag=rrab]").click()
    states = {
        tag: page.locator(f"[data-tag={tag}]").get_attribute("aria-checked")
        for tag in ("puls", "rrlyr", "rrab", "bis")
    }
    assert states == {"puls": "true", "rrlyr": "mixed", "rrab": "true", "bis": "false"}
    (key,) = opened.press("Enter")
    opened.wait_until_saved()
    assert desk.labels()[bare_id(key)].subclass == "rrab"


def test_a_class_ticked_by_its_digit_is_scrolled_into_view(open_source_desk, visit):
    opened = visit(shown="#source", viewport={"width": 1300, "height": 500}).open(
        open_source_desk().address
    )
    page = opened.page
    place = """() => {
        const [box, own] = [".class-tree", "[data-tag=rrab]"].map((name) =>
            document.querySelector(name).getBoundingClientRect());
        return own.top >= box.top - 1 && own.bottom <= box.bottom + 1; }"""
    page.locator(".class-tree").evaluate("(list) => { list.scrollTop = list.scrollHeight; }")
    assert not page.evaluate(place)
    page.keyboard.press("1")
    opened.until(place)


def test_nothing_is_stored_before_a_class_is_ticked(open_source_desk, visit):
    desk = open_source_desk()
    opened = visit(shown="#source").open(desk.address)
    before = opened.key
    opened.page.keyboard.press("r")
    opened.until("() => document.querySelector('.hidden-status').textContent.includes('Tick a')")
    assert opened.key == before
    assert desk.labels() == {}


def test_a_class_is_found_by_its_name_and_ticked_with_enter(open_source_desk, visit):
    desk = open_source_desk()
    opened = visit(shown="#source").open(desk.address)
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("delta scu")
    opened.page.keyboard.press("Enter")
    (key,) = opened.press("r")
    opened.wait_until_saved()
    assert desk.labels()[bare_id(key)].subclass == "dscu"


def test_undo_brings_the_source_back_with_its_classes_ticked(open_source_desk, visit):
    desk = open_source_desk()
    opened = visit(shown="#source").open(desk.address)
    opened.page.keyboard.press("1")
    (key,) = opened.press("r")
    opened.press("z")
    assert opened.key == key
    opened.wait_until_saved()
    assert opened.page.locator("[data-tag=rrab]").get_attribute("aria-checked") == "true"
    assert desk.labels() == {}
    actions = [stored.event.action for stored in desk.store.history()]
    assert actions == [LabelAction.LABEL, LabelAction.UNDO]


def test_light_curve_fold_and_periodogram_are_drawn_with_the_period_found(open_source_desk, visit):
    opened = visit(shown="#source").open(open_source_desk().address)
    page = opened.page
    for name in ("Light curve", "Periodogram"):
        assert page.get_by_role("img", name=name, exact=True).count() == 1
    source = int(opened.key.removeprefix("ztf:s"))
    chosen = float(page.locator(".periods .is-on").inner_text().split()[-2])
    ratio = chosen / PERIODS_D[source]
    assert min(abs(ratio - 1), abs(ratio - 2), abs(ratio - 0.5)) < 0.01
    assert f"folded with {chosen}"[:16] in page.locator(".source-plot").nth(1).get_attribute(
        "aria-label"
    )


def test_keys_and_a_click_on_the_periodogram_change_the_period(open_source_desk, visit):
    opened = visit(shown="#source").open(open_source_desk().address)
    page = opened.page

    def folded():
        label = page.locator(".source-plot").nth(1).get_attribute("aria-label")
        return float(label.removeprefix("Light curve folded with ").removesuffix(" days"))

    first = folded()
    page.keyboard.press(".")
    assert folded() == pytest.approx(2 * first)
    page.keyboard.press(",")
    page.keyboard.press(",")
    assert folded() == pytest.approx(first / 2)
    page.keyboard.press("ArrowRight")
    assert folded() != pytest.approx(first / 2)
    box = page.locator(".periodogram").bounding_box()
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    clicked = folded()
    assert clicked > 5.0
    page.get_by_label("Period to fold with [d]").fill("1.25")
    page.keyboard.press("Enter")
    assert folded() == 1.25


def test_blind_labelling_hides_the_probabilities(open_source_desk, visit):
    shown = visit(shown="#source").open(open_source_desk().address)
    assert "0.75" in shown.page.locator("[data-tag=rrab]").inner_text()
    hidden = visit(shown="#source").open(open_source_desk(blind=True).address)
    assert "0.75" not in hidden.page.locator("[data-tag=rrab]").inner_text()


def test_the_help_lists_the_keys_of_sources_alone(open_source_desk, visit):
    opened = visit(shown="#source").open(open_source_desk().address)
    opened.page.keyboard.press("?")
    words = opened.page.locator("dialog").inner_text()
    for phrase in ("None of these classes", "Twice the period", "Find a class"):
        assert phrase in words
    for phrase in ("zscale", "Grid", "Audit"):
        assert phrase not in words


@pytest.mark.parametrize("width", [390, 800, 1300])
def test_nothing_is_wider_than_the_window(open_source_desk, visit, width):
    opened = visit(shown="#source", viewport={"width": width, "height": 844}).open(
        open_source_desk().address
    )
    assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= width

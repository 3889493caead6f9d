"""The report on classes of sources: its figures are those of the metric functions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError, LabelError
from skyvet.evaluation.source_configs import SourceReportConfig
from skyvet.evaluation.source_facts import ClassFacts, FeatureImportance, SourceReport
from skyvet.evaluation.source_importance import permutation_importances
from skyvet.evaluation.source_pages import write_source_report
from skyvet.evaluation.source_report import SourceReportContext, evaluate_sources
from skyvet.evaluation.source_resampling import resample_class
from skyvet.evaluation.source_sample import SourceSample, join_source_labels
from skyvet.records.feature_table import FeatureTable
from skyvet.records.light_curve import LightCurve
from skyvet.records.source_labels import SourceLabels
from skyvet.records.source_taxonomy import SourceTaxonomy, TaxonomyNode
from skyvet.scoring.curves import average_precision, roc_auc
from skyvet.scoring.metrics import brier_score, confusion_counts
from skyvet.scoring.reliability import expected_calibration_error

TREE = SourceTaxonomy(
    name="test",
    nodes=(
        TaxonomyNode(tag="puls", name="pulsator"),
        TaxonomyNode(tag="rrab", name="RR Lyrae <ab>", parent="puls"),
        TaxonomyNode(tag="wuma", name="W UMa"),
    ),
)
FAST = SourceReportConfig(n_resamples=40)


def sample_of(n: int = 300, *, classes: tuple[str, ...] = ("rrab", "puls", "wuma")) -> SourceSample:
    """Return sources of known classes with noisy scores."""
    rng = np.random.default_rng(3)
    drawn = rng.choice(classes, n)
    votes = np.zeros((n, len(TREE.tags)))
    for i, one in enumerate(drawn):
        for tag in (one, *TREE.ancestors(one)):
            votes[i, TREE.tags.index(tag)] = 1.0
    votes[drawn == "puls", TREE.tags.index("rrab")] = np.nan
    votes[:5, 0] = 0.5
    logits = 4.0 * (np.nan_to_num(votes, nan=0.5) - 0.5) + rng.normal(0, 1.5, votes.shape)
    return SourceSample(
        source_ids=np.arange(n) + 900,
        tags=TREE.tags,
        probabilities=1.0 / (1.0 + np.exp(-logits)),
        votes=votes,
        period_d=np.full(n, 0.5),
        min_vote=0.7,
        n_scored=n,
        n_labels_without_score=0,
    )


def class_of(report: SourceReport, tag: str) -> ClassFacts:
    return next(one for one in report.classes if one.tag == tag)


@pytest.fixture(scope="module")
def sample() -> SourceSample:
    return sample_of()


@pytest.fixture(scope="module")
def report(sample: SourceSample) -> SourceReport:
    importances = {"rrab": (FeatureImportance(feature="iqr_g", value=0.2, spread=0.01),)}
    context = SourceReportContext(
        bundle="b", thresholds={"rrab": 0.6}, importances=importances, importance_note="Shuffled."
    )
    return evaluate_sources(sample, TREE, FAST, context=context)


@pytest.mark.parametrize("tag", TREE.tags)
def test_figures_are_those_of_the_metric_functions(
    sample: SourceSample, report: SourceReport, tag: str
) -> None:
    i_tag = TREE.tags.index(tag)
    votes, scores = sample.votes[:, i_tag], sample.probabilities[:, i_tag]
    rows = (votes >= 0.7) | (votes <= 0.3)
    labels = (votes[rows] >= 0.7).astype(int)
    one = class_of(report, tag)
    counts = confusion_counts(scores[rows], labels, threshold=one.threshold)
    assert one.threshold == (0.6 if tag == "rrab" else 0.5)
    assert (one.n_positive, one.n_negative) == (labels.sum(), (1 - labels).sum())
    assert one.precision.value == pytest.approx(counts.purity)
    assert one.recall.value == pytest.approx(counts.completeness)
    assert one.f1.value == pytest.approx(counts.f1)
    assert one.auc.value == pytest.approx(roc_auc(scores[rows], labels))
    assert one.average_precision.value == pytest.approx(average_precision(scores[rows], labels))
    assert one.brier.value == pytest.approx(brier_score(scores[rows], labels))
    assert one.ece.value == pytest.approx(
        expected_calibration_error(scores[rows], labels, n_bins=10)
    )


def test_every_labelled_source_is_counted_once(sample: SourceSample, report: SourceReport) -> None:
    for one in report.classes:
        total = one.n_positive + one.n_negative + one.n_undecided + one.n_not_inspected
        assert total == len(sample)


def test_every_value_lies_in_its_interval(report: SourceReport) -> None:
    for one in report.classes:
        for name in ("precision", "recall", "f1", "auc", "average_precision", "brier"):
            found = getattr(one, name)
            assert found.low <= found.value <= found.high


def test_resampled_figures_of_undrawn_rows_are_the_figures() -> None:
    """Rows of one class that are all alike: no resample can differ from the sample."""
    scores = np.repeat([0.9, 0.3, 0.3], 40)
    labels = np.repeat([1, 0, 0], 40).astype(np.int8)
    found = resample_class(
        scores, labels, threshold=0.5, rng=np.random.default_rng(0), n_resamples=20
    )
    expected = {
        "auc": roc_auc(scores, labels),
        "average_precision": average_precision(scores, labels),
        "ece": expected_calibration_error(scores, labels, n_bins=10),
        "brier": brier_score(scores, labels),
        "f1": 1.0,
    }
    for key, value in expected.items():
        assert found.intervals[key].low == pytest.approx(value)
        assert found.intervals[key].high == pytest.approx(value)
    assert (found.precision_recall.low == 1.0).all()


def test_bands_hold_the_curves(sample: SourceSample, report: SourceReport) -> None:
    one = class_of(report, "rrab")
    assert one.roc is not None
    assert one.roc_band is not None
    recall = np.interp(one.roc_band.x, one.roc.x, one.roc.y)
    inside = (recall >= np.array(one.roc_band.low) - 0.05) & (
        recall <= np.array(one.roc_band.high) + 0.05
    )
    assert inside.mean() > 0.9


def test_confusions_count_only_what_is_surely_another_class(
    sample: SourceSample, report: SourceReport
) -> None:
    cells = {(cell.tag, cell.called): cell for cell in report.confusions}
    assert ("rrab", "puls") not in cells  # every RRab is a pulsator
    i_rrab, i_wuma = TREE.tags.index("rrab"), TREE.tags.index("wuma")
    rows = (sample.votes[:, i_rrab] >= 0.7) & (sample.votes[:, i_wuma] <= 0.3)
    n_called = int((sample.probabilities[rows, i_wuma] >= 0.5).sum())
    assert (cells["rrab", "wuma"].n, cells["rrab", "wuma"].n_called) == (rows.sum(), n_called)


def test_thresholds_name_the_one_in_use_and_the_best(report: SourceReport) -> None:
    rows = class_of(report, "rrab").thresholds
    assert [row.threshold for row in rows] == sorted(row.threshold for row in rows)
    best = max(row.f1 or 0.0 for row in rows)
    assert any("best F1" in row.why and row.f1 == best for row in rows)
    assert [row.threshold for row in rows if row.why.startswith("in use")] == [0.6]


def test_one_threshold_for_all_classes_wins(sample: SourceSample) -> None:
    config = SourceReportConfig(n_resamples=20, threshold=0.25)
    found = evaluate_sources(
        sample, TREE, config, context=SourceReportContext(thresholds={"rrab": 0.6})
    )
    assert {one.threshold for one in found.classes} == {0.25}


def test_a_class_without_positives_has_counts_and_a_reason(tmp_path: Path) -> None:
    found = evaluate_sources(sample_of(classes=("rrab",)), TREE, FAST)
    wuma = class_of(found, "wuma")
    assert (wuma.n_positive, wuma.roc, wuma.auc.value, wuma.thresholds) == (0, None, None, ())
    assert "nothing to find" in wuma.note
    paths = write_source_report(found, tmp_path)
    assert "nothing to find" in paths.classes["wuma"].read_text()


def test_a_report_of_one_class(tmp_path: Path) -> None:
    tree = SourceTaxonomy(name="one", nodes=(TaxonomyNode(tag="real", name="real"),))
    rng = np.random.default_rng(0)
    votes = (rng.random((60, 1)) < 0.5).astype(float)
    sample = SourceSample(
        source_ids=np.arange(60),
        tags=("real",),
        probabilities=np.clip(votes * 0.6 + rng.random((60, 1)) * 0.4, 0, 1),
        votes=votes,
        period_d=np.full(60, np.nan),
        min_vote=0.7,
        n_scored=60,
        n_labels_without_score=0,
    )
    found = evaluate_sources(sample, tree, FAST)
    assert [cell.called for cell in found.confusions] == ["real"]
    assert write_source_report(found, tmp_path).html.exists()


def test_few_positives_get_no_intervals() -> None:
    sample = sample_of(40, classes=("rrab",))
    votes = np.array(sample.votes)
    votes[:38] = 0.0
    few = SourceSample(
        source_ids=sample.source_ids,
        tags=sample.tags,
        probabilities=sample.probabilities,
        votes=votes,
        period_d=sample.period_d,
        min_vote=0.7,
        n_scored=40,
        n_labels_without_score=0,
    )
    one = class_of(evaluate_sources(few, TREE, FAST), "rrab")
    assert "Only 2 sources are of this class" in one.note
    assert one.auc.value is not None
    assert one.auc.low is None
    assert one.roc_band is None


def test_labels_of_other_sources_are_refused() -> None:
    labels = SourceLabels(source_ids=np.array([1]), tags=("rrab",), votes=np.array([[1.0]]))
    with pytest.raises(LabelError, match="identifiers"):
        join_source_labels(np.array([2]), np.array([[0.5]]), labels, tags=("rrab",), taxonomy=TREE)


def test_a_label_implies_the_class_above() -> None:
    labels = SourceLabels(source_ids=np.array([1]), tags=("rrab",), votes=np.array([[1.0]]))
    joined = join_source_labels(
        np.array([1]), np.array([[0.5, 0.5]]), labels, tags=("puls", "rrab"), taxonomy=TREE
    )
    assert joined.votes.tolist() == [[1.0, 1.0]]


def test_pages_are_whole_escaped_and_load_nothing(report: SourceReport, tmp_path: Path) -> None:
    def fetch(ids: object) -> list[LightCurve | None]:
        return [_light_curve() if i % 2 else None for i, _ in enumerate(list(ids))]  # type: ignore[call-overload]

    paths = write_source_report(report, tmp_path, fetch)
    pages = [path.read_text() for path in (paths.html, *paths.classes.values())]
    for page in pages:
        assert page.rstrip().endswith("</html>")
        assert "RR Lyrae <ab>" not in page
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    rrab = paths.classes["rrab"].read_text()
    assert 'class="lc"' in rrab
    assert "No light curve of this source was found." in rrab
    assert "iqr_g" in rrab
    assert f"{class_of(report, 'rrab').auc.value:.3f}" in rrab
    facts = json.loads(paths.json.read_text())
    assert SourceReport.model_validate(facts) == report


def _light_curve() -> LightCurve:
    time = np.linspace(59000.0, 59100.0, 50)
    flux = 1e4 * (1.2 + np.sin(time))
    return LightCurve(
        mjd_tai=time,
        flux_njy=flux,
        flux_err_njy=np.full(50, 200.0),
        band=np.array(["g", "r"])[np.arange(50) % 2],
        is_upper_limit=np.zeros(50, dtype=bool),
        is_difference=False,
    )


def test_only_features_that_are_used_matter() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(200, 3))
    table = FeatureTable(source_ids=np.arange(200), names=("a", "b", "c"), values=values)
    votes = (values[:, 1:2] > 0).astype(float)
    found = permutation_importances(
        table, votes, lambda t: 1 / (1 + np.exp(-3 * t.values[:, 1:2])), tags=("x",), rng=rng
    )["x"]
    assert found[0].feature == "b"
    assert found[0].value > 0.3
    assert [one.value for one in found[1:]] == [0.0, 0.0]


def test_importances_need_votes_of_the_same_sources() -> None:
    table = FeatureTable(source_ids=np.arange(2), names=("a",), values=np.zeros((2, 1)))
    with pytest.raises(InvalidInputError, match="votes must have shape"):
        permutation_importances(
            table,
            np.zeros((1, 1)),
            lambda t: t.values,
            tags=("x",),
            rng=np.random.default_rng(0),
        )

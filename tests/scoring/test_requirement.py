"""The gate against the published runs, closed forms and relabelling at larger numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.intervals import wilson_interval
from skyvet.scoring.metrics import ConfusionCounts
from skyvet.scoring.priors import purity_interval_at_prior
from skyvet.scoring.requirement import GateAnswer, Requirement, check_requirement


def sample(tp: int, fn: int, fp: int, tn: int) -> tuple[np.ndarray, np.ndarray]:
    scores = np.r_[np.ones(tp), np.zeros(fn), np.ones(fp), np.zeros(tn)]
    return scores, np.r_[np.ones(tp + fn), np.zeros(fp + tn)].astype(int)


def ask(tp: int, fn: int, fp: int, tn: int, **options):
    return check_requirement(*sample(tp, fn, fp, tn), **{"threshold": 0.5, "prior": 0.1, **options})


def test_dp1_rates_fail_at_nine_artefacts_per_real():
    # Completeness .9827, FPR .0214 on about 9000 of each: pure on its balanced set, not at 9 : 1.
    result = ask(8844, 156, 193, 8807)
    assert result.answer is GateAnswer.FAIL
    assert result.completeness.answer is GateAnswer.PASS
    assert round(result.purity.estimate, 2) == 0.84
    assert ask(8844, 156, 193, 8807, prior=0.5).answer is GateAnswer.PASS


def test_few_labels_leave_it_undecided_and_say_how_many_more():
    result = ask(20, 1, 0, 100)
    assert result.answer is GateAnswer.UNDECIDED
    assert result.n_more_positive > 0
    assert result.n_more_negative > 0


@pytest.mark.parametrize(("tp", "n"), [(95, 100), (47, 50), (190, 205)])
def test_labels_needed_for_completeness_are_wilsons_closed_form(tp, n):
    # Wilson excludes the bar once |rate - bar| > z sqrt(bar (1 - bar) / n).
    result = ask(tp, n - tp, 0, 100_000)
    assert result.purity.answer is GateAnswer.PASS
    z = norm.ppf(0.975)
    needed = z**2 * 0.9 * 0.1 / (tp / n - 0.9) ** 2
    assert result.n_more_positive == max(math.ceil(needed - n), 0)
    assert result.n_more_negative == 0


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 60),
    st.integers(0, 20),
    st.integers(0, 6),
    st.integers(1, 400),
    st.floats(0.05, 0.6),
)
def test_the_labels_asked_for_decide_and_fewer_do_not(tp, fn, fp, tn, prior):
    result = ask(tp, fn, fp, tn, prior=prior)
    assert (result.answer is GateAnswer.UNDECIDED) == (
        result.n_more_positive is None or result.n_more_positive + result.n_more_negative > 0
    )
    if result.answer is not GateAnswer.UNDECIDED or result.n_more_positive is None:
        return
    more = (result.n_more_positive, result.n_more_negative)
    assert decided_with(result, tp, fn, fp, tn, *(1.001 * m + 1 for m in more))
    assert not decided_with(result, tp, fn, fp, tn, *(0.99 * m - 1 for m in more))


def decided_with(result, tp, fn, fp, tn, more_positive, more_negative) -> bool:
    """Whether this many more labels at the observed rates would decide it."""
    a = 1 + max(more_positive, 0) / (tp + fn)
    b = 1 + max(more_negative, 0) / (fp + tn)
    counts = ConfusionCounts(
        n_true_positive=a * tp,
        n_false_negative=a * fn,
        n_false_positive=b * fp,
        n_true_negative=b * tn,
        threshold=0.5,
    )
    completeness = wilson_interval(counts.n_true_positive, counts.n_positive)
    purity = purity_interval_at_prior(counts, prior=result.prior)
    is_failed = completeness.high < 0.9 or purity.high < 0.95
    return is_failed or (completeness.low >= 0.9 and purity.low >= 0.95)


def test_completeness_under_its_bar_asks_for_positives_alone():
    result = ask(85, 15, 0, 100_000)
    assert result.answer is GateAnswer.UNDECIDED
    needed = norm.ppf(0.975) ** 2 * 0.9 * 0.1 / 0.05**2
    assert result.n_more_positive == math.ceil(needed - 100)
    assert result.n_more_negative == 0


def test_a_rate_on_its_bar_is_never_decided():
    result = ask(90, 10, 0, 100_000)
    assert result.answer is GateAnswer.UNDECIDED
    assert result.n_more_positive is None
    assert result.n_more_negative is None


def test_only_candidates_above_the_snr_count():
    scores, labels = sample(100, 0, 0, 2000)
    snr = np.full(2100, 10.0)
    snr[:30], snr[30], snr[31] = 5.0, 6.0, math.nan
    result = check_requirement(scores, labels, threshold=0.5, prior=0.1, snr=snr)
    assert result.n_positive == 68
    assert result.n_below_snr == 32
    assert result.n_positive + result.n_negative + result.n_below_snr == 2100


def test_repeated_alerts_of_one_object_prove_less():
    scores, labels = sample(400, 10, 2, 4000)
    single = check_requirement(scores, labels, threshold=0.5, prior=0.1)
    groups = np.arange(4412) // 10
    grouped = check_requirement(scores, labels, threshold=0.5, prior=0.1, groups=groups)
    assert grouped.completeness.estimate == pytest.approx(single.completeness.estimate)
    assert grouped.purity.estimate == pytest.approx(single.purity.estimate)
    assert grouped.completeness.interval.low < single.completeness.interval.low
    assert grouped.purity.interval.low < single.purity.interval.low
    assert (grouped.n_positive, grouped.n_negative) == (single.n_positive, single.n_negative)


@pytest.mark.parametrize("four", [(5, 1, 0, 0), (0, 0, 1, 50)])
def test_a_missing_class_leaves_it_undecided(four):
    result = ask(*four)
    assert result.answer is GateAnswer.UNDECIDED
    assert result.n_more_positive is None


def test_nothing_above_the_snr_leaves_it_undecided():
    scores, labels = sample(5, 0, 0, 5)
    result = check_requirement(scores, labels, threshold=0.5, prior=0.1, snr=np.full(10, 3.0))
    assert result.answer is GateAnswer.UNDECIDED
    assert result.n_below_snr == 10
    assert math.isnan(result.completeness.estimate)


def test_selecting_nothing_fails_for_incompleteness():
    result = ask(0, 60, 0, 500)
    assert result.answer is GateAnswer.FAIL
    assert math.isnan(result.purity.estimate)


def test_pass_is_rarely_given_to_a_classifier_on_the_bar():
    # Truth: completeness just under .90 and a clearly sufficient FPR; PASS would be wrong.
    rng = np.random.default_rng(0)
    n_passed = 0
    for _ in range(1000):
        tp, fp = rng.binomial(300, 0.899), rng.binomial(5000, 0.001)
        n_passed += ask(tp, 300 - tp, fp, 5000 - fp).answer is GateAnswer.PASS
    assert n_passed / 1000 <= 0.04  # (1 - level) / 2 = .025 and simulation noise


def test_other_bars_can_be_asked_for():
    easy = Requirement(name="easy", completeness=0.5, purity=0.5, min_snr=5)
    assert ask(80, 20, 3, 997, requirement=easy).answer is GateAnswer.PASS
    with pytest.raises(InvalidInputError, match="purity"):
        Requirement(name="impossible", completeness=0.5, purity=1.0, min_snr=5)


@pytest.mark.parametrize("options", [{"prior": 9.0}, {"level": 95}, {"threshold": math.nan}])
def test_bad_arguments_are_refused(options):
    with pytest.raises(InvalidInputError):
        ask(5, 5, 5, 5, **options)


def test_snr_of_another_length_is_refused():
    with pytest.raises(InvalidInputError, match="one length"):
        check_requirement([0.1, 0.9], [0, 1], threshold=0.5, prior=0.1, snr=[7.0])

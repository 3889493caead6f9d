"""The answer to the requirement, in words that a newcomer understands."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.estimates import estimate, groups_of
from skyvet.evaluation.facts import GateFacts, Outcome
from skyvet.evaluation.tables import Sample
from skyvet.evaluation.words import estimate_text
from skyvet.scoring.requirement import (
    OSS_REQ_0353,
    GateAnswer,
    Requirement,
    RequirementPart,
    RequirementResult,
    check_requirement,
)

__all__ = ["judge_requirement"]


def judge_requirement(sample: Sample, config: EvaluationConfig, *, threshold: float) -> GateFacts:
    """Ask whether the selection is complete and pure enough, and say what would settle it.

    Parameters
    ----------
    sample : Sample
        At least one labelled candidate.
    config : EvaluationConfig
        Bars, prior, confidence level.
    threshold : float
        ``score >= threshold`` is taken for REAL.

    Returns
    -------
    GateFacts
        PASS, FAIL or UNDECIDED with a sentence and advice.
    """
    has_cut = _has_snr_cut(sample)
    result = check_requirement(
        sample.scores,
        sample.labels,
        threshold=threshold,
        prior=config.prior,
        snr=sample.snr if has_cut else None,
        groups=groups_of(sample),
        requirement=_requirement(config, has_cut=has_cut),
        level=config.confidence,
    )
    say = _Wording(sample.subject, has_cut)
    return GateFacts(
        requirement=result.requirement.name,
        outcome=_OUTCOMES[result.answer],
        sentence=_sentence(result, say),
        advice=_advice(result, say),
        prior=config.prior,
        min_snr=config.min_snr if has_cut else None,
        threshold=threshold,
        min_completeness=config.min_completeness,
        min_purity=config.min_purity,
        confidence=config.confidence,
        n_real=result.n_positive,
        n_bogus=result.n_negative,
        n_left_out=result.n_below_snr,
        completeness=estimate(result.completeness.estimate, result.completeness.interval),
        purity=estimate(result.purity.estimate, result.purity.interval),
        completeness_outcome=_OUTCOMES[result.completeness.answer],
        purity_outcome=_OUTCOMES[result.purity.answer],
        n_more_real=result.n_more_positive,
        n_more_bogus=result.n_more_negative,
    )


_OUTCOMES: Final[dict[GateAnswer, Outcome]] = {
    GateAnswer.PASS: "PASS",
    GateAnswer.FAIL: "FAIL",
    GateAnswer.UNDECIDED: "UNDECIDED",
}


class _Wording(NamedTuple):
    """What is judged, and whether an S/N cut chose it."""

    one: str
    has_cut: bool

    @property
    def above(self) -> str:
        return " above the S/N" if self.has_cut else ""


def _has_snr_cut(sample: Sample) -> bool:
    """Objects with a sequence of frames have no S/N of their own: all of them are judged."""
    return sample.subject == "candidate" or bool(np.isfinite(sample.snr).any())


def _requirement(config: EvaluationConfig, *, has_cut: bool) -> Requirement:
    bars = (config.min_completeness, config.min_purity, config.min_snr)
    survey = OSS_REQ_0353
    if has_cut and bars == (survey.completeness, survey.purity, survey.min_snr):
        return survey
    return Requirement(
        name="own requirement" if has_cut else "the requirement",
        completeness=config.min_completeness,
        purity=config.min_purity,
        min_snr=config.min_snr,
    )


def _sentence(result: RequirementResult, say: _Wording) -> str:
    bars = result.requirement
    judged = f"sources with S/N > {bars.min_snr:g}" if say.has_cut else f"{say.one}s"
    asked = (
        f"{bars.name if say.has_cut else 'The requirement'} asks that, of all {judged}, at least "
        f"{100 * bars.completeness:g}% of the real ones are kept and at least "
        f"{100 * bars.purity:g}% of what is kept is real."
    )
    if result.n_positive + result.n_negative == 0:
        return f"{asked} No labelled {say.one} has such an S/N, so nothing can be said."
    parts = (
        _part_words("completeness", result.completeness),
        _part_words("purity", result.purity),
    )
    return f"{asked} At {_one_in(result.prior, say.one)}: {parts[0]}; {parts[1]}."


def _part_words(name: str, part: RequirementPart) -> str:
    if math.isnan(part.estimate):
        return f"{name} cannot be measured"
    verdict = {
        GateAnswer.PASS: "met",
        GateAnswer.FAIL: "missed",
        GateAnswer.UNDECIDED: "not settled",
    }[part.answer]
    figure = estimate_text(estimate(part.estimate, part.interval))
    return f"{name} {figure} against {100 * part.bar:g}%, {verdict}"


def _one_in(prior: float, one: str) -> str:
    per_real = (1 - prior) / prior
    return f"a prior of {prior:.3g} ({per_real:.3g} bogus for every real {one})"


def _advice(result: RequirementResult, say: _Wording) -> str:
    if result.answer is GateAnswer.PASS:
        return "Both intervals lie wholly above their bars; more labels are not needed for this."
    if result.answer is GateAnswer.FAIL:
        missed = [
            name
            for name, part in (("completeness", result.completeness), ("purity", result.purity))
            if part.answer is GateAnswer.FAIL
        ]
        return (
            f"The interval of {' and of '.join(missed)} lies wholly below its bar: more labels "
            "will not help, another threshold or a better classifier might."
        )
    return _advice_undecided(result, say)


def _advice_undecided(result: RequirementResult, say: _Wording) -> str:
    if result.n_positive == 0 or result.n_negative == 0:
        missing = "real" if result.n_positive == 0 else "bogus"
        return f"Label some {missing} {say.one}s{say.above} first: there are none."
    if result.n_more_positive is None or result.n_more_negative is None:
        return (
            "A rate lies so close to its bar that no realistic number of labels would decide; "
            "another threshold might."
        )
    return (
        f"If the rates stay as they are, about {result.n_more_positive:,} more labelled real and "
        f"{result.n_more_negative:,} more labelled bogus {say.one}s{say.above} would decide it "
        f"(there are {result.n_positive:,} and {result.n_negative:,})."
    )

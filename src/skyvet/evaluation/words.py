"""Figures as people read them."""

from __future__ import annotations

import math
import shlex

from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.facts import Estimate, EvaluationResult, HeadlineFigure

__all__ = [
    "command_line",
    "difference_words",
    "estimate_text",
    "interval_text",
    "number_text",
    "percent_text",
    "plain_summary",
    "restoration_warning",
]

_LEAST_RESTORED = 0.10
_MAX_DIGITS = 7
_NOTHING = "\N{EN DASH}"


def number_text(value: float | None, digits: int = 3) -> str:
    """Write a figure with a fixed number of decimals; a dash where there is none.

    More decimals where fewer would show 0 or 1 and the figure is neither.

    Examples
    --------
    >>> number_text(0.98765), number_text(0.99996), number_text(None)
    ('0.988', '0.99996', '–')
    """
    if value is None or not math.isfinite(value):
        return _NOTHING
    text = f"{value:.{_honest_digits(value, digits)}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def _honest_digits(value: float, digits: int) -> int:
    if value in (0.0, 1.0, -1.0):
        return digits
    enough = (d for d in range(digits, _MAX_DIGITS) if abs(round(value, d)) not in (0.0, 1.0))
    return next(enough, digits)


def percent_text(value: float | None) -> str:
    """Write a fraction as a percentage that never rounds to a false 0 or 100.

    Examples
    --------
    >>> percent_text(0.5), percent_text(0.9997), percent_text(1.0), percent_text(0.0004)
    ('50.0%', '99.97%', '100%', '0.04%')
    """
    if value is None:
        return _NOTHING
    if value in (0.0, 1.0):
        return f"{value:.0%}"
    digits = 1 if 0.001 <= value <= 0.999 else 2
    return f"{value:.{digits}%}"


def interval_text(estimate: Estimate, digits: int = 3) -> str:
    """Write the interval alone, or nothing.

    Examples
    --------
    >>> interval_text(Estimate(value=0.5, low=0.4, high=0.6))
    '0.400 to 0.600'
    """
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{number_text(estimate.low, digits)} to {number_text(estimate.high, digits)}"


def estimate_text(estimate: Estimate) -> str:
    """Write a rate with its interval as percentages.

    Examples
    --------
    >>> estimate_text(Estimate(value=0.5, low=0.4, high=0.6))
    '50.0% (40.0% to 60.0%)'
    """
    text = percent_text(estimate.value)
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({percent_text(estimate.low)} to {percent_text(estimate.high)})"


def difference_words(row: HeadlineFigure) -> str:
    """Say whether a difference (this classifier minus the other) is more than chance.

    Examples
    --------
    >>> row = HeadlineFigure(key="auc", name="AUC", weighting="none", better="higher", meaning="",
    ...                      estimate=Estimate(value=0.02, low=-0.01, high=0.05))
    >>> difference_words(row)
    'no clear difference'
    """
    low, high = row.estimate.low, row.estimate.high
    if low is None or high is None:
        return "cannot be told"
    if low <= 0.0 <= high:
        return "no clear difference"
    is_better = (low > 0.0) == (row.better == "higher")
    return "this one is better" if is_better else "the survey is better"


def command_line(config: EvaluationConfig, *, is_for_objects: bool = False) -> str:
    """Return the command that makes a report with these settings.

    Parameters
    ----------
    config : EvaluationConfig
        Settings; those at their default are left out, the threshold never is.
    is_for_objects : bool, default False
        Frame sequences carry their labels with them.

    Returns
    -------
    str
        For a shell; file names are in capitals.

    Examples
    --------
    >>> command_line(EvaluationConfig(prior=0.2))
    'skyvet evaluate --scores SCORES --labels LABELS --out FOLDER --prior 0.2 --threshold 0.5'
    """
    labels = ["--data", "DATA"] if is_for_objects else ["--labels", "LABELS"]
    words = ["skyvet", "evaluate", "--scores", "SCORES", *labels, "--out", "FOLDER"]
    default = EvaluationConfig()
    for name in EvaluationConfig.model_fields:
        value = getattr(config, name)
        if value == getattr(default, name) and name != "threshold":
            continue
        text = ",".join(f"{v:g}" for v in value) if isinstance(value, tuple) else str(value)
        words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)


def plain_summary(result: EvaluationResult) -> tuple[str, ...]:
    """Say in whole sentences what the classifier does at its threshold.

    Parameters
    ----------
    result : EvaluationResult
        The facts.

    Returns
    -------
    tuple of str
        One sentence each; figures that cannot be measured are left out.
    """
    by_key = {figure.key: figure.estimate for figure in result.headline}
    one = result.subject
    sentences = [
        f"{'An object' if one == 'object' else 'A candidate'} is kept where its score is at least "
        f"{result.threshold:g}, "
        "and thrown away otherwise. In brackets: how far chance may have moved a figure."
    ]
    kept = by_key["completeness"]
    if kept.value is not None:
        sentences.append(f"Of 100 real {one}s it keeps {_of_100(kept)}.")
    mistaken = by_key["false_positive_rate"]
    if mistaken.value is not None:
        sentences.append(f"Of 100 bogus ones it keeps {_of_100(mistaken)} by mistake.")
    pure = by_key["purity"]
    if pure.value is not None:
        sentences.append(
            f"Of 100 that it keeps, {_of_100(pure)} are real, in a stream of which "
            f"{100 * result.prior:.3g}% is real."
        )
    return tuple(sentences)


def _of_100(estimate: Estimate) -> str:
    value = f"{100 * (estimate.value or 0.0):.3g}"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} ({100 * estimate.low:.3g} to {100 * estimate.high:.3g})"


def restoration_warning(reconstruction: float, blank_reconstruction: float) -> str:
    """Say so if an encoder restores frames hardly better than their mean does.

    Parameters
    ----------
    reconstruction, blank_reconstruction : float
        Mean error a pixel of the restored frames, and of the mean frame in their place.

    Returns
    -------
    str
        A sentence; empty where the error is at least a tenth less, or cannot be compared.

    Examples
    --------
    >>> restoration_warning(0.1, 0.4)
    ''
    >>> restoration_warning(0.39, 0.4)[:61]
    'Restored frames have only 2.5% less error than the mean frame'
    """
    if not blank_reconstruction > 0:
        return ""
    share = 1.0 - reconstruction / blank_reconstruction
    if share >= _LEAST_RESTORED:
        return ""
    amount = f"only {share:.1%} less" if share > 0 else "no less" if share == 0 else "more"
    return (
        f"Restored frames have {amount} error than the mean frame would have "
        f"({reconstruction:.4f} against {blank_reconstruction:.4f} a pixel): the encoder can "
        "hardly tell one frame from another. Train it for more epochs or on more frames, unless "
        "the frames hold little but noise, which cannot be restored."
    )

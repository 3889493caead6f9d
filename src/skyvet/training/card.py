"""The model card: what a bundle is for, what it was trained on, where it is weak."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from skyvet.models.bundle import BundleInfo

__all__ = ["CardText", "show_figure", "write_card"]


_TEMPLATE = """# {name} {version}

{summary}

Made {created} with skyvet {skyvet_version}. Surveys: {surveys}.
Stamps: {size_px} px, normalisation `{normalization}`.

## Intended use

{intended_use}

## Training data

{description}

{n_real} real and {n_bogus} bogus candidates of {n_objects} objects. Terms of the
data: {licence}. Hash of the candidate ids: `{ids_sha256:.16}`.

{label_trust}

## Procedure

{procedure}

## What a score means

The probability that the candidate is real, where a fraction {calibration_prior:.3f} of the
candidates is real ({prior_source}); `skyvet score --prior P` states it for another fraction.
Calibration: {method}, fitted on held-out logits. Verdict REAL from
{threshold:.3f} on, chosen for {target} at a fraction of real of {target_prior:g}.
A verdict is withheld (REVIEW) where class-conditional conformal prediction does not rule out the
opposite.

## Figures

| figure | value |
|---|---|
{figures}

## Limits

{limits}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardText:
    """Paragraphs of the card that no figure can replace (Markdown).

    Parameters
    ----------
    intended_use : str
        What to use it for, and what not.
    procedure : str
        How it was trained, beyond the config.
    limits : str
        Where it is weak; slices with their figures.
    label_trust : str
        How far the labels can be trusted.
    prior_source : str
        What the fraction of REAL was counted or estimated on.
    """

    intended_use: str = (
        "Real/bogus vetting of single alerts of the survey named above, from their three cutouts. "
        "Not for classifying what kind of source it is, nor for other surveys without new labels."
    )
    procedure: str = "Trained with `skyvet train triplet`; every setting is in `bundle.json`."
    limits: str = "Not examined by slices; run `skyvet evaluate` on labels of your own."
    label_trust: str = "As good as the label file that was given."
    prior_source: str = "the labelled sample"


def write_card(info: BundleInfo, text: CardText) -> str:
    """Return the model card of a bundle as Markdown.

    Parameters
    ----------
    info : BundleInfo
        All facts of the bundle.
    text : CardText
        What a person adds.
    """
    data, point = info.data, info.thresholds
    figures = "\n".join(f"| {key} | {show_figure(value)} |" for key, value in info.metrics.items())
    return _TEMPLATE.format(
        name=info.name,
        version=info.version,
        summary=info.summary,
        created=info.created_utc,
        skyvet_version=info.skyvet_version,
        surveys=", ".join(info.surveys),
        size_px=info.stamps.size_px,
        normalization=info.stamps.normalization.value,
        description=data.description,
        n_real=data.n_real,
        n_bogus=data.n_bogus,
        n_objects=data.n_objects,
        licence=data.licence,
        ids_sha256=data.candidate_ids_sha256,
        calibration_prior=info.calibration_prior,
        method=info.calibrator.get("method", "none"),
        threshold=point.threshold,
        target=point.target,
        target_prior=point.prior,
        figures=figures,
        **dataclasses.asdict(text),
    )


def show_figure(value: float | int | str | None) -> str:
    """Return one figure for a table of the card."""
    if value is None:
        return "not measured"
    return f"{value:.4f}" if isinstance(value, float) else str(value)

"""The model card: what a bundle is for, what it was trained on, where it is weak."""

from __future__ import annotations

from dataclasses import dataclass

from skyvet.models.bundle import BundleInfo

__all__ = ["CardText", "write_card"]


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
    """

    intended_use: str = (
        "Real/bogus vetting of single alerts of the survey named above, from their three cutouts. "
        "Not for classifying what kind of source it is, nor for other surveys without new labels."
    )
    procedure: str = "Trained with `skyvet train triplet`; every setting is in `bundle.json`."
    limits: str = "Not examined by slices; run `skyvet evaluate` on labels of your own."
    label_trust: str = "As good as the label file that was given."


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
    figures = "\n".join(f"| {name} | {_show(value)} |" for name, value in info.metrics.items())
    return f"""# {info.name} {info.version}

{info.summary}

Made {info.created_utc} with skyvet {info.skyvet_version}. Surveys: {", ".join(info.surveys)}.
Stamps: {info.stamps.size_px} px, normalisation `{info.stamps.normalization.value}`.

## Intended use

{text.intended_use}

## Training data

{data.description}

{data.n_real} real and {data.n_bogus} bogus candidates of {data.n_objects} objects. Terms of the
data: {data.licence}. Hash of the candidate ids: `{data.candidate_ids_sha256[:16]}`.

{text.label_trust}

## Procedure

{text.procedure}

## What a score means

The probability that the candidate is real, where a fraction {info.calibration_prior:.3f} of the
candidates is real (the labelled sample); `skyvet score --prior P` states it for another fraction.
Calibration: {info.calibrator.get("method", "none")}, fitted on held-out logits. Verdict REAL from
{point.threshold:.3f} on, chosen for {point.target} at a fraction of real of {point.prior:g}.
A verdict is withheld (REVIEW) where class-conditional conformal prediction does not rule out the
opposite.

## Figures

| figure | value |
|---|---|
{figures}

## Limits

{text.limits}
"""


def _show(value: float | int | str | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:.4f}" if isinstance(value, float) else str(value)

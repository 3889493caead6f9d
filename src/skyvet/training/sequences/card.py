"""The model card of a classifier of frame sequences."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from skyvet.models.sequence_bundle import SequenceBundleInfo
from skyvet.training.card import show_figure

__all__ = ["SequenceCardText", "write_sequence_card"]

_TEMPLATE = """# {name} {version}

{summary}

Made {created} with skyvet {skyvet_version}. Surveys: {surveys}.
Embeddings: {n_latent} latent dimensions in {n_columns} columns, encoder `{encoder}`.
Light-curve features: {light_curve}. Members: {members}.

## Intended use

{intended_use}

## Training data

{description}

{n_real} real objects and {n_bogus} artefacts. Terms of the data: {licence}.
Hash of the object ids: `{ids_sha256:.16}`.

{label_trust}

## Procedure

{procedure}

## What a score means

The probability that the object is real (its light curve is not spoilt by an artefact), where a
fraction {calibration_prior:.3f} of the objects is real (the labelled sample). Calibration:
{method}, fitted on logits of inner held-out folds. Verdict REAL from {threshold:.3f} on, chosen
for {target} at a fraction of real of {target_prior:g}. A verdict is withheld (REVIEW) where
class-conditional conformal prediction does not rule out the opposite.

## Figures

Of the same members on inner folds that they had not seen.

| figure | value |
|---|---|
{figures}

## Limits

{limits}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceCardText:
    """Paragraphs of the card that no figure can replace (Markdown).

    Parameters
    ----------
    intended_use : str
        What to use it for, and what not.
    procedure : str
        How it was trained, beyond the config.
    limits : str
        Where it is weak.
    label_trust : str
        How far the labels can be trusted.
    """

    intended_use: str = (
        "Vetting of objects in data releases by the frames behind their light curves: is it an "
        "artefact, of which kind, and which frames say so. Not for single alerts."
    )
    procedure: str = "Trained with `skyvet train sequence`; every setting is in `bundle.json`."
    limits: str = "Not examined by slices; run `skyvet evaluate` on labels of your own."
    label_trust: str = "As good as the labels that were given."


def write_sequence_card(info: SequenceBundleInfo, text: SequenceCardText) -> str:
    """Return the model card of a bundle as Markdown.

    Parameters
    ----------
    info : SequenceBundleInfo
        All facts of the bundle.
    text : SequenceCardText
        What a person adds.
    """
    data, point = info.data, info.thresholds
    names = info.light_curve_names
    return _TEMPLATE.format(
        name=info.name,
        version=info.version,
        summary=info.summary,
        created=info.created_utc,
        skyvet_version=info.skyvet_version,
        surveys=", ".join(info.surveys) or "none",
        n_latent=info.n_latent,
        n_columns=info.n_columns,
        encoder=info.encoder,
        light_curve=f"{len(names)} needed" if names else "not used",
        members=", ".join(str(member["kind"]) for member in info.members),
        description=data.description,
        n_real=data.n_real,
        n_bogus=data.n_bogus,
        licence=data.licence,
        ids_sha256=data.candidate_ids_sha256,
        calibration_prior=info.calibration_prior,
        method=info.calibrator.get("method", "none"),
        threshold=point.threshold,
        target=point.target,
        target_prior=point.prior,
        figures="\n".join(f"| {k} | {show_figure(v)} |" for k, v in info.metrics.items()),
        **dataclasses.asdict(text),
    )

"""The model card of a classifier of sources."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from skyvet.models.source_bundle import SourceBundleInfo, SourceClassInfo
from skyvet.training.card import show_figure

__all__ = ["SourceCardText", "write_source_card"]

_TEMPLATE = """# {name} {version}

{summary}

Made {created} with skyvet {skyvet_version}. Surveys: {surveys}.
Takes {n_features} features a source{images}. Members: {members}.
Taxonomy: {taxonomy}, {n_classes} classes.

## Intended use

{intended_use}

## Training data

{description}

{n_rows} labelled rows of {n_sources} sources. Terms of the data: {licence}.
Hash of the source ids: `{ids_sha256:.16}`.

{simulated}{label_trust}

## Procedure

{procedure}

## What a probability means

The chance that the source is of the class, where classes are as frequent as among the labelled
sources; classes do not exclude each other, and none is likelier than one above it in the tree.

## Figures

Of the same members on inner folds of sources that they had not seen, with calibration and
thresholds of the other folds.

| class | yes | no | AUC | average precision | ECE | threshold | purity | completeness | F1 |
|---|---|---|---|---|---|---|---|---|---|
{figures}

{left_out}
## Limits

{limits}
"""


_SIMULATED = """{n} of these rows are simulated light curves. What is calibrated on them is
calibrated on the simulation: its classes, their frequencies and its noise are not those of the
sky. Compare with labelled sources of a survey before you believe a probability there.

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCardText:
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
        "Classes of persistent sources from features of their light curves. Not for transients of "
        "single alerts, nor for surveys that are not named above."
    )
    procedure: str = "Trained with `skyvet train sources`; every setting is in `bundle.json`."
    limits: str = "Not examined by brightness, number of epochs or place on the sky."
    label_trust: str = "As good as the labels that were given."


def write_source_card(info: SourceBundleInfo, text: SourceCardText) -> str:
    """Return the model card of a bundle as Markdown.

    Parameters
    ----------
    info : SourceBundleInfo
        All facts of the bundle.
    text : SourceCardText
        What a person adds.
    """
    data = info.data
    left_out = "".join(f"- {tag}: {why}\n" for tag, why in info.left_out.items())
    return _TEMPLATE.format(
        name=info.name,
        version=info.version,
        summary=info.summary,
        created=info.created_utc,
        skyvet_version=info.skyvet_version,
        surveys=", ".join(name or "not stated" for name in info.surveys) or "none",
        n_features=len(info.names),
        images=f" and {len(info.dmdt_names)} dm-dt images" if info.dmdt_names else "",
        members=", ".join(str(member["kind"]) for member in info.members),
        taxonomy=info.taxonomy.get("name", "unnamed"),
        n_classes=len(info.classes),
        description=data.description,
        n_rows=data.n_rows,
        n_sources=data.n_sources,
        licence=data.licence,
        ids_sha256=data.source_ids_sha256,
        simulated=_SIMULATED.format(n=data.n_simulated) if data.n_simulated else "",
        figures="\n".join(_line(one) for one in info.classes),
        left_out=f"Classes that were not trained:\n\n{left_out}" if left_out else "",
        **dataclasses.asdict(text),
    )


def _line(one: SourceClassInfo) -> str:
    names = ("auc", "average_precision", "ece")
    figures = [show_figure(one.metrics.get(name)) for name in names]
    verdict = [show_figure(one.metrics.get(name)) for name in ("purity", "completeness", "f1")]
    cells = [one.tag, one.n_positive, one.n_negative, *figures, f"{one.threshold:.3f}", *verdict]
    return "| " + " | ".join(map(str, cells)) + " |"

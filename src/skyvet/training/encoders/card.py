"""The card of an encoder, for people."""

from __future__ import annotations

from collections.abc import Sequence

from skyvet.models.encoders.bundle import EncoderInfo
from skyvet.training.encoders.fit import FittedEncoder

__all__ = ["with_section", "write_encoder_card"]

_BEFORE = "## Data"


def write_encoder_card(info: EncoderInfo, fitted: FittedEncoder) -> str:
    """Return the card of an encoder (Markdown).

    Parameters
    ----------
    info : EncoderInfo
        What goes into ``encoder.json``.
    fitted : FittedEncoder
        The training.

    Returns
    -------
    str
    """
    n_parameters = sum(p.numel() for p in fitted.network.parameters())
    lines = [
        f"# {info.name}, version {info.version}",
        "",
        f"Encoder of survey frames: {info.summary}. Input: frames of one object "
        f"(missing pixels NaN), scaled by `{info.scaling.kind}`. Output: {info.n_columns} numbers "
        f"a frame. {n_parameters:,} parameters with the decoder.",
        "",
        "## Figures",
        "",
        *_figures(info, fitted),
        "",
        "## Data",
        "",
        f"{info.data.description} {info.data.n_objects:,} objects, {info.data.n_frames:,} frames. "
        f"Terms: {info.data.licence}.",
        "",
        "## Limits",
        "",
        "An embedding says what a frame looks like, not whether it is an artefact; a classifier of "
        "sequences is trained on it. Frames of another survey, pixel scale or seeing than the "
        "training frames may be embedded poorly: look at the reconstructions before use.",
        "",
        "## Provenance",
        "",
        f"Made {info.created_utc} by skyvet {info.skyvet_version}. The settings of network and "
        "training are in `encoder.json`.",
        "",
    ]
    return "\n".join(lines)


def with_section(card: str, title: str, lines: Sequence[str]) -> str:
    r"""Return a card with a section before that on data; one with the same title is replaced.

    Examples
    --------
    >>> once = with_section("# Card\n\n## Data\n\nSky.\n", "More", ["1"])
    >>> with_section(once, "More", ["2"])
    '# Card\n\n## More\n\n2\n\n## Data\n\nSky.\n'
    """
    heading = f"## {title}\n"
    before, found, rest = card.partition(heading)
    if found:
        card = before + rest[rest.index("## ") :]
    return card.replace(_BEFORE, "\n".join([heading, *lines, "", _BEFORE]), 1)


def _figures(info: EncoderInfo, fitted: FittedEncoder) -> list[str]:
    metrics = info.metrics
    judged = "held-out objects" if fitted.config.validation_fraction else "the training objects"
    lines = [
        f"On {metrics['n_judged_frames']:,} frames of {judged}:",
        "",
        "- active dimensions (variance of the mean > 0.01): "
        f"{metrics['n_active']} of {info.n_latent}",
        f"- mean log-cosh of the residual a pixel: {metrics['reconstruction']:.4f} "
        f"(mean frame in place of a reconstruction: {metrics['blank_reconstruction']:.4f})",
        f"- epoch {fitted.best_epoch + 1} of {len(fitted.history)} was kept",
    ]
    if metrics["kl_nats"] is not None:
        lines.insert(3, f"- divergence from the prior: {metrics['kl_nats']:.1f} nats a frame")
    return lines

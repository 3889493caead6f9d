"""What an encoder of frames does, as one self-contained HTML page; made from arrays alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skyvet.core.arrays import BoolArray, FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.files import atomic_path
from skyvet.evaluation.encoder_plots import draw_dimensions, draw_history
from skyvet.evaluation.facts import Outcome
from skyvet.evaluation.page_templates import page_template
from skyvet.evaluation.stamp_images import stamp_data_uri, stretch_limits
from skyvet.evaluation.words import restoration_warning

__all__ = ["EncoderFacts", "render_encoder_page", "write_encoder_page"]

_ENOUGH_ALIVE = 0.75
_SHOWN_PERCENT = (0.5, 99.5)
_LEAST_RANGE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncoderFacts:
    """What the page shows of an encoder.

    Parameters
    ----------
    title : str
        Name and version.
    summary : str
        Kind, size, input.
    data : str
        What it was trained on.
    mean_variance, kl_nats : ndarray, shape (n_latent,)
        Variance of each dimension's mean over held-out frames, and divergence from the prior
        [nats]; NaN throughout where the encoder is deterministic.
    active_mask : ndarray, shape (n_latent,), bool
        True where the dimension is in use.
    reconstruction, blank_reconstruction : float
        Mean log-cosh of the residual a pixel, and the same for the mean frame.
    n_frames : int
        Frames that these figures rest on.
    train_loss, validation_loss : ndarray, shape (n_epochs,)
        History; NaN where nothing was held out.
    best_epoch : int
        Epoch that was kept, from 0.
    originals, restored : ndarray, shape (n, height, width)
        Scaled frames and their reconstructions; missing pixels are NaN in the first.
    traversal : ndarray, shape (k, n_steps, height, width)
        Decoded images with one dimension moved at a time.
    traversed : ndarray, shape (k,), int
        Which dimensions these are.
    steps : ndarray, shape (n_steps,)
        By how much each was moved [standard deviations].
    settings_json : str
        Settings of network and training.
    skyvet_version : str
        Of the program that made the page.

    Raises
    ------
    InvalidInputError
        If shapes disagree.
    """

    title: str
    summary: str
    data: str
    mean_variance: FloatArray
    kl_nats: FloatArray
    active_mask: BoolArray
    reconstruction: float
    blank_reconstruction: float
    n_frames: int
    train_loss: FloatArray
    validation_loss: FloatArray
    best_epoch: int
    originals: FloatArray
    restored: FloatArray
    traversal: FloatArray
    traversed: IntArray
    steps: FloatArray
    settings_json: str
    skyvet_version: str

    def __post_init__(self) -> None:
        """Check shapes."""
        if not self.mean_variance.shape == self.kl_nats.shape == self.active_mask.shape:
            raise InvalidInputError(
                "mean_variance, kl_nats and active_mask need one entry a dimension, got "
                f"{self.mean_variance.shape}, {self.kl_nats.shape}, {self.active_mask.shape}"
            )
        if self.originals.shape != self.restored.shape or self.originals.ndim != 3:
            raise InvalidInputError(
                "originals and restored must share a shape (n, height, width), got "
                f"{self.originals.shape} and {self.restored.shape}"
            )
        if self.traversal.shape[:2] != (len(self.traversed), len(self.steps)):
            raise InvalidInputError(
                f"traversal must have shape ({len(self.traversed)}, {len(self.steps)}, height, "
                f"width), got {self.traversal.shape}"
            )


class _Restoration(NamedTuple):
    """One frame, what came back, and what was lost, as data addresses."""

    original: str
    restored: str
    residual: str
    error: float


class _Walk(NamedTuple):
    """One dimension moved from low to high."""

    i_latent: int
    figure: str
    images: list[str]


def write_encoder_page(facts: EncoderFacts, path: Path) -> None:
    """Write the page; it is whole or absent.

    Parameters
    ----------
    facts : EncoderFacts
        What it shows.
    path : Path
        HTML file; an older one is replaced.

    Raises
    ------
    DatasetError
        If it cannot be written.
    """
    page = render_encoder_page(facts)
    with atomic_path(path) as draft:
        draft.write_text(page, encoding="utf-8")


def render_encoder_page(facts: EncoderFacts) -> str:
    """Return the page as text: no address of another site, all data escaped.

    Parameters
    ----------
    facts : EncoderFacts
        What it shows.

    Returns
    -------
    str
        An HTML document.
    """
    n_latent = len(facts.active_mask)
    n_active = int(np.count_nonzero(facts.active_mask))
    has_kl = bool(np.isfinite(facts.kl_nats).any())
    warning = restoration_warning(facts.reconstruction, facts.blank_reconstruction)
    return str(
        page_template("encoder.html.j2").render(
            f=facts,
            n_latent=n_latent,
            n_active=n_active,
            outcome=_outcome(n_active, n_latent, warning),
            warning=warning,
            total_kl=float(facts.kl_nats.sum()) if has_kl else None,
            explained=_explained(facts),
            dimensions=draw_dimensions(facts.kl_nats, facts.mean_variance, facts.active_mask),
            history=draw_history(
                facts.train_loss, facts.validation_loss, best_epoch=facts.best_epoch
            ),
            restorations=_restorations(facts),
            walks=_walks(facts),
        )
    )


def _outcome(n_active: int, n_latent: int, warning: str) -> Outcome:
    """Return the tone of the page: good needs both enough dimensions and restored frames."""
    if n_active < _ENOUGH_ALIVE * n_latent:
        return "FAIL"
    return "UNDECIDED" if warning else "PASS"


def _explained(facts: EncoderFacts) -> float | None:
    """Share of the mean frame's error that the reconstruction takes away."""
    if not facts.blank_reconstruction > 0:
        return None
    return 1.0 - facts.reconstruction / facts.blank_reconstruction


def _restorations(facts: EncoderFacts) -> list[_Restoration]:
    """Draw original and reconstruction with one stretch, and their difference around grey."""
    drawn = []
    for original, restored in zip(facts.originals, facts.restored, strict=True):
        residual = original - restored
        limits = stretch_limits(original)
        reach = 0.5 * (limits[1] - limits[0])
        drawn.append(
            _Restoration(
                original=stamp_data_uri(original, limits),
                restored=stamp_data_uri(np.where(np.isnan(original), np.nan, restored), limits),
                residual=stamp_data_uri(residual, (-reach, reach)),
                error=float(np.sqrt(np.nanmean(np.square(residual)))),
            )
        )
    return drawn


def _walks(facts: EncoderFacts) -> list[_Walk]:
    if not facts.traversal.size:
        return []
    low, high = np.percentile(facts.traversal, _SHOWN_PERCENT)
    limits = (float(low), max(float(high), float(low) + _LEAST_RANGE))
    return [
        _Walk(
            i_latent=int(i_latent),
            figure=_figure_of(facts, int(i_latent)),
            images=[stamp_data_uri(image, limits) for image in images],
        )
        for i_latent, images in zip(facts.traversed, facts.traversal, strict=True)
    ]


def _figure_of(facts: EncoderFacts, i_latent: int) -> str:
    kl: Any = facts.kl_nats[i_latent]
    if np.isfinite(kl):
        return f"{kl:.2f} nats"
    return f"variance {facts.mean_variance[i_latent]:.2f}"

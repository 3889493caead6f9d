"""Figures of the encoder page: dimensions in use, and the history of the training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.optional import require
from skyvet.evaluation.plots_svg import BOGUS, INK, MODEL, MUTED, draw_svg

__all__ = ["draw_dimensions", "draw_history"]

_safe = require("jinja2.filters", extra="report").do_mark_safe
_ticker = require("matplotlib.ticker", extra="report")
_LEAST_SHOWN = 1e-4
_N_DECADES_FINE = 2.5


def draw_dimensions(kl_nats: FloatArray, mean_variance: FloatArray, active_mask: BoolArray) -> Any:  # noqa: ANN401 - jinja2's marked text
    """Draw how much each dimension carries, largest first, on a logarithmic axis.

    Parameters
    ----------
    kl_nats, mean_variance : ndarray, shape (n_latent,)
        Divergence from the prior [nats] (NaN = deterministic; the variance is drawn then), and
        variance of the mean.
    active_mask : ndarray, shape (n_latent,), bool
        True where the dimension is in use.

    Returns
    -------
    str
        SVG element, safe to put into a page.
    """
    has_kl = bool(np.isfinite(kl_nats).all())
    heights = np.maximum(kl_nats if has_kl else mean_variance, _LEAST_SHOWN)
    order = np.argsort(-heights, kind="stable")

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib has no types
        colours = [MODEL if active else MUTED for active in active_mask[order]]
        axes.bar(np.arange(len(order)), heights[order], color=colours, width=0.75)
        axes.set_yscale("log")
        limits = 0.5 * float(heights.min()), 1.5 * float(heights.max())
        axes.set_ylim(*limits)
        ticks = _ticks(*limits)
        axes.set_yticks(ticks, [_tick_label(tick) for tick in ticks])
        axes.yaxis.set_minor_locator(_ticker.NullLocator())
        axes.set_xlim(-0.7, len(order) - 0.3)
        step = max(1, len(order) // 12)
        axes.set_xticks(np.arange(0, len(order), step), [str(i) for i in order[::step]])
        axes.set_xlabel("dimension, by size")
        axes.set_ylabel("divergence from the prior [nats]" if has_kl else "variance of the mean")
        axes.grid(visible=False, axis="x")

    return _safe(
        draw_svg(draw, title="What each dimension carries", name="dimensions", size_in=(5.2, 2.9))
    )


def draw_history(train_loss: FloatArray, validation_loss: FloatArray, *, best_epoch: int) -> Any:  # noqa: ANN401
    """Draw the loss of each epoch.

    Parameters
    ----------
    train_loss, validation_loss : ndarray, shape (n_epochs,)
        Loss; NaN where nothing was held out.
    best_epoch : int
        Epoch that was kept, from 0.

    Returns
    -------
    str
        SVG element, safe to put into a page.
    """
    epochs = np.arange(1, len(train_loss) + 1)
    marker = "o" if len(epochs) < 3 else None

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib has no types
        axes.plot(epochs, 1000 * train_loss, color=MODEL, lw=1.6, marker=marker, label="training")
        if np.isfinite(validation_loss).any():
            axes.plot(
                epochs, 1000 * validation_loss, color=BOGUS, lw=1.6, marker=marker, label="held out"
            )
        axes.axvline(best_epoch + 1, color=INK, lw=0.9, ls=(0, (2, 3)), label="kept")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss a pixel [1/1000]")
        axes.legend()

    return _safe(draw_svg(draw, title="Loss by epoch", name="history", size_in=(5.2, 2.9)))


def _ticks(low: float, high: float) -> list[float]:
    """Return decades between two bounds, and twice and five times them where these are few."""
    digits = (1, 2, 5) if math.log10(high / low) < _N_DECADES_FINE else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [digit * 10.0**decade for decade in decades for digit in digits]
    return [tick for tick in ticks if low <= tick <= high]


def _tick_label(tick: float) -> str:
    return f"{tick:g}" if tick >= 0.01 else f"$10^{{{round(math.log10(tick))}}}$"

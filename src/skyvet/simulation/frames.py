"""Sequences of small science frames of one position, with the guilty frames known.

They imitate the r-band cutouts behind ZTF data-release light curves: 28 x 28 px, 5 to 1,100
epochs, sky left in, each epoch with its own seeing, transparency, sky and sub-pixel phase
(needs numba).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field, model_validator

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.configs import Config
from skyvet.core.optional import require
from skyvet.records.frames import FrameSequence
from skyvet.records.labels import LabelValue
from skyvet.simulation.cadence import CADENCES, SurveyCalendar, draw_epochs, make_calendar
from skyvet.simulation.conditions import Conditions, draw_conditions
from skyvet.simulation.frame_artefacts import (
    FrameArtefact,
    Painter,
    draw_painter,
    persistence,
)
from skyvet.simulation.frame_nights import draw_nights
from skyvet.simulation.scene import Scene, draw_field, draw_galaxy
from skyvet.simulation.surveys import SurveyTraits, survey_traits
from skyvet.simulation.variability.base import PriorLimits
from skyvet.simulation.variability.registry import get_variability

__all__ = [
    "FrameConfig",
    "SimulatedFrames",
    "frame_calendar",
    "simulate_frame_sequence",
    "simulate_frame_sequences",
]

_STREAM = 0x6672
_CALENDAR_STREAM = 0x6673
_ZERO_POINT_NJY = 31.4
# Shares of the tags among the expert-labelled artefacts (2,230 objects; cosmic rays raised).
_WEIGHTS = {
    FrameArtefact.GHOST: 270.0,
    FrameArtefact.TRACK: 112.0,
    FrameArtefact.COLUMN: 100.0,
    FrameArtefact.BRIGHT_STAR: 103.0,
    FrameArtefact.SPIKE: 72.0,
    FrameArtefact.DEFOCUSING: 82.0,
    FrameArtefact.FRAME_EDGE: 32.0,
    FrameArtefact.COSMIC_RAY: 40.0,
}
_KIND_WEIGHTS = {
    "constant": 0.25, "agn": 0.2, "supernova_ia": 0.08, "supernova_cc": 0.04, "rr_lyrae_ab": 0.06,
    "eclipsing_ea": 0.07, "eclipsing_ew": 0.06, "lpv": 0.08, "cataclysmic": 0.06, "flare": 0.1,
}  # fmt: skip
_ON_GALAXY = frozenset({"agn", "supernova_ia", "supernova_cc"})


class FrameConfig(Config):
    """What frame sequences to simulate; options of the command line are made from it."""

    seed: int = Field(
        default=1, ge=0, description="One seed gives one result, whatever the number of workers."
    )
    size_px: int = Field(default=28, ge=16, le=128, description="Side of the frames [pixels].")
    min_epochs: int = Field(default=5, ge=1, description="Fewest frames of an object.")
    max_epochs: int = Field(default=1100, ge=1, le=1100, description="Most frames of an object.")
    median_epochs: float = Field(
        default=426.0, gt=0, le=1e5, description="Typical number of frames."
    )
    artefact_fraction: float = Field(
        default=0.515, ge=0.0, le=1.0, description="Share of objects that are artefacts."
    )
    artefacts: tuple[FrameArtefact, ...] = Field(
        default=tuple(FrameArtefact), min_length=1, description="Kinds of artefacts."
    )
    strength: float = Field(
        default=12.0,
        gt=0,
        le=1e4,
        description="Median excess of an artefact [sky noise of a pixel].",
    )

    @model_validator(mode="after")
    def _check_epochs(self) -> FrameConfig:
        if self.min_epochs > self.max_epochs:
            raise ValueError(
                f"min_epochs must not exceed max_epochs, got {self.min_epochs} > {self.max_epochs}"
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedFrames:
    """One object's frames and what they really show.

    Parameters
    ----------
    sequence : FrameSequence
        Frames [ADU, sky left in, missing = NaN] and times.
    label : LabelValue
        BOGUS where an artefact spoils the light curve.
    tags : tuple of str
        Kind of artefact; empty for real objects.
    guilty_mask : ndarray, shape (n_epochs,), bool
        True where the artefact is in the frame.
    variability : str
        Kind of variable underneath.
    seeing_arcsec : ndarray, shape (n_epochs,)
        Full width at half maximum [arcsec].
    zero_point_mag : ndarray, shape (n_epochs,)
        AB magnitude of 1 ADU, transparency included.
    true_flux_njy : ndarray, shape (n_epochs,)
        Flux of the object without artefact [nJy].
    """

    sequence: FrameSequence
    label: LabelValue
    tags: tuple[str, ...]
    guilty_mask: BoolArray
    variability: str
    seeing_arcsec: FloatArray
    zero_point_mag: FloatArray
    true_flux_njy: FloatArray


def frame_calendar(config: FrameConfig) -> SurveyCalendar:
    """Return the nights of a well-observed ZTF field in r, the same for all objects of a seed."""
    cadence = replace(
        CADENCES["ztf"], revisit_nights=1.0, pairs=(("r", "r", 0.7, 0.5), ("r", "", 0.3, 0.5)),
        clear_nights=9.0, cloudy_nights=1.5,
    )  # fmt: skip
    rng = np.random.default_rng([config.seed, _CALENDAR_STREAM])
    return make_calendar(cadence, 58_250.0, 5.5, rng=rng)


def simulate_frame_sequence(
    config: FrameConfig, i: int, *, calendar: SurveyCalendar | None = None
) -> SimulatedFrames:
    """Simulate the frames of object number `i`.

    Parameters
    ----------
    config : FrameConfig
        What to simulate.
    i : int
        Number of the object; object `i` of one config is always the same.
    calendar : SurveyCalendar, optional
        Result of `frame_calendar`, to save computing it for each object.

    Returns
    -------
    SimulatedFrames

    Raises
    ------
    MissingDependencyError
        If numba (extra ``simulate``) is not installed.

    Examples
    --------
    >>> simulated = simulate_frame_sequence(FrameConfig(max_epochs=20), 0)
    >>> simulated.sequence.frames.shape[1:]
    (28, 28)
    """
    rng = np.random.default_rng([config.seed, _STREAM, i])
    mjd_tai = _draw_times(config, calendar or frame_calendar(config), rng)
    traits = _traits()
    conditions = draw_conditions(traits, rng)
    kind = str(rng.choice(list(_KIND_WEIGHTS), p=np.array([*_KIND_WEIGHTS.values()])))
    flux_njy = _draw_flux(kind, mjd_tai, rng)
    scene = _draw_scene(config, conditions, on_galaxy=kind in _ON_GALAXY, rng=rng)
    nights = draw_nights(conditions, len(mjd_tai), rng=rng)
    artefact, guilty = _draw_artefact(config, len(mjd_tai), rng)
    painter = None if artefact is None else _draw_painter(config, artefact, rng)
    target = flux_njy * 10 ** (-0.4 * (_ZERO_POINT_NJY - nights.zero_point_mag))
    frames = _renderer()(scene, nights, target, painter=painter, guilty=guilty)
    return SimulatedFrames(
        sequence=FrameSequence(
            object_id=f"sim-frames-{config.seed}-{i}",
            frames=frames,
            mjd_tai=mjd_tai,
            pixel_scale_arcsec=traits.pixel_scale_arcsec,
        ),
        label=LabelValue.REAL if artefact is None else LabelValue.BOGUS,
        tags=() if artefact is None else (artefact.value,),
        guilty_mask=guilty,
        variability=kind,
        seeing_arcsec=nights.fwhm_px * traits.pixel_scale_arcsec,
        zero_point_mag=nights.zero_point_mag,
        true_flux_njy=flux_njy,
    )


def simulate_frame_sequences(config: FrameConfig, start: int, stop: int) -> list[SimulatedFrames]:
    """Simulate objects `start` to `stop - 1`; the same as one by one.

    Examples
    --------
    >>> len(simulate_frame_sequences(FrameConfig(max_epochs=6), 0, 2))
    2
    """
    calendar = frame_calendar(config)
    return [simulate_frame_sequence(config, i, calendar=calendar) for i in range(start, stop)]


def _traits() -> SurveyTraits:
    ztf = survey_traits("ztf")
    return replace(ztf, bands=tuple(band for band in ztf.bands if band.name == "r"))


def _draw_times(
    config: FrameConfig, calendar: SurveyCalendar, rng: np.random.Generator
) -> FloatArray:
    """Draw the number of frames (spread of the real set) and their times."""
    wanted = rng.normal(config.median_epochs, 0.55 * config.median_epochs)
    n_epochs = int(np.clip(wanted, config.min_epochs, config.max_epochs))
    times = draw_epochs(calendar, float(rng.uniform(0, 360)), rng=rng).mjd_tai
    while len(times) < n_epochs:
        more = draw_epochs(calendar, float(rng.uniform(0, 360)), rng=rng).mjd_tai
        times = np.union1d(times, more)
    return np.sort(rng.choice(times, n_epochs, replace=False))


def _draw_flux(kind: str, mjd_tai: FloatArray, rng: np.random.Generator) -> FloatArray:
    limits = PriorLimits(
        mjd_start=float(mjd_tai[0]),
        mjd_end=max(float(mjd_tai[-1]), float(mjd_tai[0]) + 60.0),
        bright_mag=15.5,
        faint_mag=20.3,
    )
    variability = get_variability(kind)
    parameters = variability.sample_parameters(limits, rng)
    return variability.flux_njy(mjd_tai, np.full(len(mjd_tai), "r"), parameters)


def _draw_scene(
    config: FrameConfig, conditions: Conditions, *, on_galaxy: bool, rng: np.random.Generator
) -> Scene:
    scene = Scene(traits=_traits(), conditions=conditions, size_px=config.size_px, rng=rng)
    draw_field(scene)
    # The object is brighter than what lies within 3 px of it.
    scene.stars = [
        s for s in scene.stars if math.hypot(s.x - scene.target_x, s.y - scene.target_y) > 3
    ]
    if on_galaxy or rng.random() < 0.15:
        x, y = scene.target_x + rng.normal(0, 0.7), scene.target_y + rng.normal(0, 0.7)
        magnitude = float(rng.uniform(16.0, 20.5))
        scene.galaxies.append(draw_galaxy(scene, x=float(x), y=float(y), magnitude=magnitude))
    return scene


def _draw_artefact(
    config: FrameConfig, n_epochs: int, rng: np.random.Generator
) -> tuple[FrameArtefact | None, BoolArray]:
    """Choose the kind and the guilty frames: 1 to 5, or a large part of all."""
    guilty = np.zeros(n_epochs, dtype=bool)
    if rng.random() >= config.artefact_fraction:
        return None, guilty
    weights = np.array([_WEIGHTS[kind] for kind in config.artefacts])
    kind = config.artefacts[int(rng.choice(len(weights), p=weights / weights.sum()))]
    if rng.random() < persistence(kind):
        share = 1.0 if kind is FrameArtefact.BRIGHT_STAR else rng.uniform(0.3, 1.0)
        guilty = rng.random(n_epochs) < share
        guilty[rng.integers(n_epochs)] = True
        return kind, guilty
    n_guilty = min(int(rng.choice(5, p=(0.45, 0.2, 0.15, 0.1, 0.1))) + 1, max(1, n_epochs // 3))
    guilty[rng.choice(n_epochs, n_guilty, replace=False)] = True
    return kind, guilty


def _draw_painter(config: FrameConfig, kind: FrameArtefact, rng: np.random.Generator) -> Painter:
    strength = config.strength * math.exp(0.6 * float(rng.standard_normal()))
    return draw_painter(kind, config.size_px, strength=strength, rng=rng)


def _renderer() -> Callable[..., FloatArray]:
    """Import rendering only when it is used: it needs numba."""
    require("numba", extra="simulate")
    from skyvet.simulation.frame_rendering import render_frames  # noqa: PLC0415

    return render_frames

"""The table of classes that can be simulated, with how each prepares a scene."""

from __future__ import annotations

from collections.abc import Callable

from skyvet.records.taxonomy import CandidateClass
from skyvet.simulation.artefacts import (
    bad_column,
    bleeding,
    bright_star_residual,
    cosmic_ray,
    crosstalk,
    defocus,
    detector_edge,
    dipole,
    ghost,
    hot_pixel,
    noise_peak,
    spike,
    template_defect,
    trail,
)
from skyvet.simulation.real import asteroid, flare, hostless, nuclear, supernova, variable_star
from skyvet.simulation.scene import Scene

__all__ = ["PREPARE"]

PREPARE: dict[CandidateClass, Callable[[Scene], None]] = {
    CandidateClass.SUPERNOVA: supernova.prepare,
    CandidateClass.HOSTLESS: hostless.prepare,
    CandidateClass.NUCLEAR: nuclear.prepare,
    CandidateClass.VARIABLE_STAR: variable_star.prepare_brighter,
    CandidateClass.NEGATIVE_VARIABLE: variable_star.prepare_fainter,
    CandidateClass.ASTEROID: asteroid.prepare,
    CandidateClass.FLARE: flare.prepare,
    CandidateClass.DIPOLE: dipole.prepare,
    CandidateClass.BRIGHT_STAR_RESIDUAL: bright_star_residual.prepare,
    CandidateClass.SPIKE: spike.prepare,
    CandidateClass.COSMIC_RAY: cosmic_ray.prepare,
    CandidateClass.TRAIL: trail.prepare,
    CandidateClass.BAD_COLUMN: bad_column.prepare,
    CandidateClass.HOT_PIXEL: hot_pixel.prepare,
    CandidateClass.BLEEDING: bleeding.prepare,
    CandidateClass.GHOST: ghost.prepare,
    CandidateClass.DEFOCUS: defocus.prepare,
    CandidateClass.TEMPLATE_DEFECT: template_defect.prepare,
    CandidateClass.NOISE_PEAK: noise_peak.prepare,
    CandidateClass.CROSSTALK: crosstalk.prepare,
    CandidateClass.DETECTOR_EDGE: detector_edge.prepare,
}
"""One function a class; it adds what makes the class to an empty scene."""

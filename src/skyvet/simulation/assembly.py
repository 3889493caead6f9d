"""From a class to a candidate: prepare, render, detect, cut, measure (needs numba)."""

from __future__ import annotations

import math
import string
from dataclasses import dataclass

import numpy as np
from scipy import fft

from skyvet.core.errors import SkyvetError
from skyvet.core.photometry import AB_ZERO_POINT_NJY
from skyvet.records.candidate import Candidate
from skyvet.records.flags import CandidateFlag
from skyvet.records.identifiers import Identifier
from skyvet.records.taxonomy import CandidateClass
from skyvet.simulation.classes import PREPARE
from skyvet.simulation.conditions import draw_conditions
from skyvet.simulation.cutting import StampWindow, cut_triplet, draw_window
from skyvet.simulation.features import measure_features
from skyvet.simulation.masking import mask_field
from skyvet.simulation.measurement import Detection, find_detection, passes_filter
from skyvet.simulation.rendering import Observation, observe
from skyvet.simulation.scene import Scene
from skyvet.simulation.surveys import SurveyName, SurveyTraits

__all__ = ["MadeCandidate", "make_candidate"]

_MAX_ATTEMPTS = 400
_MARGIN_PX = 17


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MadeCandidate:
    """A candidate with what was put in.

    Parameters
    ----------
    candidate : Candidate
        As the survey would send it.
    packet_fields : dict of str to float
        Further fields of its packet.
    injected_flux_njy : float
        Signed flux put in [nJy]; NaN where the class injects none.
    host : str
        ``galaxy``, ``star`` or empty.
    x, y : float
        Column and row of the target on the science cutout [pixels].
    """

    candidate: Candidate
    packet_fields: dict[str, float]
    injected_flux_njy: float
    host: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Detected:
    scene: Scene
    observation: Observation
    detection: Detection
    features: dict[str, float]


def make_candidate(
    traits: SurveyTraits,
    name: CandidateClass,
    *,
    stamp_px: int,
    rng: np.random.Generator,
    number: tuple[int, int],
    mjd_tai: float,
) -> MadeCandidate:
    """Simulate a class until the pipeline detects it, and cut and measure it.

    Parameters
    ----------
    traits : SurveyTraits
        The survey.
    name : CandidateClass
        What to simulate.
    stamp_px : int
        Stamp size [pixels].
    rng : numpy.random.Generator
        The item's own randomness.
    number : tuple of int
        Seed of the night and number of the item, for identifiers.
    mjd_tai : float
        Start of the night [d, TAI].

    Returns
    -------
    MadeCandidate

    Raises
    ------
    SkyvetError
        If the class is never detected: a defect of its priors.
    """
    found = _detect(traits, name, stamp_px=stamp_px, rng=rng)
    scene, detection = found.scene, found.detection
    window = draw_window(scene, detection, stamp_px=stamp_px, name=name)
    cutouts, flags = cut_triplet(scene, found.observation, detection, window=window)
    njy = 10.0 ** (0.4 * (AB_ZERO_POINT_NJY - scene.conditions.zero_point))
    candidate_id, object_id = _identifiers(traits, number)
    right_ascension, declination = (
        rng.uniform(0, 360),
        math.degrees(math.asin(rng.uniform(-0.5, 1))),
    )
    flux_njy = detection.flux * njy
    candidate = Candidate(
        survey=traits.name.value,
        candidate_id=candidate_id,
        object_id=object_id,
        mjd_tai=mjd_tai + float(rng.uniform(0, 0.4)),
        ra_deg=float(right_ascension),
        dec_deg=float(declination),
        band=scene.conditions.band,
        flux_njy=flux_njy,
        flux_err_njy=abs(flux_njy / detection.snr),
        snr=abs(detection.snr),
        cutouts=cutouts,
        edge_distance_px=window.edge_distance_px,
        flags=flags | _context_flags(scene, detection),
        features=_features(found, window),
    )
    return MadeCandidate(
        candidate=candidate,
        packet_fields=_packet_fields(scene),
        injected_flux_njy=scene.injected_flux * njy,
        host=scene.host,
        x=scene.target_x - window.column0,
        y=scene.target_y - window.row0,
    )


def _detect(
    traits: SurveyTraits, name: CandidateClass, *, stamp_px: int, rng: np.random.Generator
) -> _Detected:
    size = int(fft.next_fast_len(stamp_px + _MARGIN_PX, real=True))
    for _ in range(_MAX_ATTEMPTS):
        scene = Scene(traits=traits, conditions=draw_conditions(traits, rng), size_px=size, rng=rng)
        PREPARE[name](scene)
        mask_field(scene)
        observation = observe(scene)
        detection = find_detection(scene, observation.difference)
        if detection is None:
            continue
        features = measure_features(scene, observation, detection)
        if passes_filter(scene, features):
            return _Detected(
                scene=scene, observation=observation, detection=detection, features=features
            )
    raise SkyvetError(
        f"no {name} reached the detection threshold of {traits.name} in {_MAX_ATTEMPTS} attempts; "
        "set its rate to 0 and report this"
    )


def _features(found: _Detected, window: StampWindow) -> dict[str, float]:
    if found.scene.traits.name is not SurveyName.ZTF:
        return found.features
    return {**found.features, "mindtoedge": window.edge_distance_px}


def _packet_fields(scene: Scene) -> dict[str, float]:
    """Fields of ZTF's schema that no column of the candidate carries."""
    if scene.traits.name is not SurveyName.ZTF:
        return {}
    fields = {"magzpsci": scene.conditions.zero_point}
    if math.isfinite(scene.solar_system_magnitude):
        fields["ssdistnr"] = abs(float(scene.rng.normal(0.0, 0.6)))
        fields["ssmagnr"] = scene.solar_system_magnitude
    return fields


def _context_flags(scene: Scene, detection: Detection) -> CandidateFlag:
    flags = CandidateFlag.NONE
    if detection.flux < 0:
        flags |= CandidateFlag.NEGATIVE_DIFFERENCE
    if math.isfinite(scene.solar_system_magnitude):
        flags |= CandidateFlag.SOLAR_SYSTEM
    return flags


def _identifiers(traits: SurveyTraits, number: tuple[int, int]) -> tuple[Identifier, Identifier]:
    """Return identifiers in the survey's own type, unique for seeds below a million."""
    seed, i_item = number
    value = (2_000_000_000_000_000_000 + seed % 1_000_000 * 1_000_000_000_000) + i_item
    if traits.name is not SurveyName.ZTF:
        return value, value + 500_000_000_000
    letters, rest = [], i_item + (seed % 89) * 90_000_000
    for _ in range(7):
        rest, digit = divmod(rest, 26)
        letters.append(string.ascii_lowercase[digit])
    return value, f"ZTF{18 + seed % 8:02d}" + "".join(reversed(letters))
